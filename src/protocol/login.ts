/**
 * Login (PROTOCOL.md sections 4 and 5). HELO and HELO OK are bodies of plain frames; the others are plaintexts of protected
 * messages and begin with their type.
 *
 *     suite 1   HELO         cryptoSuite u32 = 1 | ServerKfp 59 | Ni 128 | Gi 256
 *               HELO OK      Nr 128 | Gr 256
 *               AUTH         0x10 | identity u32 | blob signature
 *               AUTH OK      0x11 | blob ssh-rsa | blob signature
 *               REGISTER     0x12 | text nick | short list of (keyType u8 | blob publicKey | blob proof)
 *               REGISTER OK  0x13 | address u32 | blob ssh-rsa | blob signature
 *
 *     suite 2   HELO         cryptoSuite u32 = 2 | version u8 = 1 | serverFingerprint 32 | capabilities u32 | suites | offers
 *                            | Ni 32 | Xi 32 | ek 1184
 *               HELO OK      version u8 = 1 | capabilities u32 | suites | offers | Nr 32 | Xr 32 | ct 1088 | signature 64
 *                            | mac 32
 *               AUTH         0x10 | address u32 | publicKey 32 | signature 64 | mac 32
 *               AUTH OK      0x11
 *               REGISTER     0x12 | text nick | publicKey 32 | signature 64 | mac 32
 *               REGISTER OK  0x13 | address u32
 *
 *     both      AUTH FAILED  0x1f | code u8 | text message
 *
 * @module
 */

import { ByteReader } from "../base/bytes.ts";
import {
  CLASSIC_LENGTH,
  MAX_BLOB_LENGTH,
  MAX_COUNT,
  MAX_TEXT_LENGTH,
  MODERN_LENGTH,
  MODERN_VERSION,
  SUITE,
} from "./constants.ts";
import {
  blob,
  bytes,
  type Codec,
  constant,
  lax,
  type MessageOf,
  record,
  shortList,
  strict,
  text,
  typeByte,
  u32,
  u8,
} from "./fields.ts";
import { modernSuites, offers } from "./negotiation.ts";

/** Types of the protected messages of a login. */
export const LOGIN = { auth: 0x10, authOk: 0x11, register: 0x12, registerOk: 0x13, authFailed: 0x1f } as const;

/** Codes of AUTH FAILED. */
export const AUTH_FAILED = {
  noSuchAccount: 1,
  keyDoesNotMatch: 2,
  keyOfAnotherAccount: 3,
  registrationClosed: 4,
  tooMany: 5,
  accountDisabled: 6,
} as const;

const publicKey = blob(MAX_BLOB_LENGTH.publicKey);
const rsaSignature = blob(MAX_BLOB_LENGTH.signature);

/** A key offered by REGISTER of suite 1, with the proof that its owner sent it. */
export const offeredKey = { keyType: u8, publicKey, proof: rsaSignature };

/** Login messages of suite 1. */
export const classicLogin = {
  /** Client to server. `serverKfp` is ASCII: `xx:xx:…`. */
  helo: strict({
    suite: constant(u32, SUITE.classic, "cryptoSuite"),
    serverKfp: bytes(CLASSIC_LENGTH.serverKfp),
    nonceI: bytes(CLASSIC_LENGTH.nonce),
    publicValueI: bytes(CLASSIC_LENGTH.publicValue),
  }, 447),
  /** Server to client. */
  heloOk: strict({ nonceR: bytes(CLASSIC_LENGTH.nonce), publicValueR: bytes(CLASSIC_LENGTH.publicValue) }, 384),
  /** Client to server; `identity` is the virtual address. */
  auth: strict({ type: typeByte(LOGIN.auth), identity: u32, signature: rsaSignature }),
  /** Server to client. */
  authOk: strict({ type: typeByte(LOGIN.authOk), publicKey, signature: rsaSignature }),
  /** Client to server. */
  register: strict({
    type: typeByte(LOGIN.register),
    nick: text(MAX_TEXT_LENGTH.nick),
    keys: shortList(record(offeredKey), { min: 1, max: MAX_COUNT.keys }),
  }),
  /** Server to client. */
  registerOk: strict({ type: typeByte(LOGIN.registerOk), address: u32, publicKey, signature: rsaSignature }),
};

