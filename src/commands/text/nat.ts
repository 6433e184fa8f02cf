import type {
  CandidateView,
  NatDependence,
  NatView,
  PortMappingProtocol,
  PortMappingView,
  WhyView,
} from "../../ipc/mod.ts";
import { renderFields } from "./fields.ts";
import { shownNick, shownRtt } from "./members.ts";

const MAPPINGS: Record<NatDependence, string> = {
  endpointIndependent: "the same port for every destination (easy)",
  addressDependent: "another port for each address (hard)",
  addressAndPortDependent: "another port for each destination (hard)",
};

const FILTERS: Record<NatDependence, string> = {
  endpointIndependent: "anybody may answer",
  addressDependent: "only addresses that were sent to may answer",
  addressAndPortDependent: "only who was sent to may answer",
};

/** The network of this computer. */
export function renderNat(nat: NatView): string[] {
  const { udp, observed, local, isTranslated, mapping, filtering, keepsPort, portStep, portRange } = nat;
  return renderFields([
    ["udp", shownFact(udp, "gets through", "blocked")],
    ["seen as", observed],
    ["own endpoints", local.join(", ")],
    ["nat", shownFact(isTranslated, "yes", "none")],
    ["mapping", mapping === null || isTranslated === false ? null : MAPPINGS[mapping]],
    ["filtering", filtering === null ? null : FILTERS[filtering]],
    ["port", shownFact(keepsPort, "kept", "changed")],
    ["port step", portStep === null ? null : String(portStep)],
    ["ports given", portRange === null ? null : `${portRange[0]} to ${portRange[1]}`],
    ["hairpin", shownFact(nat.hairpin, "yes", "no")],
    ["ipv6", shownFact(nat.ipv6, "yes", "no")],
    ["port mapping", shownPortMapping(nat.portMapping)],
  ]);
}

const PROTOCOL_NAMES: Readonly<Record<PortMappingProtocol, string>> = { pcp: "PCP", natPmp: "NAT-PMP", upnp: "UPnP" };

function shownPortMapping(mapping: PortMappingView | null): string | null {
  if (mapping === null) return null;
  const { by, endpoint, answers } = mapping;
  if (by !== null && endpoint !== null) return `${endpoint} by ${PROTOCOL_NAMES[by]}`;
  const names = Object.entries(PROTOCOL_NAMES) as [PortMappingProtocol, string][];
  return `none (${names.map(([name, shown]) => `${shown} ${ANSWERS[answers[name]] ?? answers[name]}`).join(", ")})`;
}

const ANSWERS: Readonly<Record<string, string>> = {
  notAsked: "not asked",
  asking: "being asked",
  present: "being tried",
  silent: "silent",
  refused: "refused",
  useless: "without effect",
};

/** Why packets reach a peer the way they do. */
export function renderWhy(view: WhyView): string[] {
  const { peer, candidates, failedSearches } = view;
  return [
    ...renderFields([
      ["peer", `${shownNick(view.nick)} ${view.id}`.trim()],
      ["path", view.path ?? "none"],
      ["cause", view.words],
      ["advice", view.advice],
      ["mapping here", shownMapping(view.own.mapping)],
      ["mapping there", shownMapping(peer?.mapping ?? null)],
      ["port search", view.isSearching ? "running" : failedSearches > 0 ? `failed ${failedSearches} times` : null],
    ]),
    ...(candidates.length === 0 ? [] : ["  tried:"]),
    ...candidates.map(renderCandidate),
  ];
}

function renderCandidate({ kind, endpoint, sent, answered, rttMs, inUse }: CandidateView): string {
  const rtt = shownRtt(rttMs);
  const outcome = `${sent} sent, ${answered} answered${rtt === null ? "" : `, ${rtt}`}`;
  return `  ${inUse ? "*" : " "} ${kind.padEnd(9)} ${endpoint.padEnd(24)} ${outcome}`;
}

function shownMapping(mapping: NatDependence | null): string | null {
  return mapping === null ? null : MAPPINGS[mapping];
}

function shownFact(fact: boolean | null, yes: string, no: string): string | null {
  return fact === null ? null : fact ? yes : no;
}
