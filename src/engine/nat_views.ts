/**
 * The engine's own network and its ways to peers, as `netcheck` and `why` show them: pure.
 *
 * @module
 */
import { formatEndpoint, ipv4Of } from "../base/ip.ts";
import type { NatView, PortMappingView, WhyView } from "../ipc/nat_schema.ts";
import type { PeerView } from "../ipc/schema.ts";
import { explainPath, type PathView } from "../nat/mod.ts";
import { type Candidate, CANDIDATE_KIND } from "../protocol/mod.ts";
import type { MappingStatus } from "../transport/port_mapping/mod.ts";
import type { OwnNat } from "./nat_watch.ts";
import type { Tunnel } from "./tunnel.ts";

/** Most paths that are shown: the interface takes no more. */
const MAX_SHOWN = 64;

/** What is known of the own network. */
export interface OwnNetwork {
  /** Null while logged out. */
  nat: OwnNat | null;
  /** What this computer itself knows of where it can be reached. */
  candidates: readonly Candidate[];
  /** Whether the server was asked over UDP for a while, and nothing came back. */
  isUdpSilent: boolean;
  /** Null where no router is asked to map a port. */
  mapping: MappingStatus | null;
}

/** The network of this computer. */
export function natView({ nat, candidates, isUdpSilent, mapping }: OwnNetwork): NatView {
  const observed = nat?.observed ?? null;
  const ports = nat?.ports ?? null;
  return {
    udp: isUdpSilent ? false : observed === null ? null : true,
    observed: observed === null ? null : formatEndpoint(observed),
    local: candidates.map(({ endpoint }) => formatEndpoint(endpoint)),
    isTranslated: nat?.isTranslated ?? null,
    mapping: isUdpSilent ? null : nat?.mapping ?? null,
    filtering: isUdpSilent ? null : nat?.filtering ?? null,
    keepsPort: nat?.keepsPort ?? null,
    portStep: nat?.portStep ?? null,
    portRange: ports === null ? null : [ports.low, ports.high],
    hairpin: nat?.hasHairpin ?? null,
    ipv6: candidates.some(({ kind, endpoint }) => kind === CANDIDATE_KIND.ipv6 && ipv4Of(endpoint) === null),
    portMapping: mapping === null ? null : mappingView(mapping),
  };
}

function mappingView({ mapping, answers }: MappingStatus): PortMappingView {
  const works = mapping?.test === "reachable" ? mapping : null;
  return {
    by: works?.by ?? null,
    endpoint: works === null ? null : formatEndpoint(works.external),
    answers: { pcp: answers.pcp.answer, natPmp: answers.natPmp.answer, upnp: answers.upnp.answer },
  };
}

/** What is known of the ways to one peer. */
export interface PeerWays {
  /** As `peer` shows it. */
  view: PeerView;
  /** Whether the server's word is of now. */
  isLoggedIn: boolean;
  /** Why it is refused; null = it is not. */
  refused: string | null;
  /** The tunnel in use or in the making; null = none. */
  tunnel: Pick<Tunnel, "paths" | "peerNat" | "observedCandidates"> | null;
  /** See `PortSearches`. */
  isSearching: boolean;
  /** See `PortSearches`. */
  failedSearches: number;
}

/** Why packets reach a peer the way they do. */
export function whyView(ways: PeerWays, network: OwnNetwork): WhyView {
  const { view, tunnel, isSearching, failedSearches } = ways;
  const own = natView(network);
  const paths = tunnel?.paths ?? [];
  const peerNat = tunnel?.peerNat ?? null;
  const observed = tunnel?.observedCandidates[0] ?? null;
  const { cause, words, advice } = explainPath({
    isLoggedIn: ways.isLoggedIn,
    isPeerOnline: view.status === "online" || view.status === "unreachable",
    refused: ways.refused,
    paths,
    own: {
      mapping: own.mapping,
      filtering: own.filtering,
      observed: network.nat?.observed ?? null,
      isUdpBlocked: own.udp === null ? null : !own.udp,
    },
    peer: tunnel === null
      ? null
      : { mapping: peerNat?.mapping ?? null, filtering: peerNat?.filtering ?? null, observed },
    isSearching,
    failedSearches,
  });
  const inUse = paths.find((path) => path.isInUse);
  return {
    id: view.id,
    nick: view.nick,
    path: inUse === undefined ? null : inUse.kind === "relay" ? "relay" : "direct",
    cause,
    words,
    advice,
    own,
    peer: peerNat === null ? null : {
      mapping: peerNat.mapping,
      filtering: peerNat.filtering,
      observed: observed === null ? null : formatEndpoint(observed),
    },
    candidates: paths.slice(0, MAX_SHOWN).map(candidateView),
    isSearching,
    failedSearches,
  };
}

function candidateView({ kind, endpoint, probesSent, probesAnswered, rttMs, isInUse }: PathView) {
  return {
    kind,
    endpoint: formatEndpoint(endpoint),
    sent: probesSent,
    answered: probesAnswered,
    rttMs,
    inUse: isInUse,
  };
}
