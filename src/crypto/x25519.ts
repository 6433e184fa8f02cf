/**
 * The classical half of suite 2's key agreement: X25519 (RFC 7748).
 *
 * @module
 */

import { diffieHellman, type KeyObject } from "node:crypto";
import { concat, fromHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { exportSpki, importPkcs8, importSpki } from "./der.ts";
import { equalSecret, requireLength } from "./secret.ts";

/** Length in bytes of private keys, public values and secrets. */
export const X25519_LENGTH = 32;

const PKCS8_PREFIX = fromHex("302e020100300506032b656e04220420");
const SPKI_PREFIX = fromHex("302a300506032b656e032100");
const ZERO = new Uint8Array(X25519_LENGTH);

/** An ephemeral X25519 pair. */
export interface X25519KeyPair {
  /** 32 bytes; secret. */
  privateKey: Uint8Array;
  /** 32 bytes. */
  publicValue: Uint8Array;
}

/** Draws an ephemeral pair. */
export function generateX25519(random: Random): X25519KeyPair {
  return x25519FromPrivate(random.bytes(X25519_LENGTH));
}

/** The pair of a private key of 32 bytes. */
export function x25519FromPrivate(privateKey: Uint8Array): X25519KeyPair {
  const publicValue = exportSpki(importPrivateKey(privateKey)).slice(SPKI_PREFIX.length);
  return { privateKey: privateKey.slice(), publicValue };
}

/**
 * The shared secret of our key and a peer's value.
 *
 * The all-zero result, which a peer can force with a value of small order, is refused here by our own check (RFC 7748,
 * section 6.1): the runtime refuses it in some versions and returns it in others.
 *
 * @returns 32 bytes, or null when the value is refused
 */
export function x25519Shared(privateKey: Uint8Array, peerValue: Uint8Array): Uint8Array | null {
  if (peerValue.length !== X25519_LENGTH) return null;
  const ours = importPrivateKey(privateKey);
  let secret: Uint8Array;
  try {
    const theirs = importSpki(concat(SPKI_PREFIX, peerValue));
    secret = new Uint8Array(diffieHellman({ privateKey: ours, publicKey: theirs }));
  } catch {
    return null;
  }
  return refuseZero(secret);
}

/** The check itself: the secret, or null when all its bytes are zero. */
export function refuseZero(secret: Uint8Array): Uint8Array | null {
  return equalSecret(secret, ZERO) ? null : secret;
}

function importPrivateKey(privateKey: Uint8Array): KeyObject {
  requireLength("an X25519 private key", privateKey, X25519_LENGTH);
  return importPkcs8(concat(PKCS8_PREFIX, privateKey));
}
