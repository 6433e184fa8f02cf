/**
 * The responder of a suite 2 exchange (docs/PROTOCOL.md, section 8.3). A KE1a or a repeated KE1b has passed the gate.
 *
 *            KE1a                   KE1b of its hash: KE2                KE3 holds: seal and open with the new keys, KEEPALIVE
 *      idle ------> awaitingKe1b ------------------------> awaitingKe3 -------------------------------------------------> idle
 *       ^  ^             |                                   |  KE1a or KE1b again: KE2a or KE2b again
 *       |  +-------------+ 10 s: forgotten                   |
 *       +----------------------------------------------------+ 10 s: forgotten
 *
 * In `idle` a repeated KE3 is answered by another KEEPALIVE. A KE1a that differs from the one in hand takes its place if the gate lets
 * it pass. Keys in use stay until KE3 holds; whatever does not hold is dropped and leaves the state as it was.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { type AeadId, generateX25519, mlkemEncapsulate, sha256, x25519Shared, zeroize } from "../crypto/mod.ts";
import { INNER_FRAME, MODERN_LENGTH, modernExchange, type ModernKe1a, type ModernKe3 } from "../protocol/mod.ts";
import {
  drop,
  endsOf,
  EXCHANGE_TIMEOUT_MS,
  type ExchangeEvent,
  ignore,
  type Ke1Standing,
  type Machine,
  type Moment,
  type Step,
  type Tunnel,
} from "./exchange_machine.ts";
import type { ExchangeMessage } from "./exchange_messages.ts";
import type { DropReason, ExchangeEffect } from "./exchange_types.ts";
import {
  agreeOnAead,
  deriveModernKeys,
  identityMac,
  type ModernKeys,
  secretsOfModern,
  signModern,
  verifyIdentityMac,
  verifyModern,
} from "./modern_keys.ts";
import { bindingToAccept, hashPeerTranscript, tunnelKeysOf } from "./modern_peer.ts";

/** The last exchange that was confirmed. */
export interface Completed {
  /** Of its keys. */
  epoch: number;
  /** Monotonic ms. */
  at: number;
  /** The KE3 that ended it: a repetition is answered again. */
  ke3: Uint8Array;
  /** Answers given to repetitions. */
  answers: number;
}

/** A KE1a that was accepted. */
export interface Asked {
  /** As it was first received. */
  ke1a: ModernKe1a;
  /** The network's peerSecret, or zeros. */
  binding: Uint8Array;
  /** The one that both ends chose. */
  aead: AeadId;
  /** Where it came from; only those get KE2. */
  sources: Endpoint[];
}

/** A KE2 that waits for its KE3. */
export interface Answered {
  /** Datagram, for repetitions too. */
  ke2a: Uint8Array;
  /** Datagram, for repetitions too. */
  ke2b: Uint8Array;
  /** What KE3 must sign. */
  th: Uint8Array;
  /** Not used before KE3 holds. */
  keys: ModernKeys;
}

/** Where a responder of suite 2 stands. */
export type ModernResponderState =
  | { at: "idle"; completed: Completed | null }
  | { at: "awaitingKe1b"; completed: Completed | null; asked: Asked }
  | { at: "awaitingKe3"; completed: Completed | null; asked: Asked; answered: Answered };

/** Answers to repetitions of one KE3; an initiator sends it at most nine times along each of its paths. */
const MAX_ANSWERS = 32;

/** Sources that are remembered of one KE1a. */
const MAX_SOURCES = 8;

/** The machine. */
export const modernResponder: Machine<ModernResponderState> = {
  initial: { at: "idle", completed: null },
  step,
  isHalfOpen: ({ at }) => at !== "idle",
  completedAt: ({ completed }) => completed?.at ?? null,
  standing,
  secretsOf: (state) => state.at === "awaitingKe3" ? secretsOfModern(state.answered.keys) : [],
};

function standing(state: ModernResponderState, message: ExchangeMessage): Ke1Standing {
  if (state.at === "idle" || message.type !== "modernKe1a") return "new";
  const { ke1a } = state.asked;
  const isSame = equalBytes(ke1a.nonceI, message.nonceI) && equalBytes(ke1a.x25519I, message.x25519I) &&
    equalBytes(ke1a.hash, message.hash);
  return isSame ? "repeated" : "another is half open";
}

