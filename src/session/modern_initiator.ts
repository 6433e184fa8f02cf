/**
 * The initiator of a suite 2 exchange (docs/PROTOCOL.md, section 8.3).
 *
 *             start: KE1              KE2 holds: open with the new keys, KE3
 *      idle ---------> awaitingKe2 ------------------------------------------> awaitingConfirmation
 *       ^                |  timer: KE1 again                     timer: KE3 again  |
 *       |                |  COOKIE: KE1 with it, once                              |
 *       |<---------------+  10 s: fail                                             |
 *       |<-------------------------------------------------------------------------+
 *         a datagram opened under the new keys: seal with them, established; or 10 s: fail
 *
 * After a failure the keys before stay as they are. Where KE3 was sent the new ones stay open, too: if the peer had it, the first
 * datagram that opens under them still ends the exchange. A datagram that does not hold is dropped and leaves the state usable:
 * the next repetition brings the genuine one.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/ip.ts";
import {
  type AeadId,
  generateMlkem,
  generateX25519,
  mlkemDecapsulate,
  sha256,
  x25519Shared,
  zeroize,
} from "../crypto/mod.ts";
import { MODERN_LENGTH, modernExchange, type ModernKe1a, type ModernKe2a, SHORT_MAC_LENGTH } from "../protocol/mod.ts";
import { addCookie, type CookieHeld, sendKe1, sendKe1With } from "./cookies_sent.ts";
import {
  delayMs,
  drop,
  endsOf,
  type ExchangeEvent,
  ignore,
  isOver,
  type Machine,
  MIN_REKEY_INTERVAL_MS,
  type Moment,
  type Repetition,
  type Step,
  type Tunnel,
} from "./exchange_machine.ts";
import type { DropReason, ExchangeEffect } from "./exchange_types.ts";
import {
  agreeOnAead,
  deriveModernKeys,
  identityMac,
  type ModernKeys,
  signModern,
  verifyIdentityMac,
  verifyModern,
  zeroizeModernKeys,
} from "./modern_keys.ts";
import { bindingToOffer, hashPeerTranscript, tunnelKeysOf } from "./modern_peer.ts";

/** What has been agreed so far. */
export interface History {
  /** Of the last exchange that was confirmed. */
  confirmed: { epoch: number; at: number } | null;
  /** An exchange whose KE3 was sent and whose keys wait for a first datagram. */
  unconfirmed: { epoch: number; from: Endpoint } | null;
}

/** Our side of an exchange that waits for KE2. */
export interface Asked {
  /** Without a cookie. */
  ke1a: ModernKe1a;
  /** ek, for KE1b. */
  encapsulationKey: Uint8Array;
  /** The network's peerSecret, or zeros. */
  binding: Uint8Array;
  /** Secret. */
  x25519Private: Uint8Array;
  /** Secret. */
  decapsulationKey: Uint8Array;
  /** Those that responders have asked for. */
  cookies: CookieHeld[];
  /** The halves of KE2 that have arrived, in any order. */
  ke2a: ModernKe2a | null;
  /** The second half, KE2b. */
  ciphertext: Uint8Array | null;
  /** Of KE1. */
  repetition: Repetition;
}

/** Where an initiator of suite 2 stands. */
export type ModernInitiatorState =
  | { at: "idle"; history: History }
  | { at: "awaitingKe2"; history: History; asked: Asked }
  | { at: "awaitingConfirmation"; history: History; ke3: Uint8Array; repetition: Repetition };

type Awaiting = ModernInitiatorState & { at: "awaitingKe2" };

/** The machine. */
export const modernInitiator: Machine<ModernInitiatorState> = {
  initial: { at: "idle", history: { confirmed: null, unconfirmed: null } },
  step,
  isHalfOpen: () => false,
  completedAt: ({ history }) => history.confirmed?.at ?? null,
  standing: () => "new",
  secretsOf: (state) => state.at === "awaitingKe2" ? secretsOf(state.asked) : [],
};

function step(
  state: ModernInitiatorState,
  event: ExchangeEvent,
  tunnel: Tunnel,
  at: Moment,
): Step<ModernInitiatorState> {
  switch (event.on) {
    case "start":
      return state.at === "idle" ? start(state.history, tunnel, at) : ignore(state);
    case "timer":
      return onTimer(state, tunnel, at);
    case "keysConfirmed":
      return onKeysConfirmed(state, event.epoch, tunnel, at);
    case "datagram":
      return onDatagram(state, event, tunnel, at);
  }
}

