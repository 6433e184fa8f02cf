/**
 * Handling of secret bytes: comparing them without a timing difference, and overwriting them after use.
 *
 * @module
 */

import { timingSafeEqual } from "node:crypto";

/**
 * Compares two secrets or authenticators in a time that depends on their length only.
 *
 * A difference in length is answered at once: lengths are never secret here.
 */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Overwrites secrets that are no longer needed with zeros.
 *
 * This narrows the time a key can be read from memory; a garbage-collected runtime may hold copies that nobody can reach.
 */
export function zeroize(...secrets: Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/**
 * Checks that bytes of our own making have the length a primitive needs.
 *
 * @throws {RangeError} when they do not: a fault of the caller, never of a peer
 */
export function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`Cannot use ${what}: need ${length} bytes, got ${bytes.length}`);
}
