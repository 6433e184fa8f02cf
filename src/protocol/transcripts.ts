/**
 * What is signed, hashed, MACed and derived over: byte layouts only, no cryptography (PROTOCOL.md sections 4 to 8 and 12).
 *
 * Every label ends with a zero byte or stands before fields of fixed length, so no two of them can be mistaken for each other.
 *
 * @module
 */

import { ByteWriter, concat, utf8 } from "../base/bytes.ts";
import type { Endpoint } from "../base/ip.ts";
import { MODERN_VERSION, SHORT_MAC_LENGTH, SUITE } from "./constants.ts";
import { EXCHANGE_HEADER_LENGTH } from "./datagrams.ts";
import { CONFIRM_MESSAGE_LENGTH } from "./exchange.ts";
import { type AeadOffer, offers, suites } from "./negotiation.ts";

const ZERO = Uint8Array.of(0);

/** The four public values of a suite 1 exchange. */
export interface ClassicExchangeValues {
  /** 128 bytes. */
  nonceI: Uint8Array;
  /** 128 bytes. */
  nonceR: Uint8Array;
  /** 256 bytes. */
  publicValueI: Uint8Array;
  /** 256 bytes. */
  publicValueR: Uint8Array;
}

/** Signed in AUTH of suite 1: `cryptoSuite u32 | Ni | Nr | Gi | Gr`. The suite inside refuses clients before 1.0.0.52. */
export function classicAuthInput(values: ClassicExchangeValues): Uint8Array<ArrayBuffer> {
  return concat(new ByteWriter().u32(SUITE.classic).finish(), classicInitiatorInput(values));
}

/** Signed by the initiator in KE3 of suite 1: `Ni | Nr | Gi | Gr`. */
export function classicInitiatorInput(values: ClassicExchangeValues): Uint8Array<ArrayBuffer> {
  return concat(values.nonceI, values.nonceR, values.publicValueI, values.publicValueR);
}

/** Signed by the responder in AUTH OK, REGISTER OK and KE2 of suite 1: `Nr | Ni | Gr | Gi`. */
export function classicResponderInput(values: ClassicExchangeValues): Uint8Array<ArrayBuffer> {
  return concat(values.nonceR, values.nonceI, values.publicValueR, values.publicValueI);
}

/** A key that is to be bound to an account. */
export interface KeyProofValues {
  /** See KEY_TYPE. */
  keyType: number;
  /** 32 bytes: names this connection. */
  binding: Uint8Array;
  /** SHA-256 of the public key. */
  keyHash: Uint8Array;
}

/** Signed as a proof in REGISTER of suite 1. */
export function registerProofInput(values: KeyProofValues): Uint8Array<ArrayBuffer> {
  return keyProofInput("buri1 register", values);
}

/** Signed as a proof in ADD KEY. */
export function addKeyProofInput(values: KeyProofValues): Uint8Array<ArrayBuffer> {
  return keyProofInput("buri add key", values);
}

/** Signed by both keys in ROTATE KEY; `keyHash` is that of the new key. */
export function rotateKeyProofInput(values: KeyProofValues & { oldKeyHash: Uint8Array }): Uint8Array<ArrayBuffer> {
  return concat(keyProofInput("buri rotate key", values), values.oldKeyHash);
}

function keyProofInput(label: string, { keyType, binding, keyHash }: KeyProofValues): Uint8Array<ArrayBuffer> {
  return concat(utf8(label), ZERO, Uint8Array.of(keyType), binding, keyHash);
}

/** What CONFIRM of suite 1 binds to the keys. */
export interface ClassicConfirmValues {
  /** Whose CONFIRM it is. */
  role: "i" | "r";
  /** Virtual address of the initiator. */
  addressI: number;
  /** Virtual address of the responder. */
  addressR: number;
  /** SHA-256 of the ssh-rsa blob. */
  fingerprintI: Uint8Array;
  /** SHA-256 of the ssh-rsa blob. */
  fingerprintR: Uint8Array;
  /** The SPI on which the initiator receives. */
  spiI: number;
  /** The SPI on which the responder receives. */
  spiR: number;
  /** SHA-256 of {@linkcode classicConfirmTranscript}. */
  exchangeHash: Uint8Array;
}

/** MACed in CONFIRM of suite 1. */
export function classicConfirmInput(values: ClassicConfirmValues): Uint8Array<ArrayBuffer> {
  return new ByteWriter(160).bytes(utf8("buri1 confirm")).bytes(utf8(values.role))
    .u32(values.addressI).u32(values.addressR)
    .bytes(values.fingerprintI).bytes(values.fingerprintR)
    .u32(values.spiI).u32(values.spiR).u32(SUITE.classic)
    .bytes(values.exchangeHash).finish();
}

