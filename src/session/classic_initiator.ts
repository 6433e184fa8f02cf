/**
 * The initiator of a suite 1 exchange (docs/PROTOCOL.md, section 8.2).
 *
 *             start: KE1              KE2 holds: KE3 with CONFIRM
 *      idle ---------> awaitingKe2 -------------------------------> awaitingConfirm
 *       ^                |  timer: KE1 again            timer: KE3 with the next CONFIRM  |
 *       |                |  COOKIE: KE1 with it, once                                     |
 *       |<---------------+  10 s: fail                                                    |
 *       |<--------------------------------------------------------------------------------+
 *         the responder's CONFIRM holds: install the keys, established; or 10 s: fail
 *
 * Keys before stay until the new ones are installed. A datagram that does not hold is dropped and leaves the state as it was.
 *
 * @module
 */

import type { Endpoint } from "../base/ip.ts";
import { type DhKeyPair, generateDh, signRsa, verifyRsa, zeroize } from "../crypto/mod.ts";
import {
  CLASSIC_LENGTH,
  classicExchange,
  classicInitiatorInput,
  type ClassicKe2,
  classicResponderInput,
  CONFIRM_MESSAGE_LENGTH,
  INNER_FRAME,
  SHORT_MAC_LENGTH,
} from "../protocol/mod.ts";
import {
  type ClassicConfirmation,
  classicTunnelKeys,
  confirmHolds,
  deriveConfirmation,
  sealConfirm,
  secretsOfConfirmation,
} from "./classic_confirm.ts";
import { addCookie, type CookieHeld, sendKe1, sendKe1With } from "./cookies_sent.ts";
import {
  delayMs,
  drop,
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

/** Our side of an exchange that waits for KE2. */
export interface Asked {
  /** Ni, 128 bytes. */
  nonceI: Uint8Array;
  /** Secret inside. */
  dh: DhKeyPair;
  /** Those that responders have asked for. */
  cookies: CookieHeld[];
  /** Of KE1. */
  repetition: Repetition;
}

/** Where an initiator of suite 1 stands. `establishedAt`: when it got keys last, monotonic ms. */
export type ClassicInitiatorState =
  | { at: "idle"; establishedAt: number | null }
  | { at: "awaitingKe2"; establishedAt: number | null; asked: Asked }
  | {
    at: "awaitingConfirm";
    establishedAt: number | null;
    /** KE3 with an empty place for CONFIRM. */
    ke3: Uint8Array;
    confirmation: ClassicConfirmation;
    repetition: Repetition;
  };

type AwaitingKe2 = ClassicInitiatorState & { at: "awaitingKe2" };
type AwaitingConfirm = ClassicInitiatorState & { at: "awaitingConfirm" };

/** The machine. */
export const classicInitiator: Machine<ClassicInitiatorState> = {
  initial: { at: "idle", establishedAt: null },
  step,
  isHalfOpen: () => false,
  completedAt: ({ establishedAt }) => establishedAt,
  standing: () => "new",
  secretsOf: (state) => {
    if (state.at === "awaitingKe2") return [state.asked.dh.privateKey];
    return state.at === "awaitingConfirm" ? secretsOfConfirmation(state.confirmation) : [];
  },
};

function step(
  state: ClassicInitiatorState,
  event: ExchangeEvent,
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicInitiatorState> {
  switch (event.on) {
    case "start":
      return state.at === "idle" ? start(state.establishedAt, tunnel, at) : ignore(state);
    case "timer":
      return onTimer(state, tunnel, at);
    case "keysConfirmed":
      return ignore(state);
    case "datagram":
      return onDatagram(state, event, tunnel, at);
  }
}

function start(establishedAt: number | null, tunnel: Tunnel, { now, random }: Moment): Step<ClassicInitiatorState> {
  if (establishedAt !== null && now - establishedAt < MIN_REKEY_INTERVAL_MS) {
    return ignore({ at: "idle", establishedAt });
  }
  const asked = {
    nonceI: random.bytes(CLASSIC_LENGTH.nonce),
    dh: generateDh(random),
    cookies: [],
    repetition: { startedAt: now, count: 0 },
  };
  return ask({ at: "awaitingKe2", establishedAt, asked }, tunnel, now);
}

function ke1Of({ nonceI, dh }: Asked, { remoteSpi }: Tunnel): Uint8Array {
  const cookie = new Uint8Array(SHORT_MAC_LENGTH);
  return classicExchange.ke1.encode({ spi: remoteSpi, cookie, nonceI, publicValueI: dh.publicValue });
}

/** Sends KE1, for the first time or again. */
function ask(state: AwaitingKe2, tunnel: Tunnel, now: number): Step<ClassicInitiatorState> {
  const { asked } = state;
  const { localSpi } = tunnel;
  const repetition = { ...asked.repetition, count: asked.repetition.count + 1 };
  const effects = sendKe1(localSpi, [ke1Of(asked, tunnel)], asked.cookies);
  effects.push({ do: "arm", localSpi, ms: delayMs(repetition, now) });
  return { state: { ...state, asked: { ...asked, repetition } }, effects };
}

function onTimer(state: ClassicInitiatorState, tunnel: Tunnel, at: Moment): Step<ClassicInitiatorState> {
  if (state.at === "idle") return ignore(state);
  const isAsking = state.at === "awaitingKe2";
  if (!isOver(isAsking ? state.asked.repetition : state.repetition, at.now)) {
    return isAsking ? ask(state, tunnel, at.now) : prove(state, null, tunnel, at);
  }
  zeroize(...classicInitiator.secretsOf(state));
  const reason = isAsking ? "no answer" : "no confirmation";
  return {
    state: { at: "idle", establishedAt: state.establishedAt },
    effects: [{ do: "fail", localSpi: tunnel.localSpi, reason }],
  };
}

/** Sends KE3 with the next CONFIRM: first to where KE2 came from, then along every path, should that one have died. */
function prove(
  state: AwaitingConfirm,
  to: Endpoint | null,
  tunnel: Tunnel,
  { now, random }: Moment,
): Step<ClassicInitiatorState> {
  const { localSpi, remoteSpi } = tunnel;
  const repetition = { ...state.repetition, count: state.repetition.count + 1 };
  const { confirmation } = state;
  const message = sealConfirm(confirmation, confirmation.macI, remoteSpi, repetition.count, random)!;
  const ke3 = state.ke3.slice();
  ke3.set(message, ke3.length - CONFIRM_MESSAGE_LENGTH);
  return {
    state: { ...state, repetition },
    effects: [{ do: "send", localSpi, to, datagrams: [ke3] }, { do: "arm", localSpi, ms: delayMs(repetition, now) }],
  };
}

function onDatagram(
  state: ClassicInitiatorState,
  { message, from, bytes }: ExchangeEvent & { on: "datagram" },
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicInitiatorState> {
  if (state.at === "awaitingKe2" && message.type === "cookie") return onCookie(state, message.cookie, from, tunnel);
  if (state.at === "awaitingKe2" && message.type === "classicKe2") {
    return onKe2(state, message, bytes, from, tunnel, at);
  }
  if (state.at === "awaitingConfirm" && message.type === "classicConfirm") {
    return onConfirm(state, message.confirmMessage, from, tunnel, at.now);
  }
  return drop(state, tunnel, "not expected now");
}

function onCookie(state: AwaitingKe2, cookie: Uint8Array, from: Endpoint, tunnel: Tunnel): Step<ClassicInitiatorState> {
  const { asked } = state;
  const cookies = addCookie(asked.cookies, from, cookie);
  if (cookies === null) return drop(state, tunnel, "repeated too often");
  return {
    state: { ...state, asked: { ...asked, cookies } },
    effects: [sendKe1With(tunnel.localSpi, [ke1Of(asked, tunnel)], { from, cookie })],
  };
}

function onKe2(
  state: AwaitingKe2,
  { nonceR, publicValueR, signature }: ClassicKe2,
  ke2: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicInitiatorState> {
  const { nonceI, dh } = state.asked;
  const { local, peer, remoteSpi } = tunnel;
  const values = { nonceI, nonceR, publicValueI: dh.publicValue, publicValueR };
  if (!verifyRsa("sha1", peer.publicKey, classicResponderInput(values), signature)) {
    return drop(state, tunnel, "identity does not hold");
  }
  const ke3 = classicExchange.ke3.encode({
    spi: remoteSpi,
    nonceI,
    publicValueI: dh.publicValue,
    signature: signRsa("sha1", local.rsa!.privateKey, classicInitiatorInput(values)),
    confirmMessage: new Uint8Array(CONFIRM_MESSAGE_LENGTH),
  });
  const secrets = { privateKey: dh.privateKey, peerValue: publicValueR, ownValue: dh.publicValue };
  const confirmation = deriveConfirmation(tunnel, secrets, values, { ke1: ke1Of(state.asked, tunnel), ke2, ke3 });
  if (confirmation === null) return drop(state, tunnel, "public value refused");
  zeroize(dh.privateKey);
  const { establishedAt } = state;
  const repetition = { startedAt: at.now, count: 0 };
  return prove({ at: "awaitingConfirm", establishedAt, ke3, confirmation, repetition }, from, tunnel, at);
}

function onConfirm(
  state: AwaitingConfirm,
  message: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  now: number,
): Step<ClassicInitiatorState> {
  const { confirmation, establishedAt } = state;
  const { localSpi } = tunnel;
  if (!confirmHolds(confirmation, confirmation.macR, localSpi, message)) {
    return drop(state, tunnel, "confirmation does not hold");
  }
  const keys = classicTunnelKeys(confirmation);
  zeroize(...secretsOfConfirmation(confirmation));
  const isRekey = establishedAt !== null;
  return {
    state: { at: "idle", establishedAt: now },
    effects: [
      { do: "disarm", localSpi },
      { do: "installKeys", localSpi, keys, use: "both", peerCapabilities: 0, from },
      { do: "established", localSpi, suite: 1, epoch: 0, isRekey, from },
      // The first datagram under the new keys tells the responder that it may seal with them, too.
      { do: "sendFrame", localSpi, to: from, frameType: INNER_FRAME.keepalive, payload: new Uint8Array(0) },
    ],
  };
}
