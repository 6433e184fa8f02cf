/**
 * The server's side of a login, both suites (docs/PROTOCOL.md, sections 3 to 5).
 *
 *      startServerLogin
 *             |
 *             v        HELO holds                AUTH holds                       the key is the account's
 *        awaitingHelo -----------> awaitingAuth --------------> awaitingAccount ---------------------------+
 *             |          HELO OK        |          lookUp              |                AUTH OK            v
 *             |                         | REGISTER holds               |                              established
 *             |                         +----------------> awaitingRegistration ---------------------------^
 *             |                         |     register               | |            registered, REGISTER OK
 *             | malformed, other server,| malformed, proof fails,    | | refused: AUTH FAILED, closed,
 *             | timer, closed           | timer, closed              v v a frame before the answer
 *             +-------------------------+---------------------------> closed
 *
 * In `established` and `closed` every event is ignored; answers of the store are ignored by all states but the one that asked.
 * Each refusal is final. Nothing is looked up in suite 2, and nothing registered in either, before the client has proved its keys.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import {
  AUTH_FAILED,
  authFailed,
  type ClassicExchangeValues,
  classicLogin,
  decodePlainFrame,
  encodePlainFrame,
  FRAME,
  heloSuite,
  KEY_TYPE,
  LOGIN,
  MODERN_VERSION,
  modernLogin,
  protectedType,
  REFUSED,
  refused,
  SUITE,
} from "../protocol/mod.ts";
import {
  answerClassicHelo,
  isHeloFor,
  judgeClassicAuth,
  makeClassicOk,
  offersOneOfEach,
  provenKeys,
} from "./classic_login.ts";
import type { ControlStream } from "./control_stream.ts";
import type {
  KnownAccount,
  ProvenKey,
  ServerLoginEffect,
  ServerLoginEvent,
  ServerLoginOptions,
  ServerLoginRefusal,
} from "./login_types.ts";
import { answerModernHelo, claimHolds, isModernHeloFor, type ModernLoginAgreed } from "./modern_login.ts";
import { zeroizeModernKeys } from "./modern_keys.ts";

/** HELO is complete within this time of the connection, in ms. */
export const HELO_TIMEOUT_MS = 5_000;

/** AUTH or REGISTER is complete within this time of the connection, in ms. */
export const AUTH_TIMEOUT_MS = 10_000;

/** Where a server login stands. */
export type ServerLoginState =
  | { at: "awaitingHelo"; startedAt: number }
  | { at: "awaitingAuth"; agreed: ServerAgreed }
  | { at: "awaitingAccount"; agreed: ServerAgreed; address: number; proof: AuthProof }
  | { at: "awaitingRegistration"; agreed: ServerAgreed }
  | { at: "established" }
  | { at: "closed" };

/** An exchange after HELO OK; for the machine alone. */
export type ServerAgreed =
  & { stream: ControlStream; binding: Uint8Array }
  & ({ suite: 1; values: ClassicExchangeValues } | { suite: 2; modern: ModernLoginAgreed });

/** What an AUTH has to be held against the account's key: in suite 2 a proven key, in suite 1 a signature. */
export type AuthProof = { publicKey: Uint8Array } | { signature: Uint8Array };

/** The next state, and what is to be done. */
export interface ServerLoginStep {
  /** To be handed to the next step. */
  state: ServerLoginState;
  /** To be carried out in order. */
  effects: ServerLoginEffect[];
}

/** What a step takes from outside. */
export interface ServerLoginContext {
  /** Its keys and what it speaks. */
  server: ServerLoginOptions;
  /** Monotonic ms. */
  now: number;
  /** The system's outside of tests. */
  random: Random;
}

/** Ends a login from inside the reading of a frame. */
class Refusal extends Error {
  constructor(readonly reason: ServerLoginRefusal, readonly answer: ServerLoginEffect[] = []) {
    super(reason);
  }
}

/** Begins with a new connection. */
export function startServerLogin(now: number): ServerLoginStep {
  return { state: { at: "awaitingHelo", startedAt: now }, effects: [{ do: "arm", ms: HELO_TIMEOUT_MS }] };
}