function start(history: History, tunnel: Tunnel, { now, random }: Moment): Step<ModernInitiatorState> {
  const { confirmed } = history;
  if (confirmed !== null && now - confirmed.at < MIN_REKEY_INTERVAL_MS) return ignore({ at: "idle", history });
  const x25519 = generateX25519(random);
  const mlkem = generateMlkem(random);
  const { network, binding } = bindingToOffer(tunnel);
  const ke1a = {
    spi: tunnel.remoteSpi,
    cookie: new Uint8Array(SHORT_MAC_LENGTH),
    hash: sha256(mlkem.encapsulationKey),
    epoch: confirmed === null ? 0 : (confirmed.epoch + 1) % 256,
    network,
    capabilities: tunnel.local.capabilities,
    suites: [...tunnel.local.suites],
    offers: [...tunnel.local.offers],
    nonceI: random.bytes(MODERN_LENGTH.nonce),
    x25519I: x25519.publicValue,
  };
  const asked = {
    ke1a,
    encapsulationKey: mlkem.encapsulationKey,
    binding,
    x25519Private: x25519.privateKey,
    decapsulationKey: mlkem.decapsulationKey,
    cookies: [],
    ke2a: null,
    ciphertext: null,
    repetition: { startedAt: now, count: 0 },
  };
  return ask({ at: "awaitingKe2", history, asked }, tunnel, now);
}

function ke1Of({ ke1a, encapsulationKey }: Asked): Uint8Array[] {
  return [modernExchange.ke1a.encode(ke1a), modernExchange.ke1b.encode({ spi: ke1a.spi, encapsulationKey })];
}

/** Sends KE1, for the first time or again. */
function ask(state: Awaiting, { localSpi }: Tunnel, now: number): Step<ModernInitiatorState> {
  const { asked } = state;
  const repetition = { ...asked.repetition, count: asked.repetition.count + 1 };
  const effects = sendKe1(localSpi, ke1Of(asked), asked.cookies);
  effects.push({ do: "arm", localSpi, ms: delayMs(repetition, now) });
  return { state: { ...state, asked: { ...asked, repetition } }, effects };
}

function onTimer(state: ModernInitiatorState, tunnel: Tunnel, { now }: Moment): Step<ModernInitiatorState> {
  const { localSpi } = tunnel;
  if (state.at === "awaitingKe2") {
    if (!isOver(state.asked.repetition, now)) return ask(state, tunnel, now);
    zeroize(...secretsOf(state.asked));
    return giveUp(state.history, { do: "fail", localSpi, reason: "no answer" });
  }
  if (state.at === "awaitingConfirmation") {
    if (!isOver(state.repetition, now)) return prove(state, null, tunnel, now);
    return giveUp(state.history, { do: "fail", localSpi, reason: "no confirmation" });
  }
  return ignore(state);
}

function giveUp(history: History, fail: ExchangeEffect): Step<ModernInitiatorState> {
  return { state: { at: "idle", history }, effects: [fail] };
}

/** Sends KE3: first to where KE2 came from, then along every path, should that one have died. */
function prove(
  state: ModernInitiatorState & { at: "awaitingConfirmation" },
  to: Endpoint | null,
  { localSpi }: Tunnel,
  now: number,
): Step<ModernInitiatorState> {
  const repetition = { ...state.repetition, count: state.repetition.count + 1 };
  return {
    state: { ...state, repetition },
    effects: [
      { do: "send", localSpi, to, datagrams: [state.ke3] },
      { do: "arm", localSpi, ms: delayMs(repetition, now) },
    ],
  };
}

function onKeysConfirmed(
  state: ModernInitiatorState,
  epoch: number,
  { localSpi }: Tunnel,
  { now }: Moment,
): Step<ModernInitiatorState> {
  const { unconfirmed, confirmed } = state.history;
  if (unconfirmed === null || unconfirmed.epoch !== epoch) return ignore(state);
  // An exchange begun in the meantime has the same epoch and would take the place of keys that are in use now.
  if (state.at === "awaitingKe2") zeroize(...secretsOf(state.asked));
  const isRekey = confirmed !== null;
  return {
    state: { at: "idle", history: { confirmed: { epoch, at: now }, unconfirmed: null } },
    effects: [
      { do: "disarm", localSpi },
      { do: "useKeys", localSpi, epoch },
      { do: "established", localSpi, suite: 2, epoch, isRekey, from: unconfirmed.from },
    ],
  };
}

