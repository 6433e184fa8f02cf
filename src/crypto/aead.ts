/**
 * Authenticated encryption of suite 2, one message at a time: AES-256-GCM (SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), with
 * nonces of 12 and tags of 16 bytes.
 *
 * For handshakes and control streams. Packets go through the kernels of the data plane, which are made for speed.
 *
 * @module
 */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { requireLength } from "./secret.ts";

/** Number of AES-256-GCM on the wire. */
export const AEAD_AES_256_GCM = 1;

/** Number of ChaCha20-Poly1305 on the wire. */
export const AEAD_CHACHA20_POLY1305 = 2;

/** An AEAD by its number on the wire. */
export type AeadId = typeof AEAD_AES_256_GCM | typeof AEAD_CHACHA20_POLY1305;

/** Length of a key in bytes, for both. */
export const AEAD_KEY_LENGTH = 32;

/** Length of a nonce in bytes, for both. */
export const AEAD_NONCE_LENGTH = 12;

/** Length of a tag in bytes, for both. */
export const AEAD_TAG_LENGTH = 16;

// @types/node knows the constructor overloads by name; both ciphers take the options of GCM.
const CIPHER_NAMES = { 1: "aes-256-gcm", 2: "chacha20-poly1305" as "aes-256-gcm" } as const;
const OPTIONS = { authTagLength: AEAD_TAG_LENGTH };

/** Seals a plaintext: ciphertext, then tag. A nonce must never be used twice under one key. */
export function sealAead(
  aead: AeadId,
  key: Uint8Array,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  requireKeyAndNonce(key, nonce);
  const cipher = createCipheriv(CIPHER_NAMES[aead], key, nonce, OPTIONS);
  cipher.setAAD(associatedData);
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  const sealed = new Uint8Array(plaintext.length + AEAD_TAG_LENGTH);
  sealed.set(ciphertext);
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/** Opens ciphertext and tag. Returns null for every failure, and no byte of plaintext before the tag holds. */
export function openAead(
  aead: AeadId,
  key: Uint8Array,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | null {
  requireKeyAndNonce(key, nonce);
  if (sealed.length < AEAD_TAG_LENGTH) return null;
  const tagAt = sealed.length - AEAD_TAG_LENGTH;
  const decipher = createDecipheriv(CIPHER_NAMES[aead], key, nonce, OPTIONS);
  decipher.setAAD(associatedData);
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, tagAt)));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return null;
  }
}

function requireKeyAndNonce(key: Uint8Array, nonce: Uint8Array): void {
  requireLength("an AEAD key", key, AEAD_KEY_LENGTH);
  requireLength("an AEAD nonce", nonce, AEAD_NONCE_LENGTH);
}
