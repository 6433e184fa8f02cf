/**
 * The client's side of a login, both suites (docs/PROTOCOL.md, sections 3 to 5).
 *
 *        startClientLogin
 *               | HELO
 *               v                HELO OK holds                      OK holds
 *        awaitingHeloOk ----------------------> awaitingAnswer -----------------> established
 *               |           AUTH or REGISTER         |
 *               | REFUSED, malformed, not authentic, | AUTH FAILED, malformed, not authentic,
 *               | timer, closed                      | timer, closed
 *               +----------------> failed <----------+
 *
 * In `established` and `failed` every event is ignored. A failure is final: whoever wants to try again starts anew, with the same
 * suite; nothing that arrives here can make it another one.
 *
 * @module
 */

import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { type Ed25519KeyPair, type RsaKeyPair, zeroize } from "../crypto/mod.ts";
import {
  authFailed,
  decodePlainFrame,
  FRAME,
  LOGIN,
  modernLogin,
  protectedType,
  refused,
  SUITE,
} from "../protocol/mod.ts";
import {
  beginClassicLogin,
  type ClassicLoginAgreed,
  type ClassicLoginBegun,
  makeClassicAuth,
  readClassicOk,
  takeClassicHeloOk,
} from "./classic_login.ts";
import type { ControlStream } from "./control_stream.ts";
import type { ClientLoginEffect, ClientLoginEvent, ClientLoginOptions, LoginFailure } from "./login_types.ts";
import { beginModernLogin, makeModernAuth, type ModernLoginBegun, takeModernHeloOk } from "./modern_login.ts";
import { zeroizeModernKeys } from "./modern_keys.ts";

/** How long a client waits for the whole login, in ms. */
export const CLIENT_LOGIN_TIMEOUT_MS = 15_000;

/** Where a client login stands. */
export type ClientLoginState =
  | { at: "awaitingHeloOk"; options: ClientLoginOptions; begun: Begun }
  | { at: "awaitingAnswer"; options: ClientLoginOptions; agreed: Agreed }
  | { at: "established" }
  | { at: "failed" };

/** The next state, and what is to be done. */
export interface ClientLoginStep {
  /** To be handed to the next step. */
  state: ClientLoginState;
  /** To be carried out in order. */
  effects: ClientLoginEffect[];
}

/** An exchange after HELO; for the machine alone. */
export type Begun =
  | { suite: 1; rsa: RsaKeyPair } & ClassicLoginBegun
  | {
    suite: 2;
    ed25519: Ed25519KeyPair;
  } & ModernLoginBegun;

/** An exchange after HELO OK; for the machine alone. */
export interface Agreed {
  /** Protects what follows. */
  stream: ControlStream;
  /** 32 bytes that name the connection. */
  binding: Uint8Array;
  /** The address that an OK names; null when it does not prove the server's key. @throws {ProtocolError} */
  readOk(plaintext: Uint8Array): number | null;
}

/** Ends a login from inside the reading of a frame. */
class Stop extends Error {
  constructor(readonly failure: LoginFailure) {
    super(failure.reason);
  }
}

/**
 * Begins a login: sends HELO.
 *
 * @throws {RangeError} when the identity lacks the key that the suite needs
 */
export function startClientLogin(options: ClientLoginOptions, random: Random): ClientLoginStep {
  const begun = begin(options, random);
  return {
    state: { at: "awaitingHeloOk", options, begun },
    effects: [{ do: "send", frame: begun.heloFrame }, { do: "arm", ms: CLIENT_LOGIN_TIMEOUT_MS }],
  };
}

function begin({ suite, server, identity, suites, offers }: ClientLoginOptions, random: Random): Begun {
  if (suite === SUITE.classic) {
    if (identity.rsa === null) throw new RangeError("Cannot log in with suite 1: this client has no RSA key");
    return { suite, rsa: identity.rsa, ...beginClassicLogin(server, random) };
  }
  if (identity.ed25519 === null) throw new RangeError("Cannot log in with suite 2: this client has no Ed25519 key");
  return { suite, ed25519: identity.ed25519, ...beginModernLogin(server, { suites, offers }, random) };
}