function onDatagram(
  state: ModernInitiatorState,
  { message, from }: ExchangeEvent & { on: "datagram" },
  tunnel: Tunnel,
  at: Moment,
): Step<ModernInitiatorState> {
  if (state.at !== "awaitingKe2") return drop(state, tunnel, "not expected now");
  const { asked } = state;
  switch (message.type) {
    case "cookie":
      return onCookie(state, message.cookie, from, tunnel);
    case "modernKe2a":
      return onKe2({ ...state, asked: { ...asked, ke2a: message } }, from, tunnel, at);
    case "modernKe2b":
      return onKe2({ ...state, asked: { ...asked, ciphertext: message.ciphertext } }, from, tunnel, at);
    default:
      return drop(state, tunnel, "not expected now");
  }
}

function onCookie(state: Awaiting, cookie: Uint8Array, from: Endpoint, tunnel: Tunnel): Step<ModernInitiatorState> {
  const { asked } = state;
  const cookies = addCookie(asked.cookies, from, cookie);
  if (cookies === null) return drop(state, tunnel, "repeated too often");
  return {
    state: { ...state, asked: { ...asked, cookies } },
    effects: [sendKe1With(tunnel.localSpi, ke1Of(asked), { from, cookie })],
  };
}

/** A KE2 that holds. */
interface Answer {
  keys: ModernKeys;
  aead: AeadId;
  th: Uint8Array;
  peerCapabilities: number;
}

function onKe2(state: Awaiting, from: Endpoint, tunnel: Tunnel, { now }: Moment): Step<ModernInitiatorState> {
  const { asked, history } = state;
  const { ke2a, ciphertext, ke1a } = asked;
  const { epoch } = ke1a;
  if (ke2a === null || ciphertext === null) return ignore(state);
  const answer = judgeKe2(asked, ke2a, ciphertext, tunnel);
  // Halves that do not belong together may each be genuine: keep them until the other half comes again.
  if (answer === "hash does not match") return drop(state, tunnel, answer);
  if (typeof answer === "string") {
    return drop({ ...state, asked: { ...asked, ke2a: null, ciphertext: null } }, tunnel, answer);
  }
  zeroize(...secretsOf(asked));
  const ke3 = makeKe3(answer, tunnel);
  const { localSpi } = tunnel;
  const { peerCapabilities, aead } = answer;
  const keys = tunnelKeysOf(answer.keys, tunnel, { epoch, aead, capabilities: [ke1a.capabilities, peerCapabilities] });
  zeroizeModernKeys(answer.keys);
  const sent = prove(
    {
      at: "awaitingConfirmation",
      history: { ...history, unconfirmed: { epoch, from } },
      ke3,
      repetition: { startedAt: now, count: 0 },
    },
    from,
    tunnel,
    now,
  );
  const install: ExchangeEffect = { do: "installKeys", localSpi, keys, use: "open", peerCapabilities, from };
  return { state: sent.state, effects: [install, ...sent.effects] };
}

function judgeKe2(asked: Asked, ke2a: ModernKe2a, ciphertext: Uint8Array, tunnel: Tunnel): Answer | DropReason {
  if (!equalBytes(sha256(ciphertext), ke2a.hash)) return "hash does not match";
  const aead = agreeOnAead(tunnel.local.offers, ke2a.offers);
  if (aead === null) return "no AEAD in common";
  const x25519Secret = x25519Shared(asked.x25519Private, ke2a.x25519R);
  if (x25519Secret === null) return "public value refused";
  const mlkemSecret = mlkemDecapsulate(asked.decapsulationKey, ciphertext)!;
  const th = hashPeerTranscript(tunnel, { ...asked, ke2a, ciphertext });
  const keys = deriveModernKeys(th, mlkemSecret, x25519Secret);
  zeroize(mlkemSecret, x25519Secret);
  const holds = verifyIdentityMac(keys, endsOf(tunnel).responder, th, ke2a.mac) &&
    verifyModern(tunnel.peer.publicKey, "peer responder", th, ke2a.signature);
  if (holds) return { keys, aead, th, peerCapabilities: ke2a.capabilities };
  zeroizeModernKeys(keys);
  return "identity does not hold";
}

function makeKe3({ keys, th }: Answer, tunnel: Tunnel): Uint8Array {
  return modernExchange.ke3.encode({
    spi: tunnel.remoteSpi,
    signature: signModern(tunnel.local.ed25519!.privateKey, "peer initiator", th),
    mac: identityMac(keys, endsOf(tunnel).initiator, th),
  });
}

function secretsOf(asked: Asked): Uint8Array[] {
  return [asked.x25519Private, asked.decapsulationKey];
}
