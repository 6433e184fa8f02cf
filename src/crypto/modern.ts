/**
 * Key schedule and signatures of suite 2 (docs/PROTOCOL.md, section 5).
 *
 *     prk           = HKDF-Extract(salt = th, ikm = ML-KEM secret 32 | X25519 secret 32)
 *     key(label, n) = HKDF-Expand(prk, "buri suite2 " | label, n)
 *     sign(role, h) = Ed25519(key, "buri suite2 " | role | 0 | h)
 *     identity(x, a, f) = HMAC-SHA256(confirm key, "buri suite2 identity " | x | 0 | a u32 | f 32 | th)
 *
 * The signature proves the key, the identity MAC binds it to this exchange's secret (SIGMA, Krawczyk 2003): neither alone does.
 *
 * @module
 */

import { ByteWriter, concat, utf8 } from "../base/bytes.ts";
import { signEd25519, verifyEd25519 } from "./ed25519.ts";
import { hmac, SHA256_LENGTH } from "./hash.ts";
import { hkdfExpand, hkdfExtract } from "./hkdf.ts";
import type { RecordKey } from "./record.ts";
import { equalSecret, requireLength, zeroize } from "./secret.ts";

/** Keys of one exchange of suite 2; initiator-then-responder, not local-then-remote. */
export interface ModernKeys {
  /** Protects messages of the initiator. */
  dataI: RecordKey;
  /** Protects messages of the responder. */
  dataR: RecordKey;
  /** The initiator's identity MAC, 32 bytes. */
  confirmI: Uint8Array;
  /** The responder's identity MAC, 32 bytes. */
  confirmR: Uint8Array;
  /** Channel binding for later use, 32 bytes. */
  exporter: Uint8Array;
}

/** What a signature is for; one role's signature is never another's. */
export type ModernRole = "login server" | "login client" | "register client" | "peer responder" | "peer initiator";

/** The ends of an exchange, as identity MACs name them. */
export type ModernSide = "i" | "r";

const PREFIX = "buri suite2 ";
const SECRET_LENGTH = 32;
const CIPHER_KEY_LENGTH = 32;
const DATA_KEY_LENGTH = 44;

/**
 * Derives the keys of an exchange.
 *
 * @param th SHA-256 of the transcript, 32 bytes
 * @param mlkemSecret 32 bytes
 * @param x25519Secret 32 bytes, checked not to be zero
 */
export function deriveModernKeys(th: Uint8Array, mlkemSecret: Uint8Array, x25519Secret: Uint8Array): ModernKeys {
  requireLength("a transcript hash", th, SHA256_LENGTH);
  requireLength("an ML-KEM secret", mlkemSecret, SECRET_LENGTH);
  requireLength("an X25519 secret", x25519Secret, SECRET_LENGTH);
  const keyMaterial = concat(mlkemSecret, x25519Secret);
  const prk = hkdfExtract(th, keyMaterial);
  const key = (label: string, length: number) => hkdfExpand(prk, utf8(PREFIX + label), length);
  const keys = {
    dataI: splitDataKey(key("data i", DATA_KEY_LENGTH)),
    dataR: splitDataKey(key("data r", DATA_KEY_LENGTH)),
    confirmI: key("confirm i", SECRET_LENGTH),
    confirmR: key("confirm r", SECRET_LENGTH),
    exporter: key("exporter", SECRET_LENGTH),
  };
  zeroize(keyMaterial, prk);
  return keys;
}

/** Overwrites all keys of an exchange that came to nothing, or whose time is over. */
export function zeroizeModernKeys(keys: ModernKeys): void {
  const { dataI, dataR, confirmI, confirmR, exporter } = keys;
  zeroize(dataI.key, dataI.salt, dataR.key, dataR.salt, confirmI, confirmR, exporter);
}

/** Signs a transcript hash in a role: 64 bytes. */
export function signModern(privateKey: Uint8Array, role: ModernRole, hash: Uint8Array): Uint8Array {
  return signEd25519(privateKey, signedBytes(role, hash));
}

/** Verifies the signature of a role over a transcript hash. */
export function verifyModern(
  publicKey: Uint8Array,
  role: ModernRole,
  hash: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verifyEd25519(publicKey, signedBytes(role, hash), signature);
}

/** Who an end says it is. */
export interface ModernIdentity {
  /** Its end of the exchange. */
  side: ModernSide;
  /** Its virtual address, 0 for a server and on a first start. */
  address: number;
  /** SHA-256 of its Ed25519 key, 32 bytes. */
  fingerprint: Uint8Array;
}

/** The identity MAC of an end: 32 bytes. */
export function identityMac(confirmKey: Uint8Array, identity: ModernIdentity, th: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(utf8(`buri suite2 identity ${identity.side}\0`));
  writer.u32(identity.address);
  writer.bytes(identity.fingerprint);
  writer.bytes(th);
  return hmac("sha256", confirmKey, writer.finish());
}

/** Verifies an identity MAC in constant time. */
export function verifyIdentityMac(
  confirmKey: Uint8Array,
  identity: ModernIdentity,
  th: Uint8Array,
  mac: Uint8Array,
): boolean {
  return equalSecret(identityMac(confirmKey, identity, th), mac);
}

function splitDataKey(bytes: Uint8Array): RecordKey {
  const split = { key: bytes.slice(0, CIPHER_KEY_LENGTH), salt: bytes.slice(CIPHER_KEY_LENGTH) };
  zeroize(bytes);
  return split;
}

function signedBytes(role: ModernRole, hash: Uint8Array): Uint8Array {
  requireLength("a transcript hash", hash, SHA256_LENGTH);
  return concat(utf8(`${PREFIX}${role}\0`), hash);
}