function step(
  state: ModernResponderState,
  event: ExchangeEvent,
  tunnel: Tunnel,
  at: Moment,
): Step<ModernResponderState> {
  switch (event.on) {
    case "start":
      return askForRekey(state, tunnel);
    case "timer":
      return forget(state);
    case "keysConfirmed":
      return ignore(state);
    case "datagram":
      return onDatagram(state, event, tunnel, at);
  }
}

/** Only the initiator begins; where there is a tunnel already it can be asked to. */
function askForRekey(state: ModernResponderState, { localSpi }: Tunnel): Step<ModernResponderState> {
  if (state.completed === null) return ignore(state);
  const frameType = INNER_FRAME.rekeyWanted;
  return { state, effects: [{ do: "sendFrame", localSpi, to: null, frameType, payload: new Uint8Array(0) }] };
}

function forget(state: ModernResponderState): Step<ModernResponderState> {
  zeroize(...modernResponder.secretsOf(state));
  return { state: { at: "idle", completed: state.completed }, effects: [] };
}

function onDatagram(
  state: ModernResponderState,
  { message, from, bytes }: ExchangeEvent & { on: "datagram" },
  tunnel: Tunnel,
  at: Moment,
): Step<ModernResponderState> {
  switch (message.type) {
    case "modernKe1a":
      return onKe1a(state, message, from, tunnel);
    case "modernKe1b":
      return onKe1b(state, message.encapsulationKey, from, tunnel, at);
    case "modernKe3":
      return onKe3(state, message, bytes, from, tunnel, at);
    default:
      return drop(state, tunnel, "not expected now");
  }
}

function onKe1a(
  state: ModernResponderState,
  ke1a: ModernKe1a & ExchangeMessage,
  from: Endpoint,
  tunnel: Tunnel,
): Step<ModernResponderState> {
  if (state.at !== "idle" && standing(state, ke1a) === "repeated") return onKe1aAgain(state, from, tunnel);
  const terms = judgeTerms(state.completed, ke1a, tunnel);
  if (typeof terms === "string") return drop(state, tunnel, terms);
  zeroize(...modernResponder.secretsOf(state));
  return {
    state: { at: "awaitingKe1b", completed: state.completed, asked: { ke1a, sources: [from], ...terms } },
    effects: [{ do: "arm", localSpi: tunnel.localSpi, ms: EXCHANGE_TIMEOUT_MS }],
  };
}

function onKe1aAgain(
  state: Exclude<ModernResponderState, { at: "idle" }>,
  from: Endpoint,
  { localSpi }: Tunnel,
): Step<ModernResponderState> {
  const { asked } = state;
  const isKnown = asked.sources.some((source) => equalEndpoint(source, from));
  const sources = isKnown ? asked.sources : [...asked.sources, from].slice(-MAX_SOURCES);
  const next = { ...state, asked: { ...asked, sources } };
  // Each half answers its own half only, so that no answer is larger than its question.
  if (next.at !== "awaitingKe3") return ignore(next);
  return { state: next, effects: [{ do: "send", localSpi, to: from, datagrams: [next.answered.ke2a] }] };
}

function judgeTerms(
  completed: Completed | null,
  ke1a: ModernKe1a,
  tunnel: Tunnel,
): { binding: Uint8Array; aead: AeadId } | DropReason {
  if (!isExpectedEpoch(ke1a.epoch, completed)) return "unexpected epoch";
  const binding = bindingToAccept(tunnel, ke1a.network);
  if (binding === null) return "network secret differs";
  const aead = agreeOnAead(tunnel.local.offers, ke1a.offers);
  return aead === null ? "no AEAD in common" : { binding, aead };
}

/**
 * One more than the last that was confirmed. The same again, too: an initiator whose KE3 we had, but who never heard from us, does
 * not know that it was confirmed, and has sealed nothing with those keys.
 */
function isExpectedEpoch(epoch: number, completed: Completed | null): boolean {
  if (completed === null) return epoch === 0;
  return epoch === (completed.epoch + 1) % 256 || epoch === completed.epoch;
}

