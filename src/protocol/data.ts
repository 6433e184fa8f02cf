/**
 * Protected datagrams (PROTOCOL.md sections 9.1 and 9.2) and the counters of protected messages of suite 2.
 *
 *     suite 1   spi u32 | id u32 | ciphertext | iv 16 | mac 12
 *     suite 2   spi u32 | epoch u8, sequence u56 | ciphertext | tag 16
 *
 * The packet path of the data plane has its own code for these few bytes, without a record per packet.
 *
 * @module
 */

import { ByteReader, ByteWriter, concat } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { MODERN_LENGTH, MODERN_SEQUENCE_END } from "./constants.ts";

/** Length in bytes of `spi | id`. */
export const CLASSIC_DATA_HEADER_LENGTH = 8;

/** Length in bytes of `spi | epoch, sequence`. */
export const MODERN_DATA_HEADER_LENGTH = 12;

/** Header of a protected datagram of suite 1. */
export interface ClassicDataHeader {
  /** The receiver's inbound SPI. */
  spi: number;
  /** Counted per direction from 1. */
  id: number;
}

/** Header of a protected datagram of suite 2. */
export interface ModernDataHeader {
  /** The receiver's inbound SPI. */
  spi: number;
  /** Which keys, modulo 256. */
  epoch: number;
  /** Counted per direction and epoch from 1, below 2^28. */
  sequence: number;
}

/** `spi | id`. */
export function encodeClassicDataHeader({ spi, id }: ClassicDataHeader): Uint8Array<ArrayBuffer> {
  return new ByteWriter(CLASSIC_DATA_HEADER_LENGTH).u32(spi).u32(id).finish();
}

/** Reads the front of a protected datagram. @throws {ProtocolError} when it is shorter than a header */
export function decodeClassicDataHeader(datagram: Uint8Array): ClassicDataHeader {
  const reader = new ByteReader(datagram);
  return { spi: reader.u32(), id: reader.u32() };
}

/** `spi | epoch, sequence`. */
export function encodeModernDataHeader({ spi, epoch, sequence }: ModernDataHeader): Uint8Array<ArrayBuffer> {
  return concat(new ByteWriter(4).u32(spi).finish(), encodeDataCounter(epoch, sequence));
}

/** Reads the front of a protected datagram. @throws {ProtocolError} when it is shorter than a header or its sequence is out of range */
export function decodeModernDataHeader(datagram: Uint8Array): ModernDataHeader {
  const reader = new ByteReader(datagram);
  const spi = reader.u32();
  const epoch = reader.u8();
  const high = reader.u8() * 2 ** 16 + reader.u16();
  const sequence = reader.u32();
  if (high !== 0 || sequence < 1 || sequence >= MODERN_SEQUENCE_END) {
    throw new ProtocolError("sequence is out of range");
  }
  return { spi, epoch, sequence };
}

/** S8 of a datagram: `epoch u8 | sequence u56`. */
export function encodeDataCounter(epoch: number, sequence: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(8).u8(epoch).u8(0).u16(0).u32(sequence).finish();
}

/** S8 of a message on a TCP connection: `sequence u64`, from 0. */
export function encodeStreamCounter(sequence: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(8).u64(BigInt(sequence)).finish();
}

/** Nonce of AES-256-GCM: the first 4 bytes of the salt, then S8. */
export function gcmNonce(salt: Uint8Array, counter: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(salt.subarray(0, 4), counter);
}

/** Nonce of ChaCha20-Poly1305: the salt xor (four zero bytes, then S8), as in RFC 7905. */
export function chachaNonce(salt: Uint8Array, counter: Uint8Array): Uint8Array<ArrayBuffer> {
  const nonce = Uint8Array.from(salt.subarray(0, MODERN_LENGTH.salt));
  counter.forEach((byte, index) => nonce[4 + index]! ^= byte);
  return nonce;
}

/** Additional data, the record header of TLS 1.2: `S8 | 17 03 03 | plaintext length u16`. */
export function additionalData(counter: Uint8Array, plaintextLength: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(13).bytes(counter).u8(0x17).u16(0x0303).u16(plaintextLength).finish();
}

/** Additional data of a plain tunnel (section 14): the frame stands in it, and nothing is encrypted. */
export function plainAdditionalData(counter: Uint8Array, frame: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(additionalData(counter, frame.length), frame);
}
