/**
 * Why the packets of a tunnel take the way they take, and what would help.
 *
 * @module
 */
import { type Endpoint, ipv4Of } from "../base/ip.ts";
import { equalBytes } from "../base/bytes.ts";
import type { NatBehaviours } from "./port_search.ts";
import type { PathView } from "./paths.ts";

/** One end, as far as it is known. */
export interface EndEvidence extends NatBehaviours {
  /** Where a server sees its socket; null = no server ever saw a datagram from there. */
  observed: Endpoint | null;
}

/** Everything that an explanation goes by. */
export interface PathEvidence {
  /** Whether the server's word is of now. */
  isLoggedIn: boolean;
  /** Whether the peer is online, by that word. */
  isPeerOnline: boolean;
  /** Why there may be no tunnel, a clause; null = there may be one. */
  refused: string | null;
  /** All paths that were tried; empty = there is no tunnel. */
  paths: readonly PathView[];
  /** This end. `isUdpBlocked`: the server answers over TCP only; null = not known. */
  own: EndEvidence & { isUdpBlocked: boolean | null };
  /** The peer, by its own word and the server's; null = it gave none. */
  peer: EndEvidence | null;
  /** Whether one of the two ends looks for a port of the other's NAT now. */
  isSearching: boolean;
  /** How often such a search has found nothing, in a row. */
  failedSearches: number;
}

/** What it comes down to. */
export type PathCause =
  | "direct"
  | "notLoggedIn"
  | "refused"
  | "peerOffline"
  | "noTunnel"
  | "ownUdpBlocked"
  | "peerUdpBlocked"
  | "bothHard"
  | "searching"
  | "ownHard"
  | "peerHard"
  | "sameNat"
  | "firewall"
  | "justBegun";

/** A cause in words, and the one thing that would help. */
export interface PathExplanation {
  /** For programs. */
  cause: PathCause;
  /** One sentence. */
  words: string;
  /** One sentence; null = nothing needs help, or nothing would. */
  advice: string | null;
}

/** Fewer probes than these without an answer say nothing yet. */
const ENOUGH_PROBES = 8;

const FORWARD = "forward its UDP port to this computer and start the engine with that port (--port)";

const EXPLANATIONS: Record<PathCause, Omit<PathExplanation, "cause">> = {
  direct: { words: "Packets go straight to the peer.", advice: null },
  notLoggedIn: {
    words: "This computer is not logged in to its server, so that it learns of no peer.",
    advice: "See whether the server runs and can be reached: buri status.",
  },
  refused: { words: "There is no tunnel, because the peer is not trusted", advice: null },
  peerOffline: { words: "The peer is offline.", advice: "Start the engine of the peer, and see that it is online." },
  noTunnel: { words: "There is no tunnel yet: none was needed.", advice: "Send something to the peer: buri ping." },
  ownUdpBlocked: {
    words: "The network here lets no UDP out: the server answers over TCP only.",
    advice: "Let UDP out of this network, to any port; until then packets go through a relay, over TCP.",
  },
  peerUdpBlocked: {
    words: "The network of the peer lets no UDP out: no server ever saw a datagram from there.",
    advice: "Let UDP out of the network of the peer, to any port; nothing on this side would help.",
  },
  bothHard: {
    words: "Both routers give each destination another port, so that neither end knows where to send to.",
    advice: `On one of the two routers switch on UPnP or NAT-PMP, or ${FORWARD}.`,
  },
  searching: {
    words: "One of the two routers gives each destination another port; the ends are searching for it.",
    advice: null,
  },
  ownHard: {
    words:
      "The router here gives each destination another port, and the peer's router lets in no other than it expects.",
    advice: `On the router here switch on UPnP or NAT-PMP, or ${FORWARD}.`,
  },
  peerHard: {
    words:
      "The peer's router gives each destination another port, and the router here lets in no other than it expects.",
    advice: `On the router here, or on the peer's, switch on UPnP or NAT-PMP, or ${FORWARD}.`,
  },
  sameNat: {
    words:
      "Both ends are behind the same router or carrier, which turns no packets back, and in no common network there.",
    advice: "Only the carrier could change it; IPv6 on both sides would.",
  },
  firewall: {
    words:
      "Both routers would let the tunnel through, yet no probe was answered: something on the way drops UDP between " +
      "the two.",
    advice: "See whether a firewall on one of the two computers or networks blocks incoming UDP.",
  },
  justBegun: { words: "The direct ways are being tried.", advice: null },
};

/** Explains. */
export function explainPath(evidence: PathEvidence): PathExplanation {
  const cause = causeOf(evidence);
  const explanation = { cause, ...EXPLANATIONS[cause] };
  if (cause === "refused") explanation.words = `${explanation.words}: ${evidence.refused}.`;
  return explanation;
}

function causeOf(evidence: PathEvidence): PathCause {
  const { paths, refused, isLoggedIn, isPeerOnline } = evidence;
  const inUse = paths.find((path) => path.isInUse);
  if (inUse !== undefined && inUse.kind !== "relay") return "direct";
  if (refused !== null) return "refused";
  if (!isLoggedIn && paths.length === 0) return "notLoggedIn";
  if (isLoggedIn && !isPeerOnline) return "peerOffline";
  if (paths.length === 0) return "noTunnel";
  return natCause(evidence);
}

/** Why no direct path was found, from the plainest cause to the rarest. */
function natCause({ own, peer, paths, isSearching, failedSearches }: PathEvidence): PathCause {
  if (own.isUdpBlocked === true) return "ownUdpBlocked";
  if (peer === null) return "justBegun";
  if (peer.observed === null) return "peerUdpBlocked";
  const [isOwnHard, isPeerHard] = [own, peer].map(({ mapping }) =>
    mapping !== null && mapping !== "endpointIndependent"
  );
  if (isOwnHard && isPeerHard) return "bothHard";
  if (isSearching) return "searching";
  const isTried = paths.some(({ kind, probesSent }) => kind !== "relay" && probesSent >= ENOUGH_PROBES);
  if (failedSearches > 0 || isTried) {
    if (isOwnHard) return "ownHard";
    if (isPeerHard) return "peerHard";
    return isSameAddress(own.observed, peer.observed) ? "sameNat" : "firewall";
  }
  return "justBegun";
}

function isSameAddress(one: Endpoint | null, other: Endpoint): boolean {
  return one !== null && ipv4Of(one) !== null && equalBytes(one.address, other.address);
}
