import type { Endpoint } from "../../base/ip.ts";
import type { MapperName } from "./types.ts";

/** What one protocol has come to. */
export interface ProtocolAnswer {
  /**
   * `notAsked`: no gateway, or not for this address family; `asking`; `present`: the gateway speaks it; `silent`: no answer;
   * `refused`: it answered no; `useless`: it granted a mapping through which nothing comes in.
   */
  answer: "notAsked" | "asking" | "present" | "silent" | "refused" | "useless";
  /** Why not, as a clause; null = it works, or is not known. May hold words of the gateway: show it through `safe()`. */
  reason: string | null;
  /** The gateway's own address on its outside; null = it did not say. A private one means that there is a further NAT. */
  externalAddress: string | null;
  /** Name of the gateway's software, its own word; null = it did not say. */
  model: string | null;
}

/** By protocol. */
export type Answers = Record<MapperName, ProtocolAnswer>;

/** A mapping that the gateway granted. */
export interface MappingView {
  /** By which protocol. */
  by: MapperName;
  /** Address and port on the outside. */
  external: Endpoint;
  /** What the test from outside said: `unknown` where it could not be made. */
  test: "running" | "reachable" | "unreachable" | "unknown";
  /** What the gateway granted, in ms; null = until it is deleted. */
  lifetimeMs: number | null;
  /** Until it ends, in ms; null = never. */
  endsInMs: number | null;
  /** How often it was renewed. */
  renewals: number;
}

/** The state of port mapping, for `netcheck` and `why`. */
export interface MappingStatus {
  /** 16 bytes; null = there is none. */
  gateway: Uint8Array | null;
  /** Null = there is none at this moment. */
  mapping: MappingView | null;
  /** What each protocol has come to. */
  answers: Answers;
  /** Rounds in a row in which nothing worked. */
  failedRounds: number;
  /** Until all protocols are tried again; null = that is not what is waited for. */
  nextRoundInMs: number | null;
}

/** Nothing was asked yet. */
export function noAnswers(): Answers {
  const none = (): ProtocolAnswer => ({ answer: "notAsked", reason: null, externalAddress: null, model: null });
  return { pcp: none(), natPmp: none(), upnp: none() };
}
