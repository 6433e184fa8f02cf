/**
 * The responder of a suite 1 exchange (docs/PROTOCOL.md, section 8.2). A KE1 has passed the gate.
 *
 *             KE1: KE2                KE3 and its CONFIRM hold: install the keys, CONFIRM
 *      idle ----------> awaitingKe3 ------------------------------------------------------> idle, answering
 *       ^                 |  KE1 again: KE2 again                                             |  KE3 again: the next CONFIRM
 *       |<----------------+  10 s: forgotten                                                  |
 *       |<------------------------------------------------------------------------------------+  20 s: forgotten
 *
 * A first key is used both ways at once; a later one only for opening until the first datagram under it shows that the initiator has
 * it too. A KE1 that differs from the one in hand takes its place if the gate lets it pass. Whatever does not hold is dropped and
 * leaves the state as it was.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/ip.ts";
import { type DhKeyPair, generateDh, isValidDhValue, signRsa, verifyRsa, zeroize } from "../crypto/mod.ts";
import {
  CLASSIC_LENGTH,
  classicExchange,
  type ClassicExchangeValues,
  classicInitiatorInput,
  type ClassicKe1,
  type ClassicKe3,
  classicResponderInput,
  CONFIRM_MESSAGE_LENGTH,
  INNER_FRAME,
} from "../protocol/mod.ts";
import {
  type ClassicConfirmation,
  classicTunnelKeys,
  confirmHolds,
  deriveConfirmation,
  sealConfirm,
  secretsOfConfirmation,
} from "./classic_confirm.ts";
import {
  drop,
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
import type { ExchangeEffect } from "./exchange_types.ts";

/** A KE2 that waits for its KE3. */
export interface Answered {
  /** The datagram that asked. */
  ke1: Uint8Array;
  /** The answer, for repetitions too. */
  ke2: Uint8Array;
  /** What the signatures cover. */
  values: ClassicExchangeValues;
  /** Secret. */
  privateKey: Uint8Array;
}

/** A confirmed exchange whose KE3 may come again. */
export interface Confirmed {
  /** KE3 up to the end of its signature. */
  ke3: Uint8Array;
  /** Its keys. */
  confirmation: ClassicConfirmation;
  /** Id of the last CONFIRM that we sent. */
  lastId: number;
}

/** What outlives an exchange. */
export interface History {
  /** When we got keys last, monotonic ms. */
  completedAt: number | null;
  /** Whether those of a rekey are not used for sealing yet. */
  isWaitingForUse: boolean;
  /** null once KE3 cannot come again. */
  confirmed: Confirmed | null;
}

/** Where a responder of suite 1 stands. */
export type ClassicResponderState =
  | { at: "idle"; history: History }
  | { at: "awaitingKe3"; history: History; answered: Answered };

/** For how long KE3 may come again: twice as long as an initiator sends it. */
const CONFIRMED_MS = 2 * EXCHANGE_TIMEOUT_MS;

/** The machine. */
export const classicResponder: Machine<ClassicResponderState> = {
  initial: { at: "idle", history: { completedAt: null, isWaitingForUse: false, confirmed: null } },
  step,
  isHalfOpen: ({ at }) => at === "awaitingKe3",
  completedAt: ({ history }) => history.completedAt,
  standing,
  secretsOf: (state) => {
    const { confirmed } = state.history;
    const kept = confirmed === null ? [] : secretsOfConfirmation(confirmed.confirmation);
    return state.at === "awaitingKe3" ? [...kept, state.answered.privateKey] : kept;
  },
};

function standing(state: ClassicResponderState, message: ExchangeMessage): Ke1Standing {
  if (state.at === "idle" || message.type !== "classicKe1") return "new";
  const { nonceI, publicValueI } = state.answered.values;
  const isSame = equalBytes(nonceI, message.nonceI) && equalBytes(publicValueI, message.publicValueI);
  return isSame ? "repeated" : "another is half open";
}

