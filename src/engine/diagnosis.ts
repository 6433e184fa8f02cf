/**
 * What keeps this computer from its networks, from facts that somebody else gathered: pure. Each finding comes with the one
 * thing that mends it, and a computer on which all is well has none.
 *
 * @module
 */
import { type Cidr4, formatCidr4 } from "../base/ip.ts";
import { describeClash, findRouteClashes, type KnownRoute } from "../device/routes.ts";
import type { FindingView } from "../ipc/doctor_schema.ts";

/** The tunnel device, as the system has it. */
export interface DeviceFacts {
  /** Its name. */
  name: string;
  /** Bytes; null = the system has no such device. */
  mtu: number | null;
  /** Whether it is switched on. */
  isUp: boolean;
  /** Whether it has the virtual address that it is to have. */
  hasAddress: boolean;
}

/** A chain of the system's firewall that drops whatever no rule of it lets in. */
export interface ClosedChain {
  /** Such as `inet filter input`. */
  name: string;
  /** Names of interfaces from which a rule lets in. */
  openFor: readonly string[];
}

/** All that there is to know. */
export interface HostFacts {
  /** Whether the person wants to be logged in, and is. */
  wantsLogin: boolean;
  /** See above. */
  isLoggedIn: boolean;
  /** Milliseconds by which the server's clock is ahead; null = not known. */
  serverAheadMs: number | null;
  /** Whether UDP does not get through to the server. */
  isUdpBlocked: boolean;
  /** Virtual addresses of the server; null before the first login. */
  pool: Cidr4 | null;
  /** Null for an engine without a device. */
  device: DeviceFacts | null;
  /** MTU that the device was given. */
  deviceMtu: number;
  /** Of the system. */
  routes: readonly KnownRoute[];
  /** Null = nobody could look. */
  closedChains: readonly ClosedChain[] | null;
  /** See `StateSaver.problem`. */
  unsaved: string | null;
}

/** Clocks that are less apart do no harm: invites and bans end by the server's. */
const CLOCK_TOLERANCE_MS = 60_000;

/** What is wrong, the worst first. */
export function diagnose(facts: HostFacts): FindingView[] {
  return [
    ...loginFindings(facts),
    ...deviceFindings(facts),
    ...routeFindings(facts),
    ...firewallFindings(facts),
    ...clockFindings(facts),
    ...stateFindings(facts),
  ];
}

function loginFindings({ wantsLogin, isLoggedIn, isUdpBlocked }: HostFacts): FindingView[] {
  if (!wantsLogin) return [finding("loggedOut", "This computer is logged out.", "Run `buri login`.")];
  if (!isLoggedIn) {
    const remedy =
      "See that this computer is on the Internet and the server runs; the engine's log says what it tried.";
    return [finding("serverUnreachable", "There is no connection to the server.", remedy)];
  }
  if (!isUdpBlocked) return [];
  const remedy = "Let UDP out through the firewall of this network; until then packets go by TCP, which is slower.";
  return [finding("udpBlocked", "UDP does not get through to the server.", remedy)];
}

function deviceFindings({ device, deviceMtu, isLoggedIn }: HostFacts): FindingView[] {
  if (device === null) {
    const words = "The engine runs without a tunnel device: other programs cannot use the network.";
    return [finding("noDevice", words, "Start it without `--device none`.")];
  }
  const { name, mtu, isUp, hasAddress } = device;
  const again = "Somebody has changed it: end the engine by `buri down` and start it again.";
  if (mtu === null) return [finding("deviceGone", `The device ${name} is gone.`, again)];
  const found: FindingView[] = [];
  if (!isUp) found.push(finding("deviceDown", `The device ${name} is switched off.`, again));
  else if (isLoggedIn && !hasAddress) {
    found.push(finding("addressMissing", `The device ${name} lacks its virtual address.`, again));
  }
  if (mtu !== deviceMtu) {
    found.push(finding("deviceMtu", `The MTU of ${name} is ${mtu} instead of ${deviceMtu}.`, again));
  }
  return found;
}

function routeFindings({ pool, routes, device }: HostFacts): FindingView[] {
  if (pool === null || device === null) return [];
  return findRouteClashes(pool, [...routes], device.name).map((clash) =>
    finding(
      "addressClash",
      `The virtual network and this machine share addresses: ${describeClash(pool, clash)}.`,
      clash.effect === "hides"
        ? "Use IPv6 (`buri set-ip-mode ipv6`), or remove the route if it is not needed."
        : "Use IPv6 (`buri set-ip-mode ipv6`), or ask for a server with another pool.",
    )
  );
}

function firewallFindings({ closedChains, device, pool }: HostFacts): FindingView[] {
  if (closedChains === null || device === null || pool === null) return [];
  return closedChains.filter(({ openFor }) => !openFor.includes(device.name)).map(({ name }) =>
    finding(
      "firewall",
      `The firewall of this computer (${name}) drops what it does not know, and does not know ${device.name}: members may ` +
        "not reach what this computer serves.",
      `Let them in: nft insert rule ${name} iifname ${device.name} ip saddr ${formatCidr4(pool)} accept`,
    )
  );
}

function clockFindings({ serverAheadMs }: HostFacts): FindingView[] {
  if (serverAheadMs === null || Math.abs(serverAheadMs) < CLOCK_TOLERANCE_MS) return [];
  const minutes = Math.round(Math.abs(serverAheadMs) / 60_000);
  const words = `The clock of this computer is ${minutes} min ${
    serverAheadMs > 0 ? "behind" : "ahead of"
  } the server's.`;
  return [
    finding(
      "clock",
      words,
      "Set it by NTP, such as `timedatectl set-ntp true`; times of messages are wrong until then.",
    ),
  ];
}

function stateFindings({ unsaved }: HostFacts): FindingView[] {
  return unsaved === null ? [] : [finding("cannotSave", unsaved, "Make room on the disk of the state folder.")];
}

function finding(id: FindingView["id"], words: string, remedy: string): FindingView {
  return { id, words, remedy };
}
