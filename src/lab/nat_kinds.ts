/**
 * The kinds of NAT that the laboratory can build, each with the rules that make a Linux router behave so. Behaviour is told
 * in the words of RFC 4787; a test with a probe like that of RFC 5780 holds each recipe to what is said here.
 *
 * A router has two interfaces, `lan` and `wan`. Every recipe drops what comes in from outside unasked, also when it is meant
 * for the router itself: without that an early probe from outside would leave a connection-tracking entry in the router, and
 * the home's own packet to that peer would then leave from another port.
 *
 * @module
 */
import type { FirewallChain, FirewallTable } from "../ffi/nftables_linux.ts";

/** RFC 4787 sections 4.1 and 5. */
export type NatDependence = "endpointIndependent" | "addressDependent" | "addressAndPortDependent";

/** Packet filter of one router, given its public address: a table we load ourselves, or text for `nft -f`. */
export type RouterRules = (publicAddress: string) => FirewallTable | string;

/** Short name of a kind, as in the table of results. */
export type NatKindId =
  | "PR"
  | "FC"
  | "AR"
  | "SY"
  | "SN"
  | "SS"
  | "HP"
  | "UB"
  | "T4"
  | "PX"
  | "CG"
  | "CGs"
  | "CN"
  | "PM";

/** A kind of NAT. */
export interface NatKind {
  /** One line for people. */
  title: string;
  /** On what the external port of one socket depends; null = UDP does not pass. */
  mapping: NatDependence | null;
  /** Who may send to a mapped port; null = UDP does not pass. */
  filtering: NatDependence | null;
  /** How the external port is chosen. */
  ports: "preserved" | "random" | "sequential" | "block";
  /** Whether a host reaches its own mapped port from inside. */
  hairpin: boolean;
  /** TCP ports that may be reached outside. */
  tcp: "all" | number[];
  /** From the home outwards. */
  routers: RouterRules[];
  /** Whether two homes of this kind have the last router in common. */
  sharesCarrier?: true;
  /** Whether the first router has an HTTP proxy, through which alone others are reached. */
  hasProxy?: true;
  /** Whether the router maps ports for those who ask, by PCP, NAT-PMP and UPnP-IGD (the program miniupnpd). */
  mapsPorts?: true;
}

const UDP = 17;
const BLOCK_START = 20000;
const BLOCK_LENGTH = 64;

const UNASKED_IN: FirewallChain = {
  name: "input",
  type: "filter",
  hook: "input",
  priority: 0,
  rules: [
    { matches: [{ on: "inputInterface", name: "wan" }, { on: "establishedOrRelated" }], verdict: "accept" },
    { matches: [{ on: "inputInterface", name: "wan" }], verdict: "drop" },
  ],
};

const MASQUERADE: FirewallChain = {
  name: "post",
  type: "nat",
  hook: "postrouting",
  priority: 100,
  rules: [{ matches: [{ on: "outputInterface", name: "wan" }], verdict: "masquerade" }],
};

const NO_UDP: FirewallChain = {
  name: "through",
  type: "filter",
  hook: "forward",
  priority: 0,
  rules: [{ matches: [{ on: "protocol", number: UDP }], verdict: "drop" }],
};

const NOTHING_THROUGH: FirewallChain = {
  name: "through",
  type: "filter",
  hook: "forward",
  priority: 0,
  rules: [{ matches: [{ on: "inputInterface", name: "lan" }], verdict: "drop" }],
};

const portRestricted: RouterRules = () => ({ name: "nat", chains: [MASQUERADE, UNASKED_IN] });
const withoutUdp: RouterRules = () => ({ name: "nat", chains: [MASQUERADE, UNASKED_IN, NO_UDP] });

const onlyProxy: RouterRules = () => ({ name: "nat", chains: [UNASKED_IN, NOTHING_THROUGH] });

/** An `nft -f` script with the chain all recipes share. */
function script(...chains: string[]): string {
  const input = `chain input { type filter hook input priority 0;
    iifname "wan" ct state established,related accept; iifname "wan" drop; }`;
  return `table ip nat {\n  ${[...chains, input].join("\n  ")}\n}\n`;
}

function post(...rules: string[]): string {
  return `chain post { type nat hook postrouting priority 100; ${rules.map((rule) => `${rule}; `).join("")}}`;
}

/** Remembers each port a home sends from, for two minutes, so that others may send to it. */
const CONE_MAP = `map cone { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; }`;

function cone(learn: string[], accept: string[], extraPost: string[] = []): string[] {
  const learnRules = ["update @cone { udp sport : ip saddr . udp sport }", ...learn]
    .map((rule) => `iifname "lan" oifname "wan" meta l4proto udp ${rule}; `);
  return [
    CONE_MAP,
    `chain through { type filter hook forward priority 0; ${learnRules.join("")}}`,
    `chain pre { type nat hook prerouting priority -100; ${accept.map((rule) => `${rule}; `).join("")}}`,
    post(`oifname "wan" masquerade`, ...extraPost),
  ];
}

const fullCone: RouterRules = () =>
  script(...cone([], [`iifname "wan" meta l4proto udp dnat ip to udp dport map @cone`]));

const addressRestricted: RouterRules = () =>
  script(
    "set known { type ipv4_addr . inet_service; flags dynamic,timeout; timeout 120s; }",
    ...cone(["update @known { ip daddr . udp sport }"], [
      `iifname "wan" meta l4proto udp ip saddr . udp dport @known dnat ip to udp dport map @cone`,
    ]),
  );

