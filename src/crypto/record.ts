/**
 * Protected messages of suite 2, on the control stream and between peers (docs/PROTOCOL.md, section 9.2).
 *
 * A message is known by eight bytes: `sequence u64` on a stream, `epoch u8 | sequence u56` between peers. They make the nonce and
 * stand in the additional data, which has the form of a TLS 1.2 record's (RFC 5246, section 6.2.3.3).
 *
 *     AES-256-GCM        nonce = salt 4 | eight bytes               (RFC 5288)
 *     ChaCha20-Poly1305  nonce = salt 12 xor (0 0 0 0 | eight bytes) (RFC 7905)
 *     additional data    eight bytes | 17 03 03 | plaintext length u16
 *
 * @module
 */

import { AEAD_AES_256_GCM, AEAD_NONCE_LENGTH, AEAD_TAG_LENGTH, type AeadId, openAead, sealAead } from "./aead.ts";
import { requireLength } from "./secret.ts";

/** Length in bytes of what tells one message of a key from another. */
export const RECORD_SEQUENCE_LENGTH = 8;

/** Longest plaintext in bytes: its length is a u16 in the additional data. */
export const MAX_RECORD_PLAINTEXT = 65535;

const GCM_SALT_LENGTH = 4;
const TLS_APPLICATION_DATA = [0x17, 0x03, 0x03];

/** Key of one direction. */
export interface RecordKey {
  /** Cipher key, 32 bytes. */
  key: Uint8Array;
  /** Nonce salt, 12 bytes; AES-256-GCM uses the first 4. */
  salt: Uint8Array;
}

/** The nonce of a message: 12 bytes. */
export function recordNonce(aead: AeadId, salt: Uint8Array, sequence: Uint8Array): Uint8Array {
  requireLength("a nonce salt", salt, AEAD_NONCE_LENGTH);
  requireLength("a record sequence", sequence, RECORD_SEQUENCE_LENGTH);
  const nonce = salt.slice();
  const isGcm = aead === AEAD_AES_256_GCM;
  for (let i = 0; i < RECORD_SEQUENCE_LENGTH; i++) {
    const at = GCM_SALT_LENGTH + i;
    nonce[at] = isGcm ? sequence[i]! : nonce[at]! ^ sequence[i]!;
  }
  return nonce;
}

/** The additional data of a message: 13 bytes. */
export function recordAssociatedData(sequence: Uint8Array, plaintextLength: number): Uint8Array {
  if (plaintextLength > MAX_RECORD_PLAINTEXT) {
    throw new RangeError(`Cannot seal ${plaintextLength} bytes in one record`);
  }
  return Uint8Array.of(...sequence, ...TLS_APPLICATION_DATA, plaintextLength >> 8, plaintextLength & 0xff);
}

/** Seals a message: ciphertext and tag. The same eight bytes must never be used twice under one key. */
export function sealRecord(aead: AeadId, keys: RecordKey, sequence: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const associatedData = recordAssociatedData(sequence, plaintext.length);
  return sealAead(aead, keys.key, recordNonce(aead, keys.salt, sequence), associatedData, plaintext);
}

/** Opens ciphertext and tag; null for every failure. */
export function openRecord(aead: AeadId, keys: RecordKey, sequence: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  const plaintextLength = sealed.length - AEAD_TAG_LENGTH;
  if (plaintextLength < 0 || plaintextLength > MAX_RECORD_PLAINTEXT) return null;
  const associatedData = recordAssociatedData(sequence, plaintextLength);
  return openAead(aead, keys.key, recordNonce(aead, keys.salt, sequence), associatedData, sealed);
}
