import { ed25519Fingerprint, sshRsaFingerprintSha256 } from "../crypto/mod.ts";
import { KEY_TYPE, type PublicKey } from "../protocol/mod.ts";
import type { AccountKey, KeyKind } from "./store.ts";

/** A public key somebody has proved to hold. */
export interface AccountPublicKey {
  /** What `publicKey` holds. */
  kind: KeyKind;
  /** See `AccountKey`. */
  publicKey: Uint8Array;
}

/** The kind of a key type on the wire; null for one we do not know. */
export function kindOfType(keyType: number): KeyKind | null {
  if (keyType === KEY_TYPE.ed25519) return "ed25519";
  return keyType === KEY_TYPE.sshRsa ? "ssh-rsa" : null;
}

/** A key as the wire tells it. */
export function keyRecord({ kind, publicKey }: AccountKey): PublicKey {
  return { keyType: kind === "ed25519" ? KEY_TYPE.ed25519 : KEY_TYPE.sshRsa, publicKey };
}

/** The SHA-256 by which a key is known. */
export function fingerprintOf({ kind, publicKey }: AccountPublicKey): Uint8Array {
  return kind === "ed25519" ? ed25519Fingerprint(publicKey) : sshRsaFingerprintSha256(publicKey);
}
