/**
 * Peer exchange (PROTOCOL.md section 8.1). Each begins `0 u32 | type u8 | spi u32`, spi being the receiver's inbound SPI.
 *
 *     0x0f COOKIE        cookie 16                                                                    25 bytes
 *     0x11 KE1, suite 1  cookie 16 | Ni 128 | Gi 256 | zeros                                         907
 *     0x12 KE2, suite 1  Nr 128 | Gr 256 | blob signature
 *     0x13 KE3, suite 1  Ni 128 | Gi 256 | blob signature | protected message 68 (holding CONFIRM)
 *     0x14 CONFIRM       protected message 68 (holding CONFIRM)                                       77
 *     0x21 KE1a, suite 2 cookie 16 | hash 32 | version u8 | epoch u8 | network u32 | capabilities u32
 *                        | suites | offers | Ni 32 | Xi 32 | zeros                                   300
 *     0x22 KE1b, suite 2 ek 1184                                                                   1,193
 *     0x23 KE2a, suite 2 hash 32 | version u8 | capabilities u32 | suites | offers | Nr 32 | Xr 32
 *                        | signature 64 | mac 32
 *     0x24 KE2b, suite 2 ct 1088                                                                   1,097
 *     0x25 KE3, suite 2  signature 64 | mac 32                                                       105
 *     0x30 PUNCH         nothing                                                                       9
 *
 * @module
 */

import { CLASSIC_LENGTH, MAX_BLOB_LENGTH, MODERN_LENGTH, MODERN_VERSION, SHORT_MAC_LENGTH } from "./constants.ts";
import { DATAGRAM, datagramHeader } from "./datagrams.ts";
import { blob, bytes, constant, type Fixed, type MessageOf, strict, u32, u8, zerosTo } from "./fields.ts";
import { modernSuites, offers } from "./negotiation.ts";

/** Length in bytes of suite 1's KE1: that of the longest KE2, so that no answer is larger than its question. */
export const CLASSIC_KE1_LENGTH = 907;

/** Length in bytes of KE1a, which is more than the longest KE2a. */
export const MODERN_KE1A_LENGTH = 300;

/** Length in bytes of the protected message inside KE3 and CONFIRM: spi 4, id 4, two blocks, iv 16, mac 12. */
export const CONFIRM_MESSAGE_LENGTH = 68;

/** Highest id of a CONFIRM message in one direction. */
export const MAX_CONFIRM_ID = 64;

const cookie = bytes(SHORT_MAC_LENGTH);
const rsaSignature = blob(MAX_BLOB_LENGTH.signature);
const version = constant(u8, MODERN_VERSION, "version of suite 2");
const confirmMessage = bytes(CONFIRM_MESSAGE_LENGTH);
const hash = bytes(MODERN_LENGTH.fingerprint);
const classicNonce = bytes(CLASSIC_LENGTH.nonce);
const publicValue = bytes(CLASSIC_LENGTH.publicValue);
const modernNonce = bytes(MODERN_LENGTH.nonce);
const x25519 = bytes(MODERN_LENGTH.x25519);
const signature = bytes(MODERN_LENGTH.signature);
const mac = bytes(MODERN_LENGTH.mac);

function header(type: number): { zero: Fixed; type: Fixed; spi: typeof u32 } {
  return { ...datagramHeader(type), spi: u32 };
}

/** Suite 1, and what both suites share. */
export const classicExchange = {
  /** Responder to initiator, both suites. */
  cookie: strict({ ...header(DATAGRAM.cookie), cookie }, 25),
  /** Initiator to responder. A cookie of zeros is none. */
  ke1: strict({
    ...header(DATAGRAM.classicKe1),
    cookie,
    nonceI: classicNonce,
    publicValueI: publicValue,
    padding: zerosTo(CLASSIC_KE1_LENGTH),
  }, CLASSIC_KE1_LENGTH),
  /** Responder to initiator. */
  ke2: strict({
    ...header(DATAGRAM.classicKe2),
    nonceR: classicNonce,
    publicValueR: publicValue,
    signature: rsaSignature,
  }),
  /** Initiator to responder. */
  ke3: strict({
    ...header(DATAGRAM.classicKe3),
    nonceI: classicNonce,
    publicValueI: publicValue,
    signature: rsaSignature,
    confirmMessage,
  }),
  /** Both, in answer to KE3 and to each repetition of it. */
  confirm: strict({ ...header(DATAGRAM.classicConfirm), confirmMessage }, 77),
  /** Both suites: opens a NAT. */
  punch: strict(header(DATAGRAM.punch), 9),
};

/** Suite 2. */
export const modernExchange = {
  /** Initiator to responder; `hash` is that of the key in KE1b. A cookie of zeros is none. */
  ke1a: strict({
    ...header(DATAGRAM.modernKe1a),
    cookie,
    hash,
    version,
    epoch: u8,
    network: u32,
    capabilities: u32,
    suites: modernSuites,
    offers,
    nonceI: modernNonce,
    x25519I: x25519,
    padding: zerosTo(MODERN_KE1A_LENGTH),
  }, MODERN_KE1A_LENGTH),
  /** Initiator to responder. */
  ke1b: strict({ ...header(DATAGRAM.modernKe1b), encapsulationKey: bytes(MODERN_LENGTH.encapsulationKey) }, 1193),
  /** Responder to initiator; `hash` is that of the ciphertext in KE2b. */
  ke2a: strict({
    ...header(DATAGRAM.modernKe2a),
    hash,
    version,
    capabilities: u32,
    suites: modernSuites,
    offers,
    nonceR: modernNonce,
    x25519R: x25519,
    signature,
    mac,
  }),
  /** Responder to initiator. */
  ke2b: strict({ ...header(DATAGRAM.modernKe2b), ciphertext: bytes(MODERN_LENGTH.ciphertext) }, 1097),
  /** Initiator to responder. */
  ke3: strict({ ...header(DATAGRAM.modernKe3), signature, mac }, 105),
};

/** COOKIE. */
export type Cookie = MessageOf<typeof classicExchange.cookie>;
/** KE1 of suite 1. */
export type ClassicKe1 = MessageOf<typeof classicExchange.ke1>;
/** KE2 of suite 1. */
export type ClassicKe2 = MessageOf<typeof classicExchange.ke2>;
/** KE3 of suite 1. */
export type ClassicKe3 = MessageOf<typeof classicExchange.ke3>;
/** CONFIRM of suite 1 as a datagram. */
export type ClassicConfirm = MessageOf<typeof classicExchange.confirm>;
/** First half of suite 2's KE1. */
export type ModernKe1a = MessageOf<typeof modernExchange.ke1a>;
/** Second half of suite 2's KE1. */
export type ModernKe1b = MessageOf<typeof modernExchange.ke1b>;
/** First half of suite 2's KE2. */
export type ModernKe2a = MessageOf<typeof modernExchange.ke2a>;
/** Second half of suite 2's KE2. */
export type ModernKe2b = MessageOf<typeof modernExchange.ke2b>;
/** KE3 of suite 2. */
export type ModernKe3 = MessageOf<typeof modernExchange.ke3>;
