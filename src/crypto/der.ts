/**
 * Keys in DER, the form in which the runtime takes them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";

/** Reads a private key from PKCS#8. @throws what the runtime throws for malformed keys */
export function importPkcs8(der: Uint8Array): KeyObject {
  return createPrivateKey({ key: viewAsBuffer(der), format: "der", type: "pkcs8" });
}

/** Reads a public key from SubjectPublicKeyInfo. @throws what the runtime throws for malformed keys */
export function importSpki(der: Uint8Array): KeyObject {
  return createPublicKey({ key: viewAsBuffer(der), format: "der", type: "spki" });
}

/** Writes a private key as PKCS#8. */
export function exportPkcs8(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "pkcs8" }));
}

/** Writes the public half of a key as SubjectPublicKeyInfo. */
export function exportSpki(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }));
}

function viewAsBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
