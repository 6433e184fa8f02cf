/**
 * Long-term keys of suite 1: RSA with RSASSA-PKCS1-v1_5 (RFC 8017, section 8.2).
 *
 * Private keys are PKCS#8 DER, public keys are `ssh-rsa` blobs. The runtime's RSA does not run in constant time; suite 1 is
 * off unless asked for, and each source gets few signatures.
 *
 * @module
 */

// deno-lint-ignore buri/no-ambient-input -- RSA keys are made by the system: nobody should write a prime search anew
import { createPublicKey, generateKeyPair, type KeyObject, sign, verify } from "node:crypto";
import { fromBase64Url, toBase64Url } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { exportPkcs8, importPkcs8 } from "./der.ts";
import type { HashName } from "./hash.ts";
import { decodeSshRsa, encodeSshRsa, MIN_RSA_BITS } from "./ssh_rsa.ts";

/** An RSA pair. */
export interface RsaKeyPair {
  /** PKCS#8 DER; secret. */
  privateKey: Uint8Array;
  /** `ssh-rsa` blob. */
  publicBlob: Uint8Array;
}

/** 65537 in base64url, as a JSON Web Key writes it. */
const EXPONENT_JWK = "AQAB";

/**
 * Makes a new 2048-bit pair off the calling thread; takes 0.1 to 0.5 s.
 *
 * The primes come from the system's generator: RSA key generation cannot be seeded.
 */
export function generateRsaKeyPair(): Promise<RsaKeyPair> {
  return new Promise((resolve, reject) => {
    generateKeyPair("rsa", { modulusLength: MIN_RSA_BITS, publicExponent: 65537 }, (error, _publicKey, privateKey) => {
      if (error) return reject(error);
      resolve({ privateKey: exportPkcs8(privateKey), publicBlob: publicBlobOf(privateKey) });
    });
  });
}

/**
 * Rebuilds the pair from a stored private key.
 *
 * @throws {ProtocolError} when the bytes are no PKCS#8 RSA key of an allowed size and exponent
 */
export function rsaKeyPairFromPkcs8(pkcs8: Uint8Array): RsaKeyPair {
  const privateKey = importPrivateKey(pkcs8);
  if (privateKey.asymmetricKeyType !== "rsa") throw new ProtocolError("stored RSA key is a key of another kind");
  const publicBlob = publicBlobOf(privateKey);
  decodeSshRsa(publicBlob);
  return { privateKey: pkcs8.slice(), publicBlob };
}

/** Signs a message: RSASSA-PKCS1-v1_5, as many bytes as the modulus has. */
export function signRsa(hash: HashName, privateKey: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(hash, message, importPrivateKey(privateKey)));
}

/**
 * Verifies a signature under an `ssh-rsa` blob.
 *
 * @returns false for a malformed or disallowed key, a signature of another length than the modulus, and a wrong one
 */
export function verifyRsa(hash: HashName, publicBlob: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const modulus = decodeSshRsa(publicBlob);
    return signature.length === modulus.length && verify(hash, message, importModulus(modulus), signature);
  } catch {
    return false;
  }
}

/** Length in bytes of signatures under this key: that of its modulus. @throws {ProtocolError} for a disallowed key */
export function rsaSignatureLength(publicBlob: Uint8Array): number {
  return decodeSshRsa(publicBlob).length;
}

function importPrivateKey(pkcs8: Uint8Array): KeyObject {
  try {
    return importPkcs8(pkcs8);
  } catch {
    throw new ProtocolError("stored RSA key is damaged");
  }
}

function importModulus(modulus: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: "RSA", n: toBase64Url(modulus), e: EXPONENT_JWK }, format: "jwk" });
}

function publicBlobOf(privateKey: KeyObject): Uint8Array {
  const { n, e } = createPublicKey(privateKey).export({ format: "jwk" });
  if (e !== EXPONENT_JWK || n === undefined) throw new ProtocolError("stored RSA key has an exponent other than 65537");
  return encodeSshRsa(fromBase64Url(n));
}
