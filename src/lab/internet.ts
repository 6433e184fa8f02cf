import { type FirewallChain, Nftables } from "../ffi/nftables_linux.ts";
import { writeKernelFile } from "../ffi/posix_linux.ts";
import { ChaosLink } from "./chaos_link.ts";
import type { ChaosSettings } from "./chaos_model.ts";
import { ConnectProxy } from "./connect_proxy.ts";
import type { Lab, LabHost } from "./lab.ts";
import { mappableAddress, NAT_KINDS, type NatKindId, type RouterRules } from "./nat_kinds.ts";
import { startPortMapper } from "./port_mapper.ts";

/** TEST-NET-3 (RFC 5737): the laboratory's public addresses. */
const GATEWAY = "203.0.113.1";
const FIRST_PUBLIC = 10;
const LAST_PUBLIC = 250;
/** Every home uses the same private network, as real ones do. */
const HOME_ROUTER = "192.168.1.1";
const HOME_HOST = "192.168.1.2";
const UDP = 17;
/** Of proxies, and what they let through to. */
const PROXY_PORT = 3128;
const WEB_PORT = 443;

/** A host behind one router or several. */
export interface Home {
  /** The computer. */
  host: LabHost;
  /** Its routers, from the home outwards. */
  routers: LabHost[];
  /** What the world sees. */
  publicAddress: string;
  /** Starts the HTTP proxy that this home has instead of a way out, and gives its URL; null = it has none. */
  startProxy: (() => Promise<LabProxy>) | null;
  /** Starts what maps ports on its router; null = nothing does. */
  startMapper: (() => Promise<void>) | null;
}

/** A proxy that runs until it is disposed of. */
export interface LabProxy extends Disposable {
  /** `http://user:password@host:port`. */
  readonly url: string;
}

/** The Internet of a laboratory: one router in the middle that connects public hosts and homes. */
export class Internet {
  /** The router in the middle: what crosses the Internet crosses it. */
  readonly host: LabHost;
  readonly #lab: Lab;
  #nextPublic = FIRST_PUBLIC;

  /** Makes the router in the middle. */
  constructor(lab: Lab) {
    this.#lab = lab;
    this.host = lab.addHost("internet");
    forwardPackets(this.host);
  }

  /** A host with public addresses of its own, on its interface `wan`. */
  addPublicHost(name: string, addressCount = 1): { host: LabHost; addresses: string[] } {
    const host = this.#lab.addHost(name);
    const addresses = Array.from({ length: addressCount }, () => this.#takeAddress());
    this.#attach(host, addresses);
    return { host, addresses };
  }

  /**
   * A host behind NAT of the given kind. `neighbour`, where given, is a home of the same kind with the same carrier.
   * @throws {Error} where the kind needs `nft` and there is none
   */
  addHome(name: string, kind: NatKindId, neighbour?: Home): Home {
    const { routers: recipes } = NAT_KINDS[kind];
    const publicAddress = neighbour?.publicAddress ?? this.#takeAddress();
    const carriers = neighbour === undefined ? [] : [neighbour.routers.at(-1)!];
    const own = recipes.slice(0, recipes.length - carriers.length)
      .map((_, index) => this.#lab.addHost(`${name}-router${index === 0 ? "" : index + 1}`));
    const routers = [...own, ...carriers];
    if (neighbour === undefined) this.#attach(routers.at(-1)!, [publicAddress]);
    for (let index = routers.length - 1; index > 0; index--) {
      const isShared = neighbour !== undefined && index === routers.length - 1;
      this.#chain(
        routers[index]!,
        routers[index - 1]!,
        isShared ? { link: "lan2", level: index + 1 } : { link: "lan", level: index },
      );
    }
    own.forEach((router, index) => {
      forwardPackets(router);
      const isOutermost = index === routers.length - 1;
      loadRules(router, recipes[index]!, isOutermost ? publicAddress : carrierAddress(index + 1, 2));
    });
    const host = this.#lab.addHost(name);
    const startProxy = NAT_KINDS[kind].hasProxy === true ? () => startWebProxy(routers[0]!) : null;
    const startMapper = NAT_KINDS[kind].mapsPorts === true ? this.#mapper(routers[0]!, publicAddress) : null;
    const home = { host, routers, publicAddress, startProxy, startMapper };
    this.plug(host, home);
    return home;
  }

  /**
   * Plugs a computer's cable in at a home: it leaves the one where it was, and a computer that is there loses its cable.
   * Its address stays the same, as every home hands out the same ones; the world sees it elsewhere.
   */
  plug(host: LabHost, { routers }: Home): void {
    const router = routers[0]!;
    for (const [owner, link] of [[host, "lan0"], [router, "lan"]] as const) {
      const cable = owner.netlink.findLink(link);
      if (cable !== null) owner.netlink.removeLink(cable.index);
    }
    this.#lab.connect(router, "lan", host, "lan0");
    addAddress(router, "lan", `${HOME_ROUTER}/24`);
    addAddress(host, "lan0", `${HOME_HOST}/24`);
    addDefaultRoute(host, "lan0", HOME_ROUTER);
  }

  /** From now on drops all UDP between two public addresses, both ways; nothing else. */
  blockUdpBetween(one: string, other: string): void {
    const drop = (from: string, to: string) => ({
      matches: [
        { on: "sourceAddress" as const, address: from },
        { on: "destinationAddress" as const, address: to },
        { on: "protocol" as const, number: UDP },
      ],
      verdict: "drop" as const,
    });
    this.#block([drop(one, other), drop(other, one)]);
  }

  /** From now on drops all UDP; nothing else. */
  blockUdp(): void {
    this.#block([{ matches: [{ on: "protocol", number: UDP }], verdict: "drop" }]);
  }

  #block(rules: FirewallChain["rules"]): void {
    using filter = this.host.namespace.run(() => new Nftables());
    const chain = { name: "through", type: "filter", hook: "forward", priority: 0 } as const;
    filter.replaceTable({ name: "block", chains: [{ ...chain, rules }] });
  }

