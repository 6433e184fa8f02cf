import { type Cidr4, cidr4Contains, formatCidr4, parseCidr4 } from "../base/ip.ts";

/** A route of the system, as far as clashes go. */
export interface KnownRoute {
  /** Such as `192.168.1.0/24`; IPv6 ones are ignored. */
  destination: string;
  /** Name of the outgoing interface. */
  device: string;
}

/** A route of the system that shares addresses with a pool of virtual addresses. */
export interface RouteClash {
  /** The system's route. */
  route: KnownRoute;
  /** `hidden`: the pool takes addresses away from it. `hides`: it takes addresses away from the pool. */
  effect: "hidden" | "hides";
}

/**
 * Routes that share addresses with `pool`, apart from those of `ownDevice` and from default routes (which 0.0.0.0/1 and
 * 128.0.0.0/1 are too: other VPNs write them so). The longer prefix wins, and of equal ones the one that was there first.
 */
export function findRouteClashes(pool: Cidr4, routes: KnownRoute[], ownDevice: string | null): RouteClash[] {
  const clashes: RouteClash[] = [];
  for (const route of routes) {
    if (route.device === ownDevice) continue;
    const prefix = parseCidr4(route.destination);
    if (prefix === null || prefix.bits <= 1) continue;
    if (cidr4Contains(pool, prefix.base)) clashes.push({ route, effect: "hides" });
    else if (cidr4Contains(prefix, pool.base)) clashes.push({ route, effect: "hidden" });
  }
  return clashes;
}

/** A clause for people, without a period. */
export function describeClash(pool: Cidr4, { route, effect }: RouteClash): string {
  const own = formatCidr4(pool);
  return effect === "hides"
    ? `addresses of ${own} within ${route.destination} are reached by ${route.device} instead`
    : `addresses of ${route.destination} (${route.device}) within ${own} are out of reach`;
}