/** Takes one event. */
export function stepServerLogin(
  state: ServerLoginState,
  event: ServerLoginEvent,
  context: ServerLoginContext,
): ServerLoginStep {
  if (state.at === "established" || state.at === "closed") return { state, effects: [] };
  try {
    return step(state, event, context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (state.at !== "awaitingHelo") forget(state.agreed);
    const effects: ServerLoginEffect[] = [{ do: "disarm" }, ...error.answer, { do: "close", reason: error.reason }];
    return { state: { at: "closed" }, effects };
  }
}

type OpenState = Exclude<ServerLoginState, { at: "established" | "closed" }>;

function step(state: OpenState, event: ServerLoginEvent, context: ServerLoginContext): ServerLoginStep {
  if (event.on === "closed") throw new Refusal("client closed the connection");
  if (event.on === "timer") return onTimer(state);
  switch (state.at) {
    case "awaitingHelo":
      return event.on === "frame" ? onHelo(state.startedAt, event.frame, context) : ignore(state);
    case "awaitingAuth":
      return event.on === "frame" ? onProof(state.agreed, event.frame) : ignore(state);
    case "awaitingAccount":
      if (event.on === "frame") throw new Refusal("message before the answer");
      return event.on === "account" ? onAccount(state, event.account, context.server) : ignore(state);
    case "awaitingRegistration":
      if (event.on === "frame") throw new Refusal("message before the answer");
      if (event.on === "registered") return establish(state.agreed, event.address, true, context.server);
      if (event.on !== "registrationRefused") return ignore(state);
      throw new Refusal("registration was refused", sealFailure(state.agreed, event.code, event.message));
  }
}

function ignore(state: ServerLoginState): ServerLoginStep {
  return { state, effects: [] };
}

function onTimer(state: OpenState): ServerLoginStep {
  if (state.at === "awaitingHelo") throw new Refusal("helo was not complete in time");
  if (state.at === "awaitingAuth") throw new Refusal("authentication was not complete in time");
  return ignore(state);
}

/** Runs a decoder; what it throws for malformed bytes becomes a refusal. */
function decodeOr<T>(reason: ServerLoginRefusal, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ProtocolError) throw new Refusal(reason);
    throw error;
  }
}

function onHelo(startedAt: number, frame: Uint8Array, { server, now, random }: ServerLoginContext): ServerLoginStep {
  const { type, body } = decodeOr("helo is malformed", () => decodePlainFrame(frame));
  if (type !== FRAME.helo) throw new Refusal("frame is not a helo");
  const suite = decodeOr("helo is malformed", () => heloSuite(body));
  if (!server.suites.includes(suite) || (suite === SUITE.classic && server.rsa === null)) {
    throw new Refusal("suite is not spoken here", refuse(REFUSED.suiteNotSpoken));
  }
  const { agreed, heloOkFrame } = suite === SUITE.classic
    ? agreeClassic(frame, body, server, random)
    : agreeModern(body, server, random);
  const effects: ServerLoginEffect[] = [
    { do: "send", frame: heloOkFrame },
    { do: "arm", ms: Math.max(0, startedAt + AUTH_TIMEOUT_MS - now) },
  ];
  return { state: { at: "awaitingAuth", agreed }, effects };
}

function refuse(code: number): ServerLoginEffect[] {
  return [{ do: "send", frame: encodePlainFrame(FRAME.refused, refused.encode({ code, retryAfterSeconds: 0 })) }];
}

interface HeloAnswer {
  agreed: ServerAgreed;
  heloOkFrame: Uint8Array;
}

function agreeClassic(frame: Uint8Array, body: Uint8Array, server: ServerLoginOptions, random: Random): HeloAnswer {
  const helo = decodeOr("helo is malformed", () => classicLogin.helo.decode(body));
  if (!isHeloFor(helo, server.rsa!)) throw new Refusal("helo names another server");
  const answer = answerClassicHelo(helo, frame, random);
  if (answer === null) throw new Refusal("key agreement was refused");
  const { stream, binding, values, heloOkFrame } = answer;
  return { agreed: { suite: SUITE.classic, stream, binding, values }, heloOkFrame };
}

/** Where `version` stands in the body of a HELO of suite 2. */
const VERSION_OFFSET = 4;

function agreeModern(body: Uint8Array, server: ServerLoginOptions, random: Random): HeloAnswer {
  if (body.length > VERSION_OFFSET && body[VERSION_OFFSET] !== MODERN_VERSION) {
    throw new Refusal("version is not spoken here", refuse(REFUSED.versionNotSpoken));
  }
  const helo = decodeOr("helo is malformed", () => modernLogin.helo.decode(body));
  if (!isModernHeloFor(helo, server.ed25519)) throw new Refusal("helo names another server");
  const answer = answerModernHelo(helo, server, random);
  if (typeof answer === "string") throw new Refusal(answer);
  const { heloOkFrame, ...modern } = answer;
  return { agreed: { suite: SUITE.modern, stream: modern.stream, binding: modern.th, modern }, heloOkFrame };
}

function onProof(agreed: ServerAgreed, frame: Uint8Array): ServerLoginStep {
  const plaintext = agreed.stream.open(frame);
  if (plaintext === null) throw new Refusal("protected message does not hold");
  const type = decodeOr("message is neither auth nor register", () => protectedType(plaintext));
  if (type === LOGIN.auth) return onAuth(agreed, plaintext);
  if (type === LOGIN.register) return onRegister(agreed, plaintext);
  throw new Refusal("message is neither auth nor register");
}

