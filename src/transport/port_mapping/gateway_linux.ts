import { mappedIpv4, parseIpv4, parseIpv6 } from "../../base/ip.ts";
import { RouteNetlink } from "../../ffi/rtnetlink_linux.ts";
import type { Link, LinkAddress, Route } from "../../ffi/rtnetlink_messages_linux.ts";
import type { Gateway } from "./types.ts";

const RT_TABLE_MAIN = 254;
const RTN_UNICAST = 1;
const SCOPE_GLOBAL = 0;

/** What the system knows of its network. */
export interface NetworkState {
  /** All interfaces. */
  links: readonly Link[];
  /** All addresses of all interfaces. */
  addresses: readonly LinkAddress[];
  /** All routes of all tables. */
  routes: readonly Route[];
}

/** The default gateway of the network namespace in which the thread is, from the routes of the kernel. Null = none. */
export function linuxGateway(family: 4 | 6): Gateway | null {
  using netlink = new RouteNetlink();
  return findGateway(
    { links: netlink.links(), addresses: netlink.addresses(), routes: netlink.routes() },
    family,
  );
}

/**
 * The next hop of the best default route over an interface that runs. Routes without a next hop are passed over: they are
 * tunnels of VPNs, behind which no router takes requests.
 */
export function findGateway(state: NetworkState, family: 4 | 6): Gateway | null {
  const destination = family === 4 ? "0.0.0.0/0" : "::/0";
  const defaults = state.routes
    .filter((route) => route.destination === destination && route.table === RT_TABLE_MAIN && route.type === RTN_UNICAST)
    .sort((a, b) => a.metric - b.metric);
  for (const route of defaults) {
    const link = state.links.find(({ index }) => index === route.linkIndex);
    const address = route.gateway === null ? null : parseAddress(route.gateway);
    const local = link === undefined ? null : parseAddress(route.source ?? localAddress(state, route, family) ?? "");
    if (link === undefined || !link.isRunning || address === null || local === null) continue;
    return { address, localAddress: local, zone: family === 6 ? link.name : null };
  }
  return null;
}

/** The address that the kernel would take: for IPv4 one of the gateway's subnet, of IPv6 ones the lasting before others. */
function localAddress(state: NetworkState, route: Route, family: 4 | 6): string | null {
  const own = state.addresses.filter(({ linkIndex, address, scope, isUsable }) =>
    linkIndex === route.linkIndex && isUsable && scope === SCOPE_GLOBAL &&
    (parseIpv4(address) !== null) === (family === 4)
  );
  const gateway = parseIpv4(route.gateway ?? "");
  const best = family === 4
    ? own.find(({ address, prefixLength }) =>
      gateway !== null && isSameSubnet(parseIpv4(address)!, gateway, prefixLength)
    )
    : own.find(({ isTemporary }) => !isTemporary);
  return (best ?? own[0])?.address ?? null;
}

function isSameSubnet(a: number, b: number, prefixLength: number): boolean {
  const size = 2 ** (32 - prefixLength);
  return Math.floor(a / size) === Math.floor(b / size);
}

function parseAddress(text: string): Uint8Array | null {
  const quad = parseIpv4(text);
  return quad === null ? parseIpv6(text) : mappedIpv4(quad);
}