function step(
  state: ClassicResponderState,
  event: ExchangeEvent,
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicResponderState> {
  switch (event.on) {
    case "start":
      return askForRekey(state, tunnel);
    case "timer":
      return forget(state);
    case "keysConfirmed":
      return onKeysConfirmed(state, tunnel);
    case "datagram":
      return onDatagram(state, event, tunnel, at);
  }
}

/** Only the initiator begins; where there is a tunnel already it can be asked to. */
function askForRekey(state: ClassicResponderState, { localSpi }: Tunnel): Step<ClassicResponderState> {
  if (state.history.completedAt === null) return ignore(state);
  const frameType = INNER_FRAME.rekeyWanted;
  return { state, effects: [{ do: "sendFrame", localSpi, to: null, frameType, payload: new Uint8Array(0) }] };
}

function forget(state: ClassicResponderState): Step<ClassicResponderState> {
  zeroize(...classicResponder.secretsOf(state));
  return { state: { at: "idle", history: { ...state.history, confirmed: null } }, effects: [] };
}

function onKeysConfirmed(state: ClassicResponderState, { localSpi }: Tunnel): Step<ClassicResponderState> {
  if (!state.history.isWaitingForUse) return ignore(state);
  const history = { ...state.history, isWaitingForUse: false };
  return { state: { ...state, history }, effects: [{ do: "useKeys", localSpi, epoch: 0 }] };
}

function onDatagram(
  state: ClassicResponderState,
  { message, from, bytes }: ExchangeEvent & { on: "datagram" },
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicResponderState> {
  if (message.type === "classicKe1") return onKe1(state, message, bytes, from, tunnel, at);
  if (message.type === "classicKe3") return onKe3(state, message, bytes, from, tunnel, at);
  return drop(state, tunnel, "not expected now");
}

function onKe1(
  state: ClassicResponderState,
  ke1: ClassicKe1 & ExchangeMessage,
  bytes: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicResponderState> {
  const { localSpi } = tunnel;
  if (state.at === "awaitingKe3" && standing(state, ke1) === "repeated") {
    return { state, effects: [{ do: "send", localSpi, to: from, datagrams: [state.answered.ke2] }] };
  }
  if (!isValidDhValue(ke1.publicValueI)) return drop(state, tunnel, "public value refused");
  if (state.at === "awaitingKe3") zeroize(state.answered.privateKey);
  const answered = answer(ke1, bytes, tunnel, at);
  return {
    state: { at: "awaitingKe3", history: state.history, answered },
    effects: [
      { do: "send", localSpi, to: from, datagrams: [answered.ke2] },
      { do: "arm", localSpi, ms: EXCHANGE_TIMEOUT_MS },
    ],
  };
}

/** Makes KE2. */
function answer({ nonceI, publicValueI }: ClassicKe1, ke1: Uint8Array, tunnel: Tunnel, { random }: Moment): Answered {
  const { privateKey, publicValue: publicValueR }: DhKeyPair = generateDh(random);
  const nonceR = random.bytes(CLASSIC_LENGTH.nonce);
  const values = { nonceI, nonceR, publicValueI, publicValueR };
  const signature = signRsa("sha1", tunnel.local.rsa!.privateKey, classicResponderInput(values));
  const ke2 = classicExchange.ke2.encode({ spi: tunnel.remoteSpi, nonceR, publicValueR, signature });
  return { ke1: ke1.slice(), ke2, values, privateKey };
}

function onKe3(
  state: ClassicResponderState,
  ke3: ClassicKe3,
  bytes: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  at: Moment,
): Step<ClassicResponderState> {
  const { confirmed } = state.history;
  const signed = bytes.slice(0, bytes.length - CONFIRM_MESSAGE_LENGTH);
  if (confirmed !== null && equalBytes(confirmed.ke3, signed)) {
    return onKe3Again(state, confirmed, ke3.confirmMessage, from, tunnel, at);
  }
  if (state.at !== "awaitingKe3") return drop(state, tunnel, "not expected now");
  const { answered: { values, privateKey, ke1, ke2 } } = state;
  const isSame = equalBytes(ke3.nonceI, values.nonceI) && equalBytes(ke3.publicValueI, values.publicValueI);
  if (!isSame || !verifyRsa("sha1", tunnel.peer.publicKey, classicInitiatorInput(values), ke3.signature)) {
    return drop(state, tunnel, "identity does not hold");
  }
  const secrets = { privateKey, peerValue: values.publicValueI, ownValue: values.publicValueR };
  const confirmation = deriveConfirmation(tunnel, secrets, values, { ke1, ke2, ke3: bytes });
  if (confirmation === null) return drop(state, tunnel, "public value refused");
  if (!confirmHolds(confirmation, confirmation.macI, tunnel.localSpi, ke3.confirmMessage)) {
    zeroize(...secretsOfConfirmation(confirmation));
    return drop(state, tunnel, "confirmation does not hold");
  }
  zeroize(...classicResponder.secretsOf(state));
  return complete(state.history.completedAt !== null, { ke3: signed, confirmation, lastId: 0 }, from, tunnel, at);
}

function complete(
  isRekey: boolean,
  first: Confirmed,
  from: Endpoint,
  tunnel: Tunnel,
  { now, random }: Moment,
): Step<ClassicResponderState> {
  const { localSpi } = tunnel;
  const confirmed = { ...first, lastId: 1 };
  const keys = classicTunnelKeys(first.confirmation);
  return {
    state: { at: "idle", history: { completedAt: now, isWaitingForUse: isRekey, confirmed } },
    effects: [
      { do: "installKeys", localSpi, keys, use: isRekey ? "open" : "both", peerCapabilities: 0, from },
      { do: "established", localSpi, suite: 1, epoch: 0, isRekey, from },
      sendConfirm(confirmed, from, tunnel, random)!,
      { do: "arm", localSpi, ms: CONFIRMED_MS },
    ],
  };
}

function onKe3Again(
  state: ClassicResponderState,
  confirmed: Confirmed,
  confirmMessage: Uint8Array,
  from: Endpoint,
  tunnel: Tunnel,
  { random }: Moment,
): Step<ClassicResponderState> {
  const { confirmation } = confirmed;
  if (!confirmHolds(confirmation, confirmation.macI, tunnel.localSpi, confirmMessage)) {
    return drop(state, tunnel, "confirmation does not hold");
  }
  const next = { ...confirmed, lastId: confirmed.lastId + 1 };
  const effect = sendConfirm(next, from, tunnel, random);
  if (effect === null) return drop(state, tunnel, "repeated too often");
  return { state: { ...state, history: { ...state.history, confirmed: next } }, effects: [effect] };
}

/** CONFIRM with the last id, or null when the ids are used up. */
function sendConfirm(
  { confirmation, lastId }: Confirmed,
  to: Endpoint,
  { localSpi, remoteSpi }: Tunnel,
  random: Moment["random"],
): ExchangeEffect | null {
  const confirmMessage = sealConfirm(confirmation, confirmation.macR, remoteSpi, lastId, random);
  if (confirmMessage === null) return null;
  const datagram = classicExchange.confirm.encode({ spi: remoteSpi, confirmMessage });
  return { do: "send", localSpi, to, datagrams: [datagram] };
}
