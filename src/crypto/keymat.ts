/**
 * KEYMAT, the key derivation of suite 1: prf+ of IKEv2 (RFC 7296, section 2.13) with the Diffie-Hellman secret as its key
 * and Ni | Nr as its seed.
 *
 *     T1 = prf(K, Ni | Nr | 0x01)
 *     Tn = prf(K, Tn-1 | Ni | Nr | n)
 *     KEYMAT = T1 | T2 | T3 | …
 *
 * K has 256 bytes, more than an HMAC block, so HMAC hashes it first: the strength of what comes out is the 112-bit class of
 * the group at most.
 *
 * @module
 */

import { type HashName, hmac, SHA1_LENGTH, SHA256_LENGTH } from "./hash.ts";
import { zeroize } from "./secret.ts";

/** The keys of a suite 1 security association; one set serves both directions. */
export interface ClassicKeymat {
  /** Ke, bytes 0–31: the AES-256-CBC key. */
  cipherKey: Uint8Array;
  /** Ka, bytes 32–51: the HMAC-SHA1-96 key. */
  macKey: Uint8Array;
  /** Kc, bytes 52–71: the HMAC-SHA1 key of CONFIRM. */
  confirmKey: Uint8Array;
}

const CIPHER_KEY_LENGTH = 32;
const MAC_KEY_LENGTH = 20;
const CONFIRM_KEY_LENGTH = 20;

/** The counter of prf+ is one byte and starts at 1. */
const MAX_PRF_PLUS_BLOCKS = 255;

/**
 * prf+ of RFC 7296, section 2.13, with HMAC over the named hash as prf.
 *
 * @param length bytes wanted
 * @throws {RangeError} when more than 255 blocks would be needed
 */
export function prfPlus(name: HashName, key: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const blockLength = name === "sha1" ? SHA1_LENGTH : SHA256_LENGTH;
  const blockCount = Math.ceil(length / blockLength);
  if (blockCount > MAX_PRF_PLUS_BLOCKS) throw new RangeError(`Cannot derive ${length} bytes: prf+ ends at 255 blocks`);
  const stream = new Uint8Array(blockCount * blockLength);
  let block = new Uint8Array(0);
  for (let n = 1; n <= blockCount; n++) {
    block = new Uint8Array(hmac(name, key, block, seed, Uint8Array.of(n)));
    stream.set(block, (n - 1) * blockLength);
  }
  const wanted = stream.slice(0, length);
  zeroize(stream, block);
  return wanted;
}

/**
 * Derives the keys of suite 1 from a Diffie-Hellman secret.
 *
 * @param shared K = g^xy mod p, 256 bytes, left-padded
 * @param nonceI Ni, 128 bytes
 * @param nonceR Nr, 128 bytes
 */
export function deriveKeymat(shared: Uint8Array, nonceI: Uint8Array, nonceR: Uint8Array): ClassicKeymat {
  const seed = new Uint8Array(nonceI.length + nonceR.length);
  seed.set(nonceI);
  seed.set(nonceR, nonceI.length);
  const keymat = prfPlus("sha1", shared, seed, CIPHER_KEY_LENGTH + MAC_KEY_LENGTH + CONFIRM_KEY_LENGTH);
  const macAt = CIPHER_KEY_LENGTH;
  const confirmAt = macAt + MAC_KEY_LENGTH;
  const keys = {
    cipherKey: keymat.slice(0, macAt),
    macKey: keymat.slice(macAt, confirmAt),
    confirmKey: keymat.slice(confirmAt),
  };
  zeroize(keymat);
  return keys;
}
