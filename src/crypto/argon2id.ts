/**
 * Argon2id (RFC 9106): turns a network's password into secrets.
 *
 * In JavaScript, because no synchronous runtime API for it exists in every version we run on. It takes about 0.3 s and
 * 19 MiB; callers with a connection to serve run it in a worker.
 *
 * @module
 */

import { argon2id } from "@noble/hashes/argon2.js";

/** Cost of a derivation. */
export interface Argon2Cost {
  /** Memory in KiB. */
  memoryKib: number;
  /** Passes over the memory. */
  passes: number;
  /** Lanes. */
  lanes: number;
}

/** Cost for passwords of networks: 19 MiB, two passes, one lane. */
export const PASSWORD_COST: Argon2Cost = { memoryKib: 19456, passes: 2, lanes: 1 };

/** Bytes derived from a password: a join secret of 32, then a peer secret of 32. */
export const PASSWORD_SECRET_LENGTH = 64;

/** Shortest salt in bytes that RFC 9106, section 3.1, recommends for passwords. */
const MIN_SALT_LENGTH = 16;

/** Argon2id over a password and a salt of at least 16 bytes: 64 bytes at the cost for networks unless told otherwise. */
export function deriveFromPassword(
  password: Uint8Array,
  salt: Uint8Array,
  cost: Argon2Cost = PASSWORD_COST,
  length: number = PASSWORD_SECRET_LENGTH,
): Uint8Array {
  if (salt.length < MIN_SALT_LENGTH) throw new RangeError(`Cannot use a salt of ${salt.length} bytes: need 16 or more`);
  return argon2id(password, salt, { m: cost.memoryKib, t: cost.passes, p: cost.lanes, dkLen: length });
}