const hairpin: RouterRules = (publicAddress) =>
  script(...cone([], [
    `iifname { "wan", "lan" } ip daddr ${publicAddress} meta l4proto udp dnat ip to udp dport map @cone`,
  ], [`iifname "lan" oifname "lan" snat to ${publicAddress}`]));

const symmetric: RouterRules = () => script(post(`oifname "wan" masquerade fully-random`));

/** TCP needs a rule of its own: a `snat` for UDP alone leaves it untranslated. */
const OTHERS = `oifname "wan" meta l4proto != udp masquerade`;

const symmetricBlock: RouterRules = (publicAddress) => {
  const range = `${BLOCK_START}-${BLOCK_START + BLOCK_LENGTH - 1}`;
  return script(post(`oifname "wan" meta l4proto udp snat to ${publicAddress}:${range} random`, OTHERS));
};

/** A map, because `numgen … offset` alone counts in the wrong byte order and gives steps of 256. */
const symmetricSequential: RouterRules = (publicAddress) => {
  const ports = Array.from({ length: BLOCK_LENGTH }, (_, index) => `${index} : ${BLOCK_START + index}`).join(", ");
  const next = `numgen inc mod ${BLOCK_LENGTH} map { ${ports} }`;
  return script(post(`oifname "wan" meta l4proto udp snat ip to ${publicAddress} : ${next}`, OTHERS));
};

/** As SY, from an address for which miniupnpd is ready to map, with the chains that it fills. */
const symmetricMapping: RouterRules = (publicAddress) =>
  script(post(`oifname "wan" snat to ${mappableAddress(publicAddress)} fully-random`)) + `
table inet mapped {
  chain forward { type filter hook forward priority 0; jump miniupnpd; }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting { type nat hook postrouting priority 110; jump postrouting_miniupnpd; }
  chain postrouting_miniupnpd { }
}
`;

/** What a router that maps ports has beside its public address: miniupnpd refuses to map behind TEST-NET ones. */
export function mappableAddress(publicAddress: string): string {
  return publicAddress.replace("203.0.113.", "45.0.113.");
}

const only443: RouterRules = () =>
  script(
    post(`oifname "wan" masquerade`),
    `chain through { type filter hook forward priority 0;
    ct state established,related accept; tcp dport 443 accept; iifname "lan" drop; }`,
  );

const PORT_RESTRICTED = {
  mapping: "endpointIndependent",
  filtering: "addressAndPortDependent",
  ports: "preserved",
  hairpin: false,
  tcp: "all",
} as const;

const SYMMETRIC = { ...PORT_RESTRICTED, mapping: "addressAndPortDependent" } as const;

/** All kinds by their short names. */
export const NAT_KINDS: Record<NatKindId, NatKind> = {
  PR: { ...PORT_RESTRICTED, title: "port-restricted cone: Linux, most homes", routers: [portRestricted] },
  FC: { ...PORT_RESTRICTED, title: "full cone", filtering: "endpointIndependent", routers: [fullCone] },
  AR: {
    ...PORT_RESTRICTED,
    title: "address-restricted cone",
    filtering: "addressDependent",
    routers: [addressRestricted],
  },
  SY: { ...SYMMETRIC, title: "symmetric, random ports", ports: "random", routers: [symmetric] },
  SN: { ...SYMMETRIC, title: "symmetric, within a block of 64 ports", ports: "block", routers: [symmetricBlock] },
  SS: { ...SYMMETRIC, title: "symmetric, next port", ports: "sequential", routers: [symmetricSequential] },
  HP: {
    ...PORT_RESTRICTED,
    title: "full cone with hairpin",
    filtering: "endpointIndependent",
    hairpin: true,
    routers: [hairpin],
  },
  UB: { ...PORT_RESTRICTED, title: "UDP blocked", mapping: null, filtering: null, routers: [withoutUdp] },
  T4: {
    ...PORT_RESTRICTED,
    title: "only TCP to port 443",
    mapping: null,
    filtering: null,
    tcp: [443],
    routers: [only443],
  },
  PX: {
    ...PORT_RESTRICTED,
    title: "only an HTTP proxy, to port 443",
    mapping: null,
    filtering: null,
    tcp: [],
    routers: [onlyProxy],
    hasProxy: true,
  },
  CG: { ...PORT_RESTRICTED, title: "home behind a carrier's NAT", routers: [portRestricted, portRestricted] },
  CGs: {
    ...PORT_RESTRICTED,
    title: "home behind a carrier's NAT that the other home is behind as well",
    routers: [portRestricted, portRestricted],
    sharesCarrier: true,
  },
  CN: {
    ...SYMMETRIC,
    title: "home behind a carrier's NAT with a block of 64 ports",
    ports: "block",
    routers: [portRestricted, symmetricBlock],
  },
  PM: {
    ...SYMMETRIC,
    title: "symmetric, random ports, and a router that maps ports",
    ports: "random",
    routers: [symmetricMapping],
    mapsPorts: true,
  },
};

/** Whether the kind can only be built where the `nft` program is installed. */
export function needsNftProgram(kind: NatKind): boolean {
  return kind.routers.some((rules) => typeof rules("192.0.2.1") === "string");
}
