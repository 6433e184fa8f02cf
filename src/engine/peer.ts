/**
 * What the engine keeps of one peer, and what follows from it.
 *
 * @module
 */
import type { KnownPeer } from "./networks_view.ts";
import type { PeerOffer } from "./pins.ts";
import type { Tunnel } from "./tunnel.ts";
import { MAX_EAGER_TUNNELS, nextRequestAt } from "./tunnel_policy.ts";
import type { PeerFacts } from "./views.ts";

/** A tunnel without a path for so long is as good as none: the server is asked for a new one. */
const PATH_LOST_MS = 10_000;

/** A request that brought no tunnel within this time has failed; before, the peer is not called unreachable. */
const REQUEST_TIMEOUT_MS = 5_000;

/** How long a packet for a peer, or a ping, counts as wanting a tunnel. */
const WANTED_MS = 10_000;

/** One tunnel of a peer. */
export interface PeerLink {
  /** Names the tunnel. */
  localSpi: number;
  /** What the server said of the peer when it was begun. */
  offer: PeerOffer;
  /** Suite of its keys. */
  suite: 1 | 2;
  /** Whether we consent to leave out encryption, and sign so in each exchange. */
  mayBePlain: boolean;
  /** Whether the peer asked for it because it has no other: then nothing we send through an older one arrives. */
  isPeersOnly: boolean;
  /** Whether both ends have keys. */
  isEstablished: boolean;
  /** Since when it has no path; null while it has one. */
  lostAt: number | null;
  /** Inner bytes at the last reading. */
  bytesIn: number;
  /** Inner bytes at the last reading. */
  bytesOut: number;
}

/** A peer. Times are monotonic ms. */
export interface Peer {
  /** Its virtual IPv4 address. */
  readonly virtualAddress: number;
  /** As the server tells it; null = it shares no network with us any more. */
  known: KnownPeer | null;
  /** Since when it is within reach. */
  since: number;
  /** The tunnel that carries its packets. */
  inUse: PeerLink | null;
  /** A tunnel on its way to take over. */
  inMaking: PeerLink | null;
  /** When the server was last asked for a tunnel, or one failed. */
  requestedAt: number | null;
  /** Requests since a tunnel last had a path. */
  failures: number;
  /** When somebody last had packets for it or pinged it. */
  wantedAt: number;
  /** Why it may have no tunnel; null = it may. */
  refused: string | null;
  /** Inner bytes of tunnels that are gone. */
  bytesIn: number;
  /** Inner bytes of tunnels that are gone. */
  bytesOut: number;
}

/** A peer of which nothing is known but its address. */
export function newPeer(virtualAddress: number, now: number): Peer {
  return {
    virtualAddress,
    known: null,
    since: now,
    inUse: null,
    inMaking: null,
    requestedAt: null,
    failures: 0,
    wantedAt: -Infinity,
    refused: null,
    bytesIn: 0,
    bytesOut: 0,
  };
}

/** It has just come within reach, or the server has come back: earlier failures say nothing any more. */
export function beginAnew(peer: Peer, now: number): void {
  peer.since = now;
  peer.requestedAt = null;
  peer.failures = 0;
}

/** Whether a tunnel that has keys has had no path for so long that it is as good as none. */
export function isPathLost({ isEstablished, lostAt }: PeerLink, now: number): boolean {
  return isEstablished && lostAt !== null && now - lostAt >= PATH_LOST_MS;
}

/** What `list` and `peer` show. `tunnel`: the one in use. */
export function factsOf(peer: Peer, tunnel: Tunnel | undefined, now: number): PeerFacts {
  const links = [peer.inUse, peer.inMaking].filter((link) => link !== null);
  const hasJustAsked = peer.failures === 1 && now - (peer.requestedAt ?? now) < REQUEST_TIMEOUT_MS;
  return {
    link: tunnel?.link() ?? null,
    refused: peer.refused,
    isUnreachable: peer.failures > 0 && !hasJustAsked,
    bytesIn: links.reduce((sum, link) => sum + link.bytesIn, peer.bytesIn),
    bytesOut: links.reduce((sum, link) => sum + link.bytesOut, peer.bytesOut),
  };
}

/** Peers that need a tunnel, each with the time to ask the server for it. */
export function dueRequests(peers: Iterable<Peer>, ownAddress: number, now: number): { peer: Peer; at: number }[] {
  const reachable = [...peers].filter((peer) => peer.known?.isWithinReach === true)
    .toSorted((a, b) => a.virtualAddress - b.virtualAddress);
  return reachable.flatMap((peer, rank) => {
    const lostAt = peer.inUse === null ? -Infinity : peer.inUse.lostAt;
    if (peer.inMaking !== null || lostAt === null) return [];
    const at = nextRequestAt({
      isOursLower: ownAddress < peer.virtualAddress,
      since: peer.since,
      hasTraffic: now - peer.wantedAt < WANTED_MS,
      isEager: rank < MAX_EAGER_TUNNELS,
      requestedAt: peer.requestedAt,
      failures: peer.failures,
    });
    return at === null ? [] : [{ peer, at: Math.max(at, lostAt + PATH_LOST_MS) }];
  });
}
