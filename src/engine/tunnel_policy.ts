/**
 * When to ask the server for a tunnel (docs/PROTOCOL.md, section 10).
 *
 * Of two members the one with the lower address asks at once, the other only if nothing came of it. A large network is not
 * meshed before there is traffic, and what failed is tried again ever more rarely: a peer that cannot be reached must not
 * become a storm of requests.
 *
 * @module
 */

/** Towards so many peers tunnels are made without traffic. */
export const MAX_EAGER_TUNNELS = 32;

/** How long the member with the higher address leaves the first step to the other. */
const YIELD_MS = 2_000;

/** The server repeats its answer, SPIs included, for 5 s: asking sooner would bring back the tunnel that has just failed. */
const MIN_REQUEST_INTERVAL_MS = 6_000;

/** Longest pause after failures. */
const MAX_REQUEST_INTERVAL_MS = 60_000;

/** What is known of a peer that shares an online network with us and is online itself. */
export interface PeerNeed {
  /** Whether our virtual address is the lower one. */
  isOursLower: boolean;
  /** Since when the peer is within reach. */
  since: number;
  /** Whether there are packets for it, or somebody pings it. */
  hasTraffic: boolean;
  /** Whether it is among the first {@linkcode MAX_EAGER_TUNNELS} peers. */
  isEager: boolean;
  /** When we last asked, null = never. */
  requestedAt: number | null;
  /** Requests since the last tunnel that came to life. */
  failures: number;
}

/** When to send the next TUNNEL REQUEST, on the clock of `since`; null = only once there is traffic. */
export function nextRequestAt(need: PeerNeed): number | null {
  if (!need.hasTraffic && !need.isEager) return null;
  const first = need.isOursLower || need.hasTraffic ? need.since : need.since + YIELD_MS;
  if (need.requestedAt === null) return first;
  const doubled = MIN_REQUEST_INTERVAL_MS * 2 ** Math.min(Math.max(0, need.failures - 1), 10);
  const pauseMs = need.hasTraffic ? MIN_REQUEST_INTERVAL_MS : Math.min(doubled, MAX_REQUEST_INTERVAL_MS);
  return Math.max(first, need.requestedAt + pauseMs);
}