function onKe1b(
  state: ModernResponderState,
  encapsulationKey: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  at: Moment,
): Step<ModernResponderState> {
  if (state.at === "idle") return drop(state, tunnel, "not expected now");
  const { asked, completed } = state;
  if (!asked.sources.some((source) => equalEndpoint(source, from))) return drop(state, tunnel, "source needs a cookie");
  if (!equalBytes(sha256(encapsulationKey), asked.ke1a.hash)) return drop(state, tunnel, "hash does not match");
  const { localSpi } = tunnel;
  if (state.at === "awaitingKe3") {
    return { state, effects: [{ do: "send", localSpi, to: from, datagrams: [state.answered.ke2b] }] };
  }
  const answered = answer(asked, encapsulationKey, tunnel, at);
  if (answered === null) return drop(state, tunnel, "public value refused");
  return {
    state: { at: "awaitingKe3", completed, asked, answered },
    effects: [{ do: "send", localSpi, to: from, datagrams: [answered.ke2a, answered.ke2b] }],
  };
}

/** Makes KE2; null when a value of KE1 is refused. */
function answer(
  { ke1a, binding }: Asked,
  encapsulationKey: Uint8Array,
  tunnel: Tunnel,
  { random }: Moment,
): Answered | null {
  const x25519 = generateX25519(random);
  const x25519Secret = x25519Shared(x25519.privateKey, ke1a.x25519I);
  zeroize(x25519.privateKey);
  const encapsulation = mlkemEncapsulate(encapsulationKey, random.bytes(MODERN_LENGTH.nonce));
  if (x25519Secret === null || encapsulation === null) return null;
  const { ciphertext, secret } = encapsulation;
  const { capabilities, suites, offers } = tunnel.local;
  const nonceR = random.bytes(MODERN_LENGTH.nonce);
  const said = { capabilities, suites: [...suites], offers: [...offers], nonceR, x25519R: x25519.publicValue };
  const th = hashPeerTranscript(tunnel, { ke1a, encapsulationKey, ke2a: said, ciphertext, binding });
  const keys = deriveModernKeys(th, secret, x25519Secret);
  zeroize(secret, x25519Secret);
  const spi = tunnel.remoteSpi;
  const signature = signModern(tunnel.local.ed25519!.privateKey, "peer responder", th);
  const mac = identityMac(keys, endsOf(tunnel).responder, th);
  const ke2a = modernExchange.ke2a.encode({ spi, hash: sha256(ciphertext), ...said, signature, mac });
  return { ke2a, ke2b: modernExchange.ke2b.encode({ spi, ciphertext }), th, keys };
}

function onKe3(
  state: ModernResponderState,
  ke3: ModernKe3,
  bytes: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  { now }: Moment,
): Step<ModernResponderState> {
  if (state.completed !== null && equalBytes(state.completed.ke3, bytes)) {
    return onKe3Again(state, state.completed, from, tunnel);
  }
  if (state.at !== "awaitingKe3") return drop(state, tunnel, "not expected now");
  const { asked: { ke1a, aead }, answered: { th, keys } } = state;
  const holds = verifyIdentityMac(keys, endsOf(tunnel).initiator, th, ke3.mac) &&
    verifyModern(tunnel.peer.publicKey, "peer initiator", th, ke3.signature);
  if (!holds) return drop(state, tunnel, "identity does not hold");
  const { localSpi } = tunnel;
  const { epoch, capabilities: peerCapabilities } = ke1a;
  const ends = [tunnel.local.capabilities, peerCapabilities] as const;
  const tunnelKeys = tunnelKeysOf(keys, tunnel, { epoch, aead, capabilities: ends });
  zeroize(...secretsOfModern(keys));
  const isRekey = state.completed !== null;
  return {
    state: { at: "idle", completed: { epoch, at: now, ke3: bytes.slice(), answers: 0 } },
    effects: [
      { do: "disarm", localSpi },
      { do: "installKeys", localSpi, keys: tunnelKeys, use: "both", peerCapabilities, from },
      { do: "established", localSpi, suite: 2, epoch, isRekey, from },
      keepalive(localSpi, from),
    ],
  };
}

function onKe3Again(
  state: ModernResponderState,
  completed: Completed,
  from: Endpoint,
  tunnel: Tunnel,
): Step<ModernResponderState> {
  if (completed.answers >= MAX_ANSWERS) return drop(state, tunnel, "repeated too often");
  const next = { ...state, completed: { ...completed, answers: completed.answers + 1 } };
  return { state: next, effects: [keepalive(tunnel.localSpi, from)] };
}

function keepalive(localSpi: number, to: Endpoint): ExchangeEffect {
  return { do: "sendFrame", localSpi, to, frameType: INNER_FRAME.keepalive, payload: new Uint8Array(0) };
}
