/**
 * What the two ends of a tunnel tell each other of their NATs: the NAT frame.
 *
 * @module
 */
import type { Endpoint } from "../base/ip.ts";
import type { NatBehaviour, NatBehaviours, PortModel } from "../nat/mod.ts";
import { innerFrames, NAT_BEHAVIOUR } from "../protocol/mod.ts";
import type { OwnNat } from "./nat_watch.ts";

/** A peer's word on its NAT. */
export interface PeerNat extends NatBehaviours {
  /** Where the server sees it. */
  endpoint: Endpoint;
  /** Whether it has sockets open and waits for our guesses. */
  isSearching: boolean;
  /** Ports that its NAT gave last; null = it did not say. */
  ports: PortModel | null;
}

const NOWHERE: Endpoint = { address: new Uint8Array(16), port: 0 };

const BEHAVIOURS: Readonly<Record<number, NatBehaviour>> = Object.fromEntries(
  (["endpointIndependent", "addressDependent", "addressAndPortDependent"] as const).map((name) => [
    NAT_BEHAVIOUR[name],
    name,
  ]),
);

/** The body of a NAT frame. `ports`, where known, go with a search. */
export function encodeNatWord(own: OwnNat, ports: PortModel | null, searching: boolean): Uint8Array {
  const endpoint = own.observed ?? NOWHERE;
  return innerFrames.nat.encode({
    mapping: NAT_BEHAVIOUR[own.mapping ?? "unknown"],
    filtering: NAT_BEHAVIOUR[own.filtering ?? "unknown"],
    searching,
    endpoint: ports === null ? endpoint : { ...endpoint, port: ports.last },
    step: (ports?.step ?? 0) & 0xffff,
    low: ports?.low ?? 0,
    high: ports?.high ?? 0,
  });
}

/** Reads the body of a NAT frame. @throws {ProtocolError} */
export function decodeNatWord(body: Uint8Array): PeerNat {
  const { mapping, filtering, searching, endpoint, step, low, high } = innerFrames.nat.decode(body);
  const hasPorts = low > 0 && low <= high;
  return {
    mapping: BEHAVIOURS[mapping] ?? null,
    filtering: BEHAVIOURS[filtering] ?? null,
    endpoint,
    isSearching: searching,
    ports: hasPorts ? { last: endpoint.port, step: (step << 16) >> 16, low, high } : null,
  };
}