  /** Lifts {@linkcode Internet.blockUdpBetween} and {@linkcode Internet.blockUdp}. */
  unblock(): void {
    using filter = this.host.namespace.run(() => new Nftables());
    filter.removeTable("block");
  }

  /** Gives the router the address for which ports are mapped. */
  #mapper(router: LabHost, publicAddress: string): () => Promise<void> {
    const address = mappableAddress(publicAddress);
    addAddress(router, "wan", `${address}/32`);
    const linkIndex = indexOf(this.host, `line${publicAddress.split(".")[3]}`);
    this.host.netlink.addRoute({ destination: `${address}/32`, linkIndex });
    return () => startPortMapper(this.#lab, router, address);
  }

  #takeAddress(): string {
    if (this.#nextPublic > LAST_PUBLIC) throw new RangeError("Cannot add a host: all public addresses are taken");
    return `203.0.113.${this.#nextPublic++}`;
  }

  /**
   * Puts a line with faults in the place of the one that connects a public host, or a home's outermost router, to the
   * Internet. It is gone with the laboratory.
   */
  async disturb(
    place: Home | { host: LabHost; addresses: string[] },
    settings: Partial<ChaosSettings>,
    seed = 1,
  ): Promise<ChaosLink> {
    const [end, addresses] = "routers" in place
      ? [place.routers.at(-1)!, [place.publicAddress]]
      : [place.host, place.addresses];
    end.netlink.removeLink(indexOf(end, "wan"));
    let link: ChaosLink | undefined;
    this.#attach(end, addresses, (...ends) => link = ChaosLink.open(...ends, settings, seed));
    this.#lab.own(link!);
    await link!.ready;
    return link!;
  }

  /** A point-to-point line: the Internet has no broadcast domain. */
  #attach(
    host: LabHost,
    addresses: string[],
    connect: (one: LabHost, oneEnd: string, other: LabHost, otherEnd: string) => void = (...ends) =>
      this.#lab.connect(...ends),
  ): void {
    const [first = "", ...more] = addresses;
    // Interface names have 15 characters at most; the last number of the address is short and unique.
    const line = `line${first.split(".")[3]}`;
    connect(this.host, line, host, "wan");
    addAddress(this.host, line, `${GATEWAY}/32`, first);
    addAddress(host, "wan", `${first}/32`, GATEWAY);
    for (const address of more) {
      addAddress(host, "wan", `${address}/32`);
      this.host.netlink.addRoute({ destination: `${address}/32`, linkIndex: indexOf(this.host, line) });
    }
    addDefaultRoute(host, "wan", GATEWAY);
  }

  /** Connects a router to the next one outwards over carrier address space (RFC 6598). */
  #chain(outer: LabHost, inner: LabHost, { link, level }: { link: string; level: number }): void {
    this.#lab.connect(outer, link, inner, "wan");
    addAddress(outer, link, `${carrierAddress(level, 1)}/24`);
    addAddress(inner, "wan", `${carrierAddress(level, 2)}/24`);
    addDefaultRoute(inner, "wan", carrierAddress(level, 1));
  }
}

async function startWebProxy(router: LabHost): Promise<LabProxy> {
  const credentials = "home:s3same";
  const place = { hostname: HOME_ROUTER, port: PROXY_PORT };
  const proxy = await ConnectProxy.start(router, { ...place, credentials, allowedPorts: [WEB_PORT] });
  const url = `http://${credentials}@${HOME_ROUTER}:${PROXY_PORT}`;
  return { url, [Symbol.dispose]: () => proxy[Symbol.dispose]() };
}

function carrierAddress(level: number, number: number): string {
  return `100.64.${level}.${number}`;
}

function indexOf(host: LabHost, link: string): number {
  const found = host.netlink.findLink(link);
  if (found === null) throw new Error(`Cannot find the interface ${link} of ${host.name}`);
  return found.index;
}

function addAddress(host: LabHost, link: string, prefix: string, peer?: string): void {
  host.netlink.addAddress(indexOf(host, link), prefix, peer);
}

function addDefaultRoute(host: LabHost, link: string, gateway: string): void {
  host.netlink.addRoute({ destination: "0.0.0.0/0", linkIndex: indexOf(host, link), gateway });
}

function forwardPackets(host: LabHost): void {
  host.namespace.run(() => writeKernelFile("/proc/sys/net/ipv4/ip_forward", "1"));
}

function loadRules(router: LabHost, recipe: RouterRules, publicAddress: string): void {
  const rules = recipe(publicAddress);
  if (typeof rules !== "string") {
    using filter = router.namespace.run(() => new Nftables());
    return filter.replaceTable(rules);
  }
  const file = Deno.makeTempFileSync({ suffix: ".nft" });
  try {
    Deno.writeTextFileSync(file, rules);
    const { success, stderr } = router.namespace.run(() =>
      new Deno.Command("nft", { args: ["-f", file] }).outputSync()
    );
    if (!success) throw new Error(`Cannot load the rules of ${router.name}: ${new TextDecoder().decode(stderr)}`);
  } finally {
    Deno.removeSync(file);
  }
}
