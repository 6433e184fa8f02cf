/**
 * Long-term keys of suite 2: Ed25519 (RFC 8032).
 *
 * A private key is its 32-byte seed, a public key its 32-byte encoding. The runtime takes keys only inside PKCS#8 and SPKI;
 * for this algorithm (RFC 8410) those are fixed prefixes.
 *
 * @module
 */

import { type KeyObject, sign, verify } from "node:crypto";
import { concat, fromHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { exportSpki, importPkcs8, importSpki } from "./der.ts";
import { sha256 } from "./hash.ts";
import { requireLength } from "./secret.ts";

/** Length of the private seed in bytes. */
export const ED25519_PRIVATE_LENGTH = 32;

/** Length of a public key in bytes. */
export const ED25519_PUBLIC_LENGTH = 32;

/** Length of a signature in bytes. */
export const ED25519_SIGNATURE_LENGTH = 64;

const PKCS8_PREFIX = fromHex("302e020100300506032b657004220420");
const SPKI_PREFIX = fromHex("302a300506032b6570032100");

/** An Ed25519 pair. */
export interface Ed25519KeyPair {
  /** The seed, 32 bytes; secret. */
  privateKey: Uint8Array;
  /** 32 bytes. */
  publicKey: Uint8Array;
}

/** Draws a new pair. */
export function generateEd25519(random: Random): Ed25519KeyPair {
  return ed25519FromSeed(random.bytes(ED25519_PRIVATE_LENGTH));
}

/** The pair of a seed of 32 bytes. */
export function ed25519FromSeed(seed: Uint8Array): Ed25519KeyPair {
  return { privateKey: seed.slice(), publicKey: exportSpki(importSeed(seed)).slice(SPKI_PREFIX.length) };
}

/** Signs a message: 64 bytes. */
export function signEd25519(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, importSeed(privateKey)));
}

/** Verifies a signature. Keys and signatures of a wrong length or form are wrong signatures: false. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_LENGTH || signature.length !== ED25519_SIGNATURE_LENGTH) return false;
  try {
    return verify(null, message, importSpki(concat(SPKI_PREFIX, publicKey)), signature);
  } catch {
    return false;
  }
}

/** The fingerprint by which a key is pinned and named: SHA-256 of its 32 bytes. */
export function ed25519Fingerprint(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey);
}

function importSeed(seed: Uint8Array): KeyObject {
  requireLength("an Ed25519 private key", seed, ED25519_PRIVATE_LENGTH);
  return importPkcs8(concat(PKCS8_PREFIX, seed));
}
