/**
 * Events, effects and results of the login machines (docs/PROTOCOL.md, sections 3 to 5).
 *
 * @module
 */

import type { Ed25519KeyPair, RsaKeyPair } from "../crypto/mod.ts";
import type { AeadOffer, ServerPin, SuiteId } from "../protocol/mod.ts";
import type { ControlStream } from "./control_stream.ts";

/** A client's own account, as it logs in or asks for one. */
export interface ClientIdentity {
  /** Virtual address, 0 = none yet: REGISTER instead of AUTH. */
  address: number;
  /** Sent by REGISTER only. */
  nick: string;
  /** Needed for suite 2; in suite 1 offered by REGISTER where there is one. */
  ed25519: Ed25519KeyPair | null;
  /** Needed for suite 1. */
  rsa: RsaKeyPair | null;
}

/** What a client login needs to know. */
export interface ClientLoginOptions {
  /** The one suite of this connection; nothing in the machine ever changes it. */
  suite: SuiteId;
  /** The server's keys, from the invite. */
  server: ServerPin;
  /** Whose login it is. */
  identity: ClientIdentity;
  /** Suites this client speaks, for the signed transcript of suite 2. */
  suites: readonly number[];
  /** AEADs this client can use, measured; AES-256-GCM is always among them. */
  offers: readonly AeadOffer[];
}

/** What happened to a client login. */
export type ClientLoginEvent =
  /** A whole frame arrived, size field included. */
  | { on: "frame"; frame: Uint8Array }
  /** The timer ran out. */
  | { on: "timer" }
  /** The connection was closed by the other end. */
  | { on: "closed" };

/** What a client login wants done, in order. */
export type ClientLoginEffect =
  /** Send these bytes. */
  | { do: "send"; frame: Uint8Array }
  /** Report `timer` after `ms`, instead of an earlier one. */
  | { do: "arm"; ms: number }
  /** No timer any more. */
  | { do: "disarm" }
  /** Both ends are authenticated: frames go through `login.stream` from now on, and may be larger. */
  | { do: "established"; login: ClientLogin }
  /** It came to nothing: close the connection. */
  | { do: "fail"; failure: LoginFailure };

/** A successful login, at the client. */
export interface ClientLogin {
  /** As asked for. */
  suite: SuiteId;
  /** Our virtual address, new or as before. */
  address: number;
  /** Whether it was a REGISTER. */
  isRegistration: boolean;
  /** The rest of the connection goes through it. */
  stream: ControlStream;
  /** 32 bytes that name this connection, for the proofs of ADD KEY and ROTATE KEY. */
  binding: Uint8Array;
}

/** Why a client login came to nothing. */
export type LoginFailure =
  /** REFUSED, unauthenticated: a hint for a message and for back-off (see REFUSED of protocol/frames.ts). */
  | { reason: "refused"; code: number; retryAfterSeconds: number }
  /** AUTH FAILED (see AUTH_FAILED of protocol/login.ts); in suite 1 the server has not proved its key at this point. */
  | { reason: "authFailed"; code: number; message: string }
  /** The other end does not have the keys of the invite. */
  | { reason: "serverNotAuthentic" }
  /** What came is not what the protocol has here. */
  | { reason: "malformedAnswer"; detail: string }
  /** Nothing came in time. */
  | { reason: "timeout" }
  /** Closed without a word. Before HELO OK that is what a server does that does not own the key of the invite. */
  | { reason: "closed"; before: "heloOk" | "answer" };

/** A server's keys and what it speaks. */
export interface ServerLoginOptions {
  /** Proves the server in suite 2. */
  ed25519: Ed25519KeyPair;
  /** null = suite 1 is off. */
  rsa: RsaKeyPair | null;
  /** Suites it speaks: 2, and 1 where asked for. */
  suites: readonly number[];
  /** AEADs it can use, measured; AES-256-GCM is always among them. */
  offers: readonly AeadOffer[];
}

/** A key that a client has proved to hold. */
export interface ProvenKey {
  /** See KEY_TYPE. */
  keyType: number;
  /** ssh-rsa blob, or 32 bytes of Ed25519. */
  publicKey: Uint8Array;
}

/** What the server's store knows of an address, for the suite that asks. */
export interface KnownAccount {
  /** The account's key of the type that the suite uses, null = it has none. */
  publicKey: Uint8Array | null;
  /** Answered with AUTH FAILED, code 6, to whoever proves the key. */
  isDisabled: boolean;
}

/** What happened to a server login. */
export type ServerLoginEvent =
  /** A whole frame arrived, size field included. RELAY STREAM is not for this machine. */
  | { on: "frame"; frame: Uint8Array }
  /** Answer to `lookUp`; null = no such account. */
  | { on: "account"; account: KnownAccount | null }
  /** Answer to `register`: the account, new or the one that all the keys already belong to. */
  | { on: "registered"; address: number }
  /** Answer to `register`: no account, for a reason of AUTH_FAILED. */
  | { on: "registrationRefused"; code: number; message: string }
  /** The timer ran out. */
  | { on: "timer" }
  /** The connection was closed by the other end. */
  | { on: "closed" };

/** What a server login wants done, in order. */
export type ServerLoginEffect =
  /** Send these bytes. */
  | { do: "send"; frame: Uint8Array }
  /** Report `timer` after `ms`, instead of an earlier one. */
  | { do: "arm"; ms: number }
  /** No timer any more. */
  | { do: "disarm" }
  /** Find the account of an address and report `account`. In suite 2 the client has proved a key by now, in suite 1 not yet. */
  | { do: "lookUp"; suite: SuiteId; address: number }
  /** Make an account for these proven keys, or find the one they belong to; report `registered` or `registrationRefused`. */
  | { do: "register"; suite: SuiteId; nick: string; keys: ProvenKey[] }
  /** Both ends are authenticated: frames go through `login.stream` from now on, and may be larger. */
  | { do: "established"; login: ServerLogin }
  /** Close the connection, after what was sent before. */
  | { do: "close"; reason: ServerLoginRefusal };

/** A successful login, at the server. */
export interface ServerLogin {
  /** The one that the client chose. */
  suite: SuiteId;
  /** The account's virtual address. */
  address: number;
  /** Whether it was a REGISTER. */
  isRegistration: boolean;
  /** The rest of the connection goes through it. */
  stream: ControlStream;
  /** 32 bytes that name this connection, for the proofs of ADD KEY and ROTATE KEY. */
  binding: Uint8Array;
}

/** Why a server closed a connection during login. For logs and counters; the client hears at most AUTH FAILED or REFUSED. */
export type ServerLoginRefusal =
  | "helo was not complete in time"
  | "authentication was not complete in time"
  | "client closed the connection"
  | "frame is not a helo"
  | "helo is malformed"
  | "suite is not spoken here"
  | "version is not spoken here"
  | "helo names another server"
  | "key agreement was refused"
  | "no aead in common"
  | "protected message does not hold"
  | "message is neither auth nor register"
  | "message before the answer"
  | "auth is malformed"
  | "identity does not hold"
  | "proof of possession does not hold"
  | "keys offered are not one of each type"
  | "auth without cryptoSuite"
  | "no such account"
  | "key is not the key of the account"
  | "account is disabled"
  | "registration was refused";
