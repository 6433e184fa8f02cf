/**
 * A backup under a password (docs/BACKUP.md):
 *
 *     "buri backup" 11 | version u8 = 1 | salt 16 | nonce 12 | ciphertext | tag 16
 *
 * key = Argon2id(password, salt, 64 MiB, 3 passes, 1 lane, 32 bytes); ChaCha20-Poly1305 with all before the ciphertext as
 * additional data. The version stands for the cost, so that a file cannot make its reader work or allocate more.
 *
 * @module
 */
import { concat, equalBytes, utf8 } from "../base/bytes.ts";
import { AEAD_CHACHA20_POLY1305, AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, openAead, sealAead } from "./aead.ts";
import { type Argon2Cost, deriveFromPassword } from "./argon2id.ts";
import { requireLength, zeroize } from "./secret.ts";

const START = concat(utf8("buri backup"), Uint8Array.of(1));
const SALT_LENGTH = 16;
const HEAD_LENGTH = START.length + SALT_LENGTH + AEAD_NONCE_LENGTH;

/** More than for networks: a backup is opened seldom, and whoever has the file may guess for ever. */
const COST: Argon2Cost = { memoryKib: 65_536, passes: 3, lanes: 1 };

/** Random bytes that {@linkcode sealBackup} takes. */
export const BACKUP_RANDOM_LENGTH: number = SALT_LENGTH + AEAD_NONCE_LENGTH;

/**
 * Seals a backup; takes about 2 s.
 *
 * @param password UTF-8 of it, NFC, not empty
 * @param random fresh random bytes
 */
export function sealBackup(password: Uint8Array, content: Uint8Array, random: Uint8Array): Uint8Array {
  requireLength("randomness of a backup", random, BACKUP_RANDOM_LENGTH);
  const head = concat(START, random);
  return concat(head, withKey(password, head, (key, nonce) => sealAead(SUITE, key, nonce, head, content)));
}

/** Whether these bytes begin as a backup of this version does. */
export function isBackup(bytes: Uint8Array): boolean {
  return bytes.length >= HEAD_LENGTH && equalBytes(bytes.subarray(0, START.length), START);
}

/** What is in a backup; null where the password is wrong or a byte has changed. */
export function openBackup(password: Uint8Array, bytes: Uint8Array): Uint8Array | null {
  if (!isBackup(bytes)) return null;
  const head = bytes.slice(0, HEAD_LENGTH);
  return withKey(password, head, (key, nonce) => openAead(SUITE, key, nonce, head, bytes.subarray(HEAD_LENGTH)));
}

const SUITE = AEAD_CHACHA20_POLY1305;

function withKey<T>(password: Uint8Array, head: Uint8Array, use: (key: Uint8Array, nonce: Uint8Array) => T): T {
  const nonceAt = START.length + SALT_LENGTH;
  const key = deriveFromPassword(password, head.subarray(START.length, nonceAt), COST, AEAD_KEY_LENGTH);
  try {
    return use(key, head.subarray(nonceAt));
  } finally {
    zeroize(key);
  }
}