/** Takes one event. `random` gives the initialisation vectors of suite 1. */
export function stepClientLogin(state: ClientLoginState, event: ClientLoginEvent, random: Random): ClientLoginStep {
  if (state.at === "established" || state.at === "failed") return { state, effects: [] };
  if (event.on === "timer") return fail(state, { reason: "timeout" });
  if (event.on === "closed") {
    return fail(state, { reason: "closed", before: state.at === "awaitingHeloOk" ? "heloOk" : "answer" });
  }
  try {
    return state.at === "awaitingHeloOk" ? onHeloOk(state, event.frame, random) : onAnswer(state, event.frame);
  } catch (error) {
    if (error instanceof Stop) return fail(state, error.failure);
    if (error instanceof ProtocolError) return fail(state, { reason: "malformedAnswer", detail: error.message });
    throw error;
  }
}

function onHeloOk(
  { options, begun }: ClientLoginState & { at: "awaitingHeloOk" },
  frame: Uint8Array,
  random: Random,
): ClientLoginStep {
  const { type, body } = decodePlainFrame(frame);
  if (type === FRAME.refused) throw new Stop({ reason: "refused", ...refused.decode(body) });
  if (type !== FRAME.heloOk) throw new ProtocolError(`frame of type ${type} instead of HELO OK`);
  const { agreed, message } = begun.suite === SUITE.classic
    ? agreeClassic(options, begun, frame, body, random)
    : agreeModern(options, begun, body);
  return {
    state: { at: "awaitingAnswer", options, agreed },
    effects: [{ do: "send", frame: agreed.stream.seal(message)! }],
  };
}

/** What follows from HELO OK: the state of the exchange, and AUTH or REGISTER. */
interface Answer {
  agreed: Agreed;
  message: Uint8Array;
}

function agreeClassic(
  { identity, server }: ClientLoginOptions,
  begun: Begun & { suite: 1 },
  frame: Uint8Array,
  body: Uint8Array,
  random: Random,
): Answer {
  const agreed: ClassicLoginAgreed = takeClassicHeloOk(begun, frame, body, random);
  const readOk = (plaintext: Uint8Array) => readClassicOk(plaintext, identity, server, agreed.values);
  return { agreed: { ...agreed, readOk }, message: makeClassicAuth(identity, begun.rsa, agreed) };
}

function agreeModern({ identity, server }: ClientLoginOptions, begun: Begun & { suite: 2 }, body: Uint8Array): Answer {
  const agreed = takeModernHeloOk(begun, body, server);
  if (agreed === null) throw new Stop({ reason: "serverNotAuthentic" });
  const message = makeModernAuth(identity, begun.ed25519, agreed);
  zeroizeModernKeys(agreed.keys);
  const readOk = (plaintext: Uint8Array) => {
    if (plaintext[0] === LOGIN.registerOk) return modernLogin.registerOk.decode(plaintext).address;
    modernLogin.authOk.decode(plaintext);
    return identity.address;
  };
  return { agreed: { stream: agreed.stream, binding: agreed.th, readOk }, message };
}

function onAnswer(
  { options, agreed }: ClientLoginState & { at: "awaitingAnswer" },
  frame: Uint8Array,
): ClientLoginStep {
  const plaintext = agreed.stream.open(frame);
  if (plaintext === null) throw new ProtocolError("protected message does not hold");
  const isRegistration = options.identity.address === 0;
  const type = protectedType(plaintext);
  if (type === LOGIN.authFailed) {
    const { code, message } = authFailed.decode(plaintext);
    throw new Stop({ reason: "authFailed", code, message });
  }
  if (type !== (isRegistration ? LOGIN.registerOk : LOGIN.authOk)) {
    throw new ProtocolError(`message of type ${type} instead of an answer to the login`);
  }
  const address = agreed.readOk(plaintext);
  if (address === null) throw new Stop({ reason: "serverNotAuthentic" });
  if (address === 0) throw new ProtocolError("the server gave no address");
  const { stream, binding } = agreed;
  const login = { suite: options.suite, address, isRegistration, stream, binding };
  return { state: { at: "established" }, effects: [{ do: "disarm" }, { do: "established", login }] };
}

function fail(state: ClientLoginState, failure: LoginFailure): ClientLoginStep {
  if (state.at === "awaitingAnswer") state.agreed.stream.close();
  if (state.at === "awaitingHeloOk") zeroize(...secretsOf(state.begun));
  return { state: { at: "failed" }, effects: [{ do: "disarm" }, { do: "fail", failure }] };
}

function secretsOf(begun: Begun): Uint8Array[] {
  return begun.suite === SUITE.classic ? [begun.privateKey] : [begun.x25519Private, begun.decapsulationKey];
}
