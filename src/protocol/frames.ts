/**
 * Frames on a TCP connection (PROTOCOL.md sections 3, 4, 5 and 12.4).
 *
 *     plain frame                 size u32 | type u8 | body                       until keys exist
 *     protected message, suite 1  size u32 | id u32 | ciphertext | iv 16 | mac 12
 *     protected message, suite 2  size u32 | ciphertext | tag 16
 *     relay stream                size u16 | datagram
 *
 * `size` counts everything after itself.
 *
 * @module
 */

import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { CLASSIC_LENGTH, MAX_FRAME_SIZE, MODERN_LENGTH } from "./constants.ts";
import { type Codec, strict, u16, u8 } from "./fields.ts";

/** Types of plain frames. */
export const FRAME = { helo: 0x01, heloOk: 0x02, refused: 0x03, relayStream: 0x05 } as const;

/** A plain frame; `body` is what the tables of login.ts describe. */
export interface PlainFrame {
  /** See {@linkcode FRAME}; others may be added. */
  type: number;
  /** Everything after the type. */
  body: Uint8Array;
}

/** The whole frame, size field included. */
export function encodePlainFrame(type: number, body: Uint8Array = new Uint8Array()): Uint8Array<ArrayBuffer> {
  if (1 + body.length > MAX_FRAME_SIZE.beforeAuthentication) {
    throw new RangeError(`Cannot frame ${body.length} bytes before authentication`);
  }
  return new ByteWriter().u32(1 + body.length).u8(type).bytes(body).finish();
}

/** Reads a whole frame, size field included. @throws {ProtocolError} */
export function decodePlainFrame(frame: Uint8Array): PlainFrame {
  const reader = new ByteReader(frame);
  if (reader.u32() !== reader.remaining) throw new ProtocolError("size field of a frame disagrees with its length");
  return { type: reader.u8(), body: reader.rest() };
}

/** Body of REFUSED, which is not authenticated: a hint for a message and for back-off, nothing else. */
export interface Refused {
  /** See {@linkcode REFUSED}. */
  code: number;
  /** When to try again. */
  retryAfterSeconds: number;
}

/** Codec of REFUSED's body. */
export const refused: Codec<Refused> = strict({ code: u8, retryAfterSeconds: u16 });

/** Codes of REFUSED. */
export const REFUSED = { suiteNotSpoken: 1, busy: 2, versionNotSpoken: 3 } as const;

/** The first 8 bytes of a protected message of suite 1 on TCP, for a ciphertext of this length. */
export function encodeClassicFrameHeader(id: number, ciphertextLength: number): Uint8Array<ArrayBuffer> {
  const size = 4 + ciphertextLength + CLASSIC_LENGTH.iv + CLASSIC_LENGTH.mac;
  return new ByteWriter(8).u32(requireSize(size)).u32(id).finish();
}

/** The first 4 bytes of a protected message of suite 2 on TCP, for a plaintext of this length. */
export function encodeModernFrameHeader(plaintextLength: number): Uint8Array<ArrayBuffer> {
  return new ByteWriter(4).u32(requireSize(plaintextLength + MODERN_LENGTH.tag)).finish();
}

function requireSize(size: number): number {
  if (size > MAX_FRAME_SIZE.afterAuthentication) throw new RangeError(`Cannot frame ${size} bytes`);
  return size;
}

/** `size u16 | datagram`, as a relay stream carries it. */
export function encodeStreamDatagram(datagram: Uint8Array): Uint8Array<ArrayBuffer> {
  return new ByteWriter(2 + datagram.length).u16(datagram.length).bytes(datagram).finish();
}

/** What a {@linkcode FrameSplitter} must know. */
export interface FrameSplitterOptions {
  /** Length of the size field in bytes. Default 4. */
  sizeLength?: 2 | 4;
  /** Largest size that is believed; may be raised later by {@linkcode FrameSplitter.maxSize}. */
  maxSize: number;
}

/**
 * Cuts the bytes of a TCP connection into frames, however the network cut them.
 *
 * It holds what has arrived and never allocates for a size that was only announced. After a ProtocolError the connection is
 * lost: there is no way to find the next frame.
 */
export class FrameSplitter {
  /** Largest size that is believed. */
  maxSize: number;
  readonly #sizeLength: 2 | 4;
  #held = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** An empty splitter. */
  constructor({ sizeLength = 4, maxSize }: FrameSplitterOptions) {
    this.#sizeLength = sizeLength;
    this.maxSize = maxSize;
  }

  /** Takes the bytes that arrived; the caller may reuse `chunk`. */
  push(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#held.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The next whole frame with its size field, or null until more has arrived. @throws {ProtocolError} on a size beyond the limit */
  next(): Uint8Array<ArrayBuffer> | null {
    if (this.#end - this.#start < this.#sizeLength) return null;
    const reader = new ByteReader(this.#held.subarray(this.#start, this.#end));
    const size = this.#sizeLength === 4 ? reader.u32() : reader.u16();
    if (size < 1 || size > this.maxSize) {
      throw new ProtocolError(`frame of ${size} bytes: 1 to ${this.maxSize} are allowed`);
    }
    if (reader.remaining < size) return null;
    const frame = this.#held.slice(this.#start, this.#start + this.#sizeLength + size);
    this.#start += frame.length;
    return frame;
  }

  /** Hands over what has not been cut yet, for a connection that changes its framing. */
  takeRest(): Uint8Array<ArrayBuffer> {
    const left = this.#held.slice(this.#start, this.#end);
    this.#start = this.#end = 0;
    return left;
  }

  /** Moves what is held to the front, into a larger array where it does not fit. */
  #makeRoom(length: number): void {
    if (this.#end + length <= this.#held.length) return;
    const held = this.#held.subarray(this.#start, this.#end);
    const needed = held.length + length;
    const target = needed > this.#held.length ? new Uint8Array(Math.max(needed, 2 * this.#held.length)) : this.#held;
    target.set(held);
    this.#held = target;
    this.#start = 0;
    this.#end = held.length;
  }
}