/** Login messages of suite 2. */
export const modernLogin = {
  /** Client to server. */
  helo: strict({
    suite: constant(u32, SUITE.modern, "cryptoSuite"),
    version: constant(u8, MODERN_VERSION, "version of suite 2"),
    serverFingerprint: bytes(MODERN_LENGTH.fingerprint),
    capabilities: u32,
    suites: modernSuites,
    offers,
    nonceI: bytes(MODERN_LENGTH.nonce),
    x25519I: bytes(MODERN_LENGTH.x25519),
    encapsulationKey: bytes(MODERN_LENGTH.encapsulationKey),
  }),
  /** Server to client. */
  heloOk: strict({
    version: constant(u8, MODERN_VERSION, "version of suite 2"),
    capabilities: u32,
    suites: modernSuites,
    offers,
    nonceR: bytes(MODERN_LENGTH.nonce),
    x25519R: bytes(MODERN_LENGTH.x25519),
    ciphertext: bytes(MODERN_LENGTH.ciphertext),
    signature: bytes(MODERN_LENGTH.signature),
    mac: bytes(MODERN_LENGTH.mac),
  }),
  /** Client to server. */
  auth: strict({
    type: typeByte(LOGIN.auth),
    address: u32,
    publicKey: bytes(MODERN_LENGTH.publicKey),
    signature: bytes(MODERN_LENGTH.signature),
    mac: bytes(MODERN_LENGTH.mac),
  }),
  /** Server to client. */
  authOk: strict({ type: typeByte(LOGIN.authOk) }),
  /** Client to server. */
  register: strict({
    type: typeByte(LOGIN.register),
    nick: text(MAX_TEXT_LENGTH.nick),
    publicKey: bytes(MODERN_LENGTH.publicKey),
    signature: bytes(MODERN_LENGTH.signature),
    mac: bytes(MODERN_LENGTH.mac),
  }),
  /** Server to client. */
  registerOk: strict({ type: typeByte(LOGIN.registerOk), address: u32 }),
};

/** AUTH FAILED of either suite, server to client. */
export interface AuthFailed {
  /** See {@linkcode AUTH_FAILED}. */
  code: number;
  /** For people. */
  message: string;
}

/** Codec of AUTH FAILED. */
export const authFailed: Codec<AuthFailed> = lax({
  type: typeByte(LOGIN.authFailed),
  code: u8,
  message: text(MAX_TEXT_LENGTH.message),
});

/** HELO of suite 1. */
export type ClassicHelo = MessageOf<typeof classicLogin.helo>;
/** HELO OK of suite 1. */
export type ClassicHeloOk = MessageOf<typeof classicLogin.heloOk>;
/** AUTH of suite 1. */
export type ClassicAuth = MessageOf<typeof classicLogin.auth>;
/** REGISTER of suite 1. */
export type ClassicRegister = MessageOf<typeof classicLogin.register>;
/** HELO of suite 2. */
export type ModernHelo = MessageOf<typeof modernLogin.helo>;
/** HELO OK of suite 2. */
export type ModernHeloOk = MessageOf<typeof modernLogin.heloOk>;
/** AUTH of suite 2. */
export type ModernAuth = MessageOf<typeof modernLogin.auth>;
/** REGISTER of suite 2. */
export type ModernRegister = MessageOf<typeof modernLogin.register>;

/** The suite that the body of a HELO names, known or not, so that the right table can read the rest. @throws {ProtocolError} */
export function heloSuite(body: Uint8Array): number {
  return new ByteReader(body).u32();
}

/** The type of a protected message. @throws {ProtocolError} when it is empty */
export function protectedType(plaintext: Uint8Array): number {
  return new ByteReader(plaintext).u8();
}
