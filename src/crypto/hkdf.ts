/**
 * HKDF over SHA-256 (RFC 5869), the key derivation of suite 2.
 *
 * @module
 */

import { hmac, SHA256_LENGTH } from "./hash.ts";

/** The counter of HKDF-Expand is one byte and starts at 1. */
const MAX_HKDF_LENGTH = 255 * SHA256_LENGTH;

/** HKDF-Extract (RFC 5869, section 2.2): a pseudorandom key of 32 bytes. */
export function hkdfExtract(salt: Uint8Array, keyMaterial: Uint8Array): Uint8Array {
  return hmac("sha256", salt, keyMaterial);
}

/**
 * HKDF-Expand (RFC 5869, section 2.3).
 *
 * @throws {RangeError} when more than 255 blocks would be needed
 */
export function hkdfExpand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > MAX_HKDF_LENGTH) throw new RangeError(`Cannot derive ${length} bytes: HKDF ends at ${MAX_HKDF_LENGTH}`);
  const stream = new Uint8Array(Math.ceil(length / SHA256_LENGTH) * SHA256_LENGTH);
  let block = new Uint8Array(0);
  for (let n = 1, offset = 0; offset < length; n++, offset += SHA256_LENGTH) {
    block = new Uint8Array(hmac("sha256", pseudorandomKey, block, info, Uint8Array.of(n)));
    stream.set(block, offset);
  }
  return stream.slice(0, length);
}

/** HKDF: extract, then expand. */
export function hkdf(salt: Uint8Array, keyMaterial: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return hkdfExpand(hkdfExtract(salt, keyMaterial), info, length);
}
