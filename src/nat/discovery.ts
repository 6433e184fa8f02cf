/**
 * What kind of NAT stands before us, from what servers saw (RFC 4787 sections 4 and 5, RFC 5780 section 4).
 *
 * Mapping says whether the outside sees the same endpoint whoever we talk to: then the endpoint that a server saw is good for
 * peers too. Filtering says who may answer; it decides nothing, but explains much.
 *
 * @module
 */
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { equalBytes } from "../base/bytes.ts";

/** How a mapping or a filter depends on the other end (RFC 4787). */
export type NatBehaviour = "endpointIndependent" | "addressDependent" | "addressAndPortDependent";

/** From where one of our packets seemed to come. */
export interface Observation {
  /** Where it went. */
  server: Endpoint;
  /** Its source as seen there. */
  observed: Endpoint;
}

/** What is known of ourselves and was seen by others, in the order in which it was asked. */
export interface NatEvidence {
  /** Endpoints of our own socket, one per own address. */
  local: readonly Endpoint[];
  /** What servers saw. All through the same socket. */
  observations: readonly Observation[];
  /**
   * What they saw of other sockets, one list for each. A NAT that draws from a small block of ports may give one socket the
   * same port twice by chance, but hardly several ones.
   */
  otherSockets?: readonly (readonly Observation[])[];
  /**
   * Whether an answer came from another port of a server than the one asked, and from another address; undefined = not
   * tried.
   */
  answered?: { fromOtherPort?: boolean; fromOtherAddress?: boolean };
}

/** A verdict; null = cannot be told from what there is. */
export interface NatVerdict {
  /** Whether the outside sees another endpoint than ours. */
  isTranslated: boolean | null;
  /** Without a second server address, `endpointIndependent` means: the same for two ports, as far as anyone can tell. */
  mapping: NatBehaviour | null;
  /** Who may send to a mapping. */
  filtering: NatBehaviour | null;
  /** Whether the port outside is the one inside. */
  keepsPort: boolean | null;
  /** By how much the port outside grows from one destination to the next, where that is always the same; else null. */
  portStep: number | null;
}

/** Judges a NAT. */
export function classifyNat({ local, observations, otherSockets = [], answered = {} }: NatEvidence): NatVerdict {
  const first = observations[0]?.observed;
  return {
    isTranslated: first === undefined ? null : !local.some((own) => equalEndpoint(own, first)),
    mapping: strictest([observations, ...otherSockets].map(mappingOf)),
    filtering: filteringOf(answered),
    keepsPort: first === undefined || local.length === 0 ? null : local.some(({ port }) => port === first.port),
    portStep: portStepOf(observations),
  };
}

const BY_STRICTNESS = ["endpointIndependent", "addressDependent", "addressAndPortDependent"] as const;

function strictest(behaviours: readonly (NatBehaviour | null)[]): NatBehaviour | null {
  return BY_STRICTNESS.findLast((behaviour) => behaviours.includes(behaviour)) ?? null;
}

function mappingOf(observations: readonly Observation[]): NatBehaviour | null {
  let isCompared = false;
  let dependsOnAddress = false;
  for (const [index, one] of observations.entries()) {
    for (const other of observations.slice(index + 1)) {
      if (equalEndpoint(one.server, other.server)) continue;
      isCompared = true;
      if (equalEndpoint(one.observed, other.observed)) continue;
      if (equalBytes(one.server.address, other.server.address)) return "addressAndPortDependent";
      dependsOnAddress = true;
    }
  }
  if (!isCompared) return null;
  if (!dependsOnAddress) return "endpointIndependent";
  // Different addresses gave different endpoints; only two ports of one address could have shown whether ports matter too.
  return hasTwoPortsOfOneAddress(observations) ? "addressDependent" : "addressAndPortDependent";
}

function hasTwoPortsOfOneAddress(observations: readonly Observation[]): boolean {
  return observations.some((one) =>
    observations.some(({ server }) => server.port !== one.server.port && equalBytes(server.address, one.server.address))
  );
}

function filteringOf({ fromOtherPort, fromOtherAddress }: NonNullable<NatEvidence["answered"]>): NatBehaviour | null {
  if (fromOtherAddress === true) return "endpointIndependent";
  if (fromOtherPort === undefined) return null;
  if (!fromOtherPort) return "addressAndPortDependent";
  return fromOtherAddress === false ? "addressDependent" : null;
}

/** Ports that grow by a constant can be foretold; two differences at least must agree. */
function portStepOf(observations: readonly Observation[]): number | null {
  const ports = observations.map(({ observed }) => observed.port);
  const steps = ports.slice(1).map((port, index) => port - ports[index]!);
  const [step] = steps;
  if (step === undefined || steps.length < 2 || step === 0) return null;
  return steps.every((other) => other === step) ? step : null;
}
