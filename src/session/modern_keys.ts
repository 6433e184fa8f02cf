/**
 * Key schedule, signatures and identity MACs of suite 2 (docs/PROTOCOL.md, section 5).
 *
 *     th            = SHA-256(transcript)
 *     prk           = HKDF-Extract(salt = th, ikm = ML-KEM secret 32 | X25519 secret 32)
 *     key(label, n) = HKDF-Expand(prk, "buri suite2 " | label, n)
 *
 * The signature proves who holds the long-term key, the identity MAC binds that to the secret of this exchange (SIGMA, Krawczyk
 * 2003): neither alone does.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import {
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  type AeadId,
  equalSecret,
  hkdfExpand,
  hkdfExtract,
  hmac,
  openAead,
  requireLength,
  sealAead,
  sha256,
  signEd25519,
  verifyEd25519,
  zeroize,
} from "../crypto/mod.ts";
import {
  additionalData,
  type AeadOffer,
  chachaNonce,
  chooseAead,
  gcmNonce,
  MODERN_KEY_LENGTH,
  MODERN_LENGTH,
  modernIdentityInput,
  modernKeyInfo,
  type ModernRole,
  modernSignatureInput,
  type ModernTranscript,
  modernTranscriptInput,
} from "../protocol/mod.ts";

/** Key of one direction. */
export interface DirectionKey {
  /** Cipher key, 32 bytes. */
  key: Uint8Array;
  /** Nonce salt, 12 bytes. */
  salt: Uint8Array;
}

/** Keys of one exchange: initiator and responder, not local and remote. */
export interface ModernKeys {
  /** Protects messages of the initiator. */
  dataI: DirectionKey;
  /** Protects messages of the responder. */
  dataR: DirectionKey;
  /** The initiator's identity MAC, 32 bytes. */
  confirmI: Uint8Array;
  /** The responder's identity MAC, 32 bytes. */
  confirmR: Uint8Array;
  /** Channel binding for later use, 32 bytes. */
  exporter: Uint8Array;
}

const CIPHER_KEY_LENGTH = 32;
const SECRET_LENGTH = 32;

/** `th`: SHA-256 of everything that was said and is known. */
export function hashTranscript(transcript: ModernTranscript): Uint8Array {
  return sha256(modernTranscriptInput(transcript));
}

/**
 * Derives the keys of an exchange.
 *
 * @param th 32 bytes
 * @param mlkemSecret 32 bytes
 * @param x25519Secret 32 bytes, checked not to be zero
 */
export function deriveModernKeys(th: Uint8Array, mlkemSecret: Uint8Array, x25519Secret: Uint8Array): ModernKeys {
  requireLength("a transcript hash", th, SECRET_LENGTH);
  requireLength("an ML-KEM secret", mlkemSecret, SECRET_LENGTH);
  requireLength("an X25519 secret", x25519Secret, SECRET_LENGTH);
  const keyMaterial = concat(mlkemSecret, x25519Secret);
  const prk = hkdfExtract(th, keyMaterial);
  const key = (label: keyof typeof MODERN_KEY_LENGTH) =>
    hkdfExpand(prk, modernKeyInfo(label), MODERN_KEY_LENGTH[label]);
  const keys = {
    dataI: splitDirectionKey(key("data i")),
    dataR: splitDirectionKey(key("data r")),
    confirmI: key("confirm i"),
    confirmR: key("confirm r"),
    exporter: key("exporter"),
  };
  zeroize(keyMaterial, prk);
  return keys;
}

function splitDirectionKey(bytes: Uint8Array): DirectionKey {
  const split = { key: bytes.slice(0, CIPHER_KEY_LENGTH), salt: bytes.slice(CIPHER_KEY_LENGTH) };
  zeroize(bytes);
  return split;
}

/** All secrets in the keys of an exchange. */
export function secretsOfModern({ dataI, dataR, confirmI, confirmR, exporter }: ModernKeys): Uint8Array[] {
  return [dataI.key, dataI.salt, dataR.key, dataR.salt, confirmI, confirmR, exporter];
}

/** Overwrites all keys of an exchange. */
export function zeroizeModernKeys(keys: ModernKeys): void {
  zeroize(...secretsOfModern(keys));
}

/** Signs a hash in a role: 64 bytes. One role's signature is never another's. */
export function signModern(privateKey: Uint8Array, role: ModernRole, hash: Uint8Array): Uint8Array {
  return signEd25519(privateKey, modernSignatureInput(role, hash));
}

/** Verifies the signature of a role over a hash. */
export function verifyModern(
  publicKey: Uint8Array,
  role: ModernRole,
  hash: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verifyEd25519(publicKey, modernSignatureInput(role, hash), signature);
}

/** Who an end says it is. */
export interface ModernIdentity {
  /** Its end of the exchange. */
  side: "i" | "r";
  /** Its virtual address; 0 for a server and on a first start. */
  address: number;
  /** SHA-256 of its Ed25519 key, 32 bytes. */
  fingerprint: Uint8Array;
}

/** The identity MAC of an end, under that end's confirm key: 32 bytes. */
export function identityMac(
  keys: ModernKeys,
  { side, address, fingerprint }: ModernIdentity,
  th: Uint8Array,
): Uint8Array {
  const key = side === "i" ? keys.confirmI : keys.confirmR;
  return hmac("sha256", key, modernIdentityInput(side, { address, fingerprint, th }));
}

/** Verifies an identity MAC in constant time. */
export function verifyIdentityMac(
  keys: ModernKeys,
  identity: ModernIdentity,
  th: Uint8Array,
  mac: Uint8Array,
): boolean {
  return equalSecret(identityMac(keys, identity, th), mac);
}

/** The AEAD that both ends offer and we have code for, or null. */
export function agreeOnAead(own: readonly AeadOffer[], other: readonly AeadOffer[]): AeadId | null {
  const chosen = chooseAead(own, other);
  return chosen === AEAD_AES_256_GCM || chosen === AEAD_CHACHA20_POLY1305 ? chosen : null;
}

/** Seals a protected message of suite 2: ciphertext and tag. The same counter must never be used twice under one key. */
export function sealModern(
  aead: AeadId,
  { key, salt }: DirectionKey,
  counter: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  return sealAead(aead, key, nonceOf(aead, salt, counter), additionalData(counter, plaintext.length), plaintext);
}

/** Opens ciphertext and tag; null for every failure. */
export function openModern(
  aead: AeadId,
  { key, salt }: DirectionKey,
  counter: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | null {
  const plaintextLength = sealed.length - MODERN_LENGTH.tag;
  if (plaintextLength < 0) return null;
  return openAead(aead, key, nonceOf(aead, salt, counter), additionalData(counter, plaintextLength), sealed);
}

function nonceOf(aead: AeadId, salt: Uint8Array, counter: Uint8Array): Uint8Array {
  return aead === AEAD_AES_256_GCM ? gcmNonce(salt, counter) : chachaNonce(salt, counter);
}
