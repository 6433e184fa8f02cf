/**
 * The post-quantum half of suite 2's key agreement: ML-KEM-768 (FIPS 203).
 *
 * In JavaScript, because no runtime API for it exists in every version we run on.
 *
 * @module
 */

import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import type { Random } from "../base/random.ts";
import { requireLength } from "./secret.ts";

/** Length of the seed d | z of a key pair in bytes. */
export const MLKEM_SEED_LENGTH = 64;

/** Length of an encapsulation key, `ek`, in bytes. */
export const MLKEM_ENCAPSULATION_KEY_LENGTH = 1184;

/** Length of a decapsulation key in bytes. */
export const MLKEM_DECAPSULATION_KEY_LENGTH = 2400;

/** Length of a ciphertext, `ct`, in bytes. */
export const MLKEM_CIPHERTEXT_LENGTH = 1088;

/** Length of the shared secret, and of the randomness of an encapsulation, in bytes. */
export const MLKEM_SECRET_LENGTH = 32;

/** An ephemeral ML-KEM pair. */
export interface MlkemKeyPair {
  /** 2400 bytes; secret. */
  decapsulationKey: Uint8Array;
  /** 1184 bytes. */
  encapsulationKey: Uint8Array;
}

/** Result of an encapsulation. */
export interface MlkemEncapsulation {
  /** 1088 bytes, for the holder of the decapsulation key. */
  ciphertext: Uint8Array;
  /** 32 bytes; secret. */
  secret: Uint8Array;
}

/** Draws an ephemeral pair. */
export function generateMlkem(random: Random): MlkemKeyPair {
  return mlkemFromSeed(random.bytes(MLKEM_SEED_LENGTH));
}

/** The pair of a seed d | z of 64 bytes (FIPS 203, algorithm 16). */
export function mlkemFromSeed(seed: Uint8Array): MlkemKeyPair {
  requireLength("an ML-KEM seed", seed, MLKEM_SEED_LENGTH);
  const { secretKey, publicKey } = ml_kem768.keygen(seed);
  return { decapsulationKey: secretKey, encapsulationKey: publicKey };
}

/**
 * Makes a secret for the holder of an encapsulation key.
 *
 * @param randomness 32 bytes, fresh for each call
 * @returns null when the key has a wrong length or fails the modulus check of FIPS 203, section 7.2
 */
export function mlkemEncapsulate(encapsulationKey: Uint8Array, randomness: Uint8Array): MlkemEncapsulation | null {
  requireLength("ML-KEM randomness", randomness, MLKEM_SECRET_LENGTH);
  if (encapsulationKey.length !== MLKEM_ENCAPSULATION_KEY_LENGTH) return null;
  if (!hasReducedCoefficients(encapsulationKey)) return null;
  const { cipherText, sharedSecret } = ml_kem768.encapsulate(encapsulationKey, randomness);
  return { ciphertext: cipherText, secret: sharedSecret };
}

/**
 * Recovers the secret of a ciphertext.
 *
 * A ciphertext that was tampered with yields another secret, not a failure: that is ML-KEM's implicit rejection.
 *
 * @returns 32 bytes, or null when the ciphertext has a wrong length
 */
export function mlkemDecapsulate(decapsulationKey: Uint8Array, ciphertext: Uint8Array): Uint8Array | null {
  requireLength("an ML-KEM decapsulation key", decapsulationKey, MLKEM_DECAPSULATION_KEY_LENGTH);
  if (ciphertext.length !== MLKEM_CIPHERTEXT_LENGTH) return null;
  return ml_kem768.decapsulate(ciphertext, decapsulationKey);
}

const Q = 3329;
/** Bytes of the three packed polynomials that precede the 32-byte seed of the matrix. */
const PACKED_LENGTH = 1152;

/** FIPS 203, section 7.2: each 12-bit coefficient of the key is below q. */
function hasReducedCoefficients(encapsulationKey: Uint8Array): boolean {
  for (let i = 0; i < PACKED_LENGTH; i += 3) {
    const word = encapsulationKey[i]! | (encapsulationKey[i + 1]! << 8) | (encapsulationKey[i + 2]! << 16);
    if ((word & 0xfff) >= Q || word >> 12 >= Q) return false;
  }
  return true;
}
