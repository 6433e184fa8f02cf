/**
 * What the decider is told, and what it says is to be done.
 *
 * @module
 */
import type { Endpoint } from "../../base/ip.ts";
import type { Gateway, MapperName, MappingGrant, MappingRequest, ProbeAnswer } from "./types.ts";

/** What is wanted. */
export interface MappingWish {
  /** Port on our side, which is also the one we would like outside. */
  internalPort: number;
  /** Lifetime to ask for, in seconds. */
  lifetimeS: number;
}

/** What came of asking a gateway. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; answer: "silent" | "refused"; reason: string };

/** Something that happened. */
export type MappingEvent =
  /** The answer to `lookUpGateway`; null = there is none. */
  | { on: "gateway"; gateway: Gateway | null }
  /** Addresses or routes of this machine changed. */
  | { on: "networkChanged" }
  /** The answer to `probe`. */
  | { on: "probed"; by: MapperName; outcome: Outcome<ProbeAnswer> }
  /** The answer to `map`. */
  | { on: "mapped"; by: MapperName; outcome: Outcome<MappingGrant> }
  /** The answer to `check`: whether the gateway still has the mapping. */
  | { on: "checked"; by: MapperName; outcome: Outcome<boolean> }
  /** The answer to `verify`; null = it could not be found out. */
  | { on: "verified"; test: number; isReachable: boolean | null }
  /** The gateway told all its clients that something changed. */
  | { on: "announced" }
  /** The time of `nextWakeAt` has come. */
  | { on: "tick" }
  /** No more. */
  | { on: "stop" };

/** Something to be done. Answers from before the latest `use` must not come in any more. */
export type MappingEffect =
  /** Find the default gateway. */
  | { do: "lookUpGateway" }
  /** Speak to this gateway from now on, by `names`; null = to none. */
  | { do: "use"; gateway: Gateway | null; names: readonly MapperName[] }
  /** Ask whether the protocol is spoken. */
  | { do: "probe"; by: MapperName }
  /** Make or renew the mapping. */
  | { do: "map"; by: MapperName; request: MappingRequest }
  /** Ask whether the mapping is still there. */
  | { do: "check"; by: MapperName }
  /** Delete the mapping; no answer is wanted. */
  | { do: "unmap"; by: MapperName }
  /** Have the endpoint tried from outside. */
  | { do: "verify"; test: number; endpoint: Endpoint }
  /** Tell the owner that this endpoint leads here from now on; null = none does. */
  | { do: "tell"; endpoint: Endpoint | null };