function onAuth(agreed: ServerAgreed, plaintext: Uint8Array): ServerLoginStep {
  const { address, proof } = decodeOr("auth is malformed", () => readAuth(agreed, plaintext));
  return {
    state: { at: "awaitingAccount", agreed, address, proof },
    effects: [{ do: "disarm" }, { do: "lookUp", suite: agreed.suite, address }],
  };
}

function readAuth(agreed: ServerAgreed, plaintext: Uint8Array): { address: number; proof: AuthProof } {
  if (agreed.suite === SUITE.classic) {
    const { identity, signature } = classicLogin.auth.decode(plaintext);
    return { address: identity, proof: { signature } };
  }
  const claim = modernLogin.auth.decode(plaintext);
  if (!claimHolds(claim, false, agreed.modern)) throw new Refusal("identity does not hold");
  return { address: claim.address, proof: { publicKey: claim.publicKey } };
}

function onRegister(agreed: ServerAgreed, plaintext: Uint8Array): ServerLoginStep {
  const { nick, keys } = decodeOr("auth is malformed", () => readRegister(agreed, plaintext));
  return {
    state: { at: "awaitingRegistration", agreed },
    effects: [{ do: "disarm" }, { do: "register", suite: agreed.suite, nick, keys }],
  };
}

function readRegister(agreed: ServerAgreed, plaintext: Uint8Array): { nick: string; keys: ProvenKey[] } {
  if (agreed.suite === SUITE.classic) {
    const register = classicLogin.register.decode(plaintext);
    if (!offersOneOfEach(register)) throw new Refusal("keys offered are not one of each type");
    const keys = provenKeys(register, agreed.binding);
    if (keys === null) throw new Refusal("proof of possession does not hold");
    return { nick: register.nick, keys };
  }
  const register = modernLogin.register.decode(plaintext);
  if (!claimHolds({ ...register, address: 0 }, true, agreed.modern)) throw new Refusal("identity does not hold");
  return { nick: register.nick, keys: [{ keyType: KEY_TYPE.ed25519, publicKey: register.publicKey }] };
}

function onAccount(
  { agreed, address, proof }: ServerLoginState & { at: "awaitingAccount" },
  account: KnownAccount | null,
  server: ServerLoginOptions,
): ServerLoginStep {
  const refuseAuth = (reason: ServerLoginRefusal, code: number) =>
    new Refusal(reason, sealFailure(agreed, code, reason));
  if (account === null) throw refuseAuth("no such account", AUTH_FAILED.noSuchAccount);
  const verdict = judgeProof(agreed, proof, account.publicKey);
  if (verdict !== "holds") throw refuseAuth(verdict, AUTH_FAILED.keyDoesNotMatch);
  if (account.isDisabled) throw refuseAuth("account is disabled", AUTH_FAILED.accountDisabled);
  return establish(agreed, address, false, server);
}

function judgeProof(
  agreed: ServerAgreed,
  proof: AuthProof,
  publicKey: Uint8Array | null,
): "holds" | "key is not the key of the account" | "auth without cryptoSuite" {
  if (publicKey === null) return "key is not the key of the account";
  if ("publicKey" in proof) {
    return equalBytes(proof.publicKey, publicKey) ? "holds" : "key is not the key of the account";
  }
  if (agreed.suite !== SUITE.classic) return "key is not the key of the account";
  const verdict = judgeClassicAuth(publicKey, proof.signature, agreed.values);
  if (verdict === "lacks cryptoSuite") return "auth without cryptoSuite";
  return verdict === "holds" ? "holds" : "key is not the key of the account";
}

function sealFailure({ stream }: ServerAgreed, code: number, message: string): ServerLoginEffect[] {
  const frame = stream.seal(authFailed.encode({ code, message }));
  return frame === null ? [] : [{ do: "send", frame }];
}

function establish(
  agreed: ServerAgreed,
  address: number,
  isRegistration: boolean,
  server: ServerLoginOptions,
): ServerLoginStep {
  const { suite, stream, binding } = agreed;
  const frame = stream.seal(makeOk(agreed, address, isRegistration, server))!;
  if (agreed.suite === SUITE.modern) zeroizeModernKeys(agreed.modern.keys);
  const login = { suite, address, isRegistration, stream, binding };
  return { state: { at: "established" }, effects: [{ do: "send", frame }, { do: "established", login }] };
}

function makeOk(
  agreed: ServerAgreed,
  address: number,
  isRegistration: boolean,
  server: ServerLoginOptions,
): Uint8Array {
  if (agreed.suite === SUITE.classic) return makeClassicOk(server.rsa!, agreed.values, address, isRegistration);
  return isRegistration ? modernLogin.registerOk.encode({ address }) : modernLogin.authOk.encode({});
}

function forget(agreed: ServerAgreed): void {
  agreed.stream.close();
  if (agreed.suite === SUITE.modern) zeroizeModernKeys(agreed.modern.keys);
}