/** Hashed for CONFIRM: KE1 with its cookie zeroed, KE2, KE3 up to the end of its signature. */
export function classicConfirmTranscript(ke1: Uint8Array, ke2: Uint8Array, ke3: Uint8Array): Uint8Array<ArrayBuffer> {
  const withoutCookie = ke1.slice();
  withoutCookie.fill(0, EXCHANGE_HEADER_LENGTH, EXCHANGE_HEADER_LENGTH + SHORT_MAC_LENGTH);
  return concat(withoutCookie, ke2, ke3.subarray(0, ke3.length - CONFIRM_MESSAGE_LENGTH));
}

/** What a suite 2 exchange is about. */
export const PURPOSE = { login: 1, peers: 2 } as const;

/** Everything that was said and is known in a suite 2 exchange. */
export interface ModernTranscript {
  /** See {@linkcode PURPOSE}. */
  purpose: number;
  /** Suites of the initiator. */
  suitesI: number[];
  /** Suites of the responder. */
  suitesR: number[];
  /** Offers of the initiator. */
  offersI: AeadOffer[];
  /** Offers of the responder. */
  offersR: AeadOffer[];
  /** Capability bits of the initiator. */
  capabilitiesI: number;
  /** Capability bits of the responder. */
  capabilitiesR: number;
  /** Virtual address; 0 in a login. */
  addressI: number;
  /** Virtual address; 0 in a login. */
  addressR: number;
  /** 32 bytes; zeros in a login. */
  fingerprintI: Uint8Array;
  /** 32 bytes. */
  fingerprintR: Uint8Array;
  /** The SPI on which the initiator receives; 0 in a login. */
  spiI: number;
  /** The SPI on which the responder receives; 0 in a login. */
  spiR: number;
  /** 0 in a login. */
  epoch: number;
  /** Network whose peerSecret fills `binding`, or 0. */
  network: number;
  /** 32 bytes. */
  nonceI: Uint8Array;
  /** 32 bytes. */
  nonceR: Uint8Array;
  /** 32 bytes. */
  x25519I: Uint8Array;
  /** 32 bytes. */
  x25519R: Uint8Array;
  /** 1184 bytes. */
  encapsulationKey: Uint8Array;
  /** 1088 bytes. */
  ciphertext: Uint8Array;
  /** 32 bytes; zeros where `network` is 0. */
  binding: Uint8Array;
}

/** The bytes whose SHA-256 is `th`. */
export function modernTranscriptInput(said: ModernTranscript): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(2800).bytes(utf8("buri suite2")).u8(said.purpose).u8(MODERN_VERSION);
  suites.write(writer, said.suitesI);
  suites.write(writer, said.suitesR);
  offers.write(writer, said.offersI);
  offers.write(writer, said.offersR);
  return writer.u32(said.capabilitiesI).u32(said.capabilitiesR)
    .u32(said.addressI).u32(said.addressR)
    .bytes(said.fingerprintI).bytes(said.fingerprintR)
    .u32(said.spiI).u32(said.spiR).u8(said.epoch).u32(said.network)
    .bytes(said.nonceI).bytes(said.nonceR).bytes(said.x25519I).bytes(said.x25519R)
    .bytes(said.encapsulationKey).bytes(said.ciphertext).bytes(said.binding).finish();
}

/** Keys that HKDF-Expand yields, with their lengths in bytes. */
export const MODERN_KEY_LENGTH = {
  "data i": 44,
  "data r": 44,
  "confirm i": 32,
  "confirm r": 32,
  exporter: 32,
} as const;

/** The info of HKDF-Expand for a key. */
export function modernKeyInfo(label: keyof typeof MODERN_KEY_LENGTH): Uint8Array<ArrayBuffer> {
  return utf8(`buri suite2 ${label}`);
}

/** Who signs, and for what. */
export type ModernRole = "login server" | "login client" | "register client" | "peer responder" | "peer initiator";

/** Signed in suite 2; `hash` is `th`, or `th2` where a client signs in a login. */
export function modernSignatureInput(role: ModernRole, hash: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(utf8(`buri suite2 ${role}`), ZERO, hash);
}

/** MACed in suite 2 by the end that proves who it is. */
export function modernIdentityInput(
  side: "i" | "r",
  { address, fingerprint, th }: { address: number; fingerprint: Uint8Array; th: Uint8Array },
): Uint8Array<ArrayBuffer> {
  return new ByteWriter(96).bytes(utf8(`buri suite2 identity ${side}`)).u8(0)
    .u32(address).bytes(fingerprint).bytes(th).finish();
}

/** The bytes whose SHA-256 is `th2`, which a client signs to log in. */
export function modernClientInput(th: Uint8Array, address: number, fingerprint: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter(68).bytes(th).u32(address).bytes(fingerprint).finish();
}

/** MACed into the cookie of an exchange: `address 16 | port u16 | spi u32 | Ni`. */
export function exchangeCookieInput(from: Endpoint, spi: number, nonceI: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter().bytes(from.address).u16(from.port).u32(spi).bytes(nonceI).finish();
}
