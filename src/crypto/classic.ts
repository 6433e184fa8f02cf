/**
 * Protected messages of suite 1: AES-256-CBC with PKCS#7 padding, then HMAC-SHA1-96 (RFC 2404) over everything before it.
 *
 *     header 8 | ciphertext 16·n | iv 16 | mac 12
 *
 * The header is `size | id` on TCP and `spi | id` on UDP; this file only knows that the MAC covers it. Encrypt, then MAC:
 * nothing is decrypted before the MAC holds, so that padding is no oracle.
 *
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { hmac } from "./hash.ts";
import { equalSecret, requireLength } from "./secret.ts";

/** Length in bytes of the header that the MAC covers: size or SPI, then ID. */
export const CLASSIC_HEADER_LENGTH = 8;

/** Length of the initialisation vector in bytes: one AES block. */
export const CLASSIC_IV_LENGTH = 16;

/** Length of the truncated MAC in bytes: the 96 bits of RFC 2404. */
export const CLASSIC_MAC_LENGTH = 12;

const BLOCK_LENGTH = 16;
const TRAILER_LENGTH = CLASSIC_IV_LENGTH + CLASSIC_MAC_LENGTH;
const SHORTEST_MESSAGE = CLASSIC_HEADER_LENGTH + BLOCK_LENGTH + TRAILER_LENGTH;

/** The part of the suite 1 keys that protects messages. */
export interface ClassicMessageKeys {
  /** Ke: the AES-256-CBC key, 32 bytes. */
  cipherKey: Uint8Array;
  /** Ka: the HMAC-SHA1-96 key, 20 bytes. */
  macKey: Uint8Array;
}

/** Length in bytes of a whole protected message, header included, for a plaintext of this length. */
export function classicMessageLength(plaintextLength: number): number {
  return CLASSIC_HEADER_LENGTH + paddedLength(plaintextLength) + TRAILER_LENGTH;
}

/** Length in bytes of the longest plaintext whose protected message is no longer than `messageLength`. */
export function classicPlaintextLength(messageLength: number): number {
  const ciphertextLength = messageLength - CLASSIC_HEADER_LENGTH - TRAILER_LENGTH;
  return ciphertextLength - ciphertextLength % BLOCK_LENGTH - 1;
}

/**
 * Seals one message.
 *
 * @param header the 8 bytes before the ciphertext, `size | id` or `spi | id`
 * @param iv 16 bytes, fresh and random for each message
 * @returns the whole message: header, ciphertext, iv, mac
 */
export function sealClassic(
  header: Uint8Array,
  plaintext: Uint8Array,
  keys: ClassicMessageKeys,
  iv: Uint8Array,
): Uint8Array {
  requireLength("the header of a protected message", header, CLASSIC_HEADER_LENGTH);
  requireLength("the initialisation vector", iv, CLASSIC_IV_LENGTH);
  const padded = pad(plaintext);
  const cipher = createCipheriv("aes-256-cbc", keys.cipherKey, iv).setAutoPadding(false);
  const ciphertext = cipher.update(padded);
  cipher.final();

  const message = new Uint8Array(classicMessageLength(plaintext.length));
  message.set(header);
  message.set(ciphertext, header.length);
  message.set(iv, header.length + ciphertext.length);
  const macAt = message.length - CLASSIC_MAC_LENGTH;
  message.set(truncatedMac(keys.macKey, message.subarray(0, macAt)), macAt);
  return message;
}

/**
 * Opens one message.
 *
 * @param message the whole message: header, ciphertext, iv, mac
 * @returns the plaintext, or null: one answer for every failure, so that a sender learns nothing from it
 */
export function openClassic(message: Uint8Array, keys: ClassicMessageKeys): Uint8Array | null {
  if (message.length < SHORTEST_MESSAGE) return null;
  if ((message.length - CLASSIC_HEADER_LENGTH - TRAILER_LENGTH) % BLOCK_LENGTH !== 0) return null;
  const macAt = message.length - CLASSIC_MAC_LENGTH;
  const ivAt = macAt - CLASSIC_IV_LENGTH;
  if (!equalSecret(message.subarray(macAt), truncatedMac(keys.macKey, message.subarray(0, macAt)))) return null;

  const iv = message.subarray(ivAt, macAt);
  const decipher = createDecipheriv("aes-256-cbc", keys.cipherKey, iv).setAutoPadding(false);
  const padded = decipher.update(message.subarray(CLASSIC_HEADER_LENGTH, ivAt));
  decipher.final();
  return unpad(padded);
}

function truncatedMac(macKey: Uint8Array, bytes: Uint8Array): Uint8Array {
  return hmac("sha1", macKey, bytes).subarray(0, CLASSIC_MAC_LENGTH);
}

function paddedLength(length: number): number {
  return (Math.floor(length / BLOCK_LENGTH) + 1) * BLOCK_LENGTH;
}

/** PKCS#7 (RFC 5652, section 6.3): n bytes of the value n, at least one. */
function pad(plaintext: Uint8Array): Uint8Array {
  const padded = new Uint8Array(paddedLength(plaintext.length));
  padded.set(plaintext);
  padded.fill(padded.length - plaintext.length, plaintext.length);
  return padded;
}

function unpad(padded: Uint8Array): Uint8Array | null {
  const count = padded[padded.length - 1] ?? 0;
  if (count < 1 || count > BLOCK_LENGTH) return null;
  const end = padded.length - count;
  return padded.subarray(end).every((byte) => byte === count) ? new Uint8Array(padded.subarray(0, end)) : null;
}
