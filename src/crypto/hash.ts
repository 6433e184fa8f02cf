/**
 * SHA-1 and SHA-256, and HMAC over both (RFC 2104, FIPS 180-4).
 *
 * SHA-1 is here for suite 1 only: as the hash of HMAC and of signatures over fresh nonces of fixed length. What is stored,
 * shown to a person or signed without a nonce uses SHA-256.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";

/** The hashes the suites use. */
export type HashName = "sha1" | "sha256";

/** Length of a SHA-1 or HMAC-SHA1 result in bytes. */
export const SHA1_LENGTH = 20;

/** Length of a SHA-256 or HMAC-SHA256 result in bytes. */
export const SHA256_LENGTH = 32;

function digest(name: HashName, parts: Uint8Array[]): Uint8Array {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** SHA-1 of the parts, one after the other: 20 bytes. */
export function sha1(...parts: Uint8Array[]): Uint8Array {
  return digest("sha1", parts);
}

/** SHA-256 of the parts, one after the other: 32 bytes. */
export function sha256(...parts: Uint8Array[]): Uint8Array {
  return digest("sha256", parts);
}

/** HMAC (RFC 2104) of the parts, one after the other, under a key of any length: 20 or 32 bytes. */
export function hmac(name: HashName, key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const mac = createHmac(name, key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
}
