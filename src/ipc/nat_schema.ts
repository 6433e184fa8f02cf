/**
 * What `netcheck` and `why` ask of the engine: the part of the contract in schema.ts that is about NATs.
 *
 * @module
 */
import * as v from "valibot";
import type { Shape } from "./shape.ts";

/** How a mapping or a filter depends on the other end (RFC 4787). */
export type NatDependence = "endpointIndependent" | "addressDependent" | "addressAndPortDependent";

/** The network of this computer, as far as it is known; null = not known. */
export interface NatView {
  /** Whether datagrams get through to the server and back. */
  udp: boolean | null;
  /** Where the server sees the socket of the tunnels. */
  observed: string | null;
  /** Endpoints of that socket on this computer. */
  local: string[];
  /** Whether there is a NAT between. */
  isTranslated: boolean | null;
  /** On what the endpoint depends that others see. */
  mapping: NatDependence | null;
  /** Who may send to it. Null also where all but another address may: then a second server address would have to tell. */
  filtering: NatDependence | null;
  /** Whether the port outside is the one inside. */
  keepsPort: boolean | null;
  /** By how much the port grows from one mapping to the next; null = by no constant. */
  portStep: number | null;
  /** Lowest and highest port that new mappings got. */
  portRange: [number, number] | null;
  /** Whether the NAT turns datagrams to its outside back inside. */
  hairpin: boolean | null;
  /** Whether this computer has an IPv6 address that the world can reach. */
  ipv6: boolean;
  /** What routers say to the wish to map the port; null = they are not asked. */
  portMapping: PortMappingView | null;
}

/** Protocols by which routers map ports. */
export type PortMappingProtocol = "pcp" | "natPmp" | "upnp";

/** A port of the router, asked for. */
export interface PortMappingView {
  /** By which protocol; null = none has given one that works. */
  by: PortMappingProtocol | null;
  /** What leads here, tested from outside; null = nothing. */
  endpoint: string | null;
  /** What each protocol has come to: notAsked, asking, present, silent, refused or useless. */
  answers: Record<PortMappingProtocol, string>;
}

/** A way to a peer that was tried. */
export interface CandidateView {
  /** How it became known: local, ipv6, mapped, observed, seen, predicted, relay. */
  kind: string;
  /** The peer's endpoint, or the relay's. */
  endpoint: string;
  /** Probes sent. */
  sent: number;
  /** Those of them that were answered. */
  answered: number;
  /** Smoothed round trip in milliseconds; null = not measured. */
  rttMs: number | null;
  /** Whether packets go there. */
  inUse: boolean;
}

/** Why packets reach a peer the way they do. */
export interface WhyView {
  /** Client id of the peer. */
  id: string;
  /** Its nickname. */
  nick: string;
  /** Path in use; null = none. */
  path: "direct" | "relay" | null;
  /** What it comes down to, a word. */
  cause: string;
  /** The same as a sentence. */
  words: string;
  /** The one thing that would help; null = nothing needs help. */
  advice: string | null;
  /** The network here. */
  own: NatView;
  /** The peer's, by its own word; null = it gave none. */
  peer: { mapping: NatDependence | null; filtering: NatDependence | null; observed: string | null } | null;
  /** All ways that were tried. */
  candidates: CandidateView[];
  /** Whether a port is being searched for. */
  isSearching: boolean;
  /** Searches in a row that found none. */
  failedSearches: number;
}

/** The part of `EngineControl` that is about NATs. */
export interface NatControl {
  /** Looks at the network of this computer anew, which takes about two seconds. Fails with `notLoggedIn`. */
  netcheck(): Promise<NatView>;
  /** Why packets reach a peer the way they do. Fails with `peerNotFound`, `peerAmbiguous`. */
  why(params: { peer: string }): Promise<WhyView>;
}

const MAX_TEXT = 1024;
const MAX_CANDIDATES = 64;
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const dependence = v.nullable(v.picklist(["endpointIndependent", "addressDependent", "addressAndPortDependent"]));
const whole = v.pipe(v.number(), v.safeInteger());
const optionalText = v.nullable(text);
const known = v.nullable(v.boolean());

const natView: v.GenericSchema<unknown, NatView> = v.object({
  udp: known,
  observed: optionalText,
  local: v.pipe(v.array(text), v.maxLength(MAX_CANDIDATES)),
  isTranslated: known,
  mapping: dependence,
  filtering: dependence,
  keepsPort: known,
  portStep: v.nullable(whole),
  portRange: v.nullable(v.tuple([whole, whole])),
  hairpin: known,
  ipv6: v.boolean(),
  portMapping: v.nullable(v.object({
    by: v.nullable(v.picklist(["pcp", "natPmp", "upnp"])),
    endpoint: v.nullable(text),
    answers: v.object({ pcp: text, natPmp: text, upnp: text }),
  })),
});

const candidateView = v.object({
  kind: text,
  endpoint: text,
  sent: whole,
  answered: whole,
  rttMs: v.nullable(v.pipe(v.number(), v.finite(), v.minValue(0))),
  inUse: v.boolean(),
});

const whyView: v.GenericSchema<unknown, WhyView> = v.object({
  id: text,
  nick: text,
  path: v.nullable(v.picklist(["direct", "relay"])),
  cause: text,
  words: text,
  advice: optionalText,
  own: natView,
  peer: v.nullable(v.object({ mapping: dependence, filtering: dependence, observed: optionalText })),
  candidates: v.pipe(v.array(candidateView), v.maxLength(MAX_CANDIDATES)),
  isSearching: v.boolean(),
  failedSearches: whole,
});

/** What the methods about NATs give, for those who describe it. */
export const NAT_SHAPES: Readonly<Record<keyof NatControl, Shape>> = { netcheck: natView, why: whyView };

/** Whether the value is what `netcheck` gives. */
export function isNatView(value: unknown): value is NatView {
  return v.is(natView, value);
}

/** Whether the value is what `why` gives. */
export function isWhyView(value: unknown): value is WhyView {
  return v.is(whyView, value);
}
