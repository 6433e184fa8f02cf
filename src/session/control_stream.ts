/**
 * Protected messages on a control connection (docs/PROTOCOL.md, sections 4 and 5).
 *
 *     suite 1   size u32 | id u32 | ciphertext | iv 16 | mac 12     client 1, 3, 5 …   server 2, 4, 6 …
 *     suite 2   size u32 | ciphertext | tag 16                      each direction 0, 1, 2 …
 *
 * One gate for all sealing on a connection: keys cannot be reached past it, a number is used once, and a frame that is reflected,
 * replayed, reordered or dropped does not open. After the first frame that does not open, none does: the caller closes.
 *
 * @module
 */

import type { Random } from "../base/random.ts";
import {
  type AeadId,
  CLASSIC_HEADER_LENGTH,
  CLASSIC_IV_LENGTH,
  CLASSIC_MAC_LENGTH,
  type ClassicMessageKeys,
  classicMessageLength,
  openClassic,
  sealClassic,
  zeroize,
} from "../crypto/mod.ts";
import {
  CLASSIC_ID_END,
  encodeClassicFrameHeader,
  encodeModernFrameHeader,
  encodeStreamCounter,
  MAX_FRAME_SIZE,
  MODERN_LENGTH,
} from "../protocol/mod.ts";
import { ByteReader, concat } from "../base/bytes.ts";
import { type DirectionKey, type ModernKeys, openModern, sealModern } from "./modern_keys.ts";

/** Which end of a control connection we are. */
export type StreamSide = "client" | "server";

/** The protected part of a control connection, at one end. */
export interface ControlStream {
  /** Longest plaintext in bytes that fits a frame. */
  readonly maxPlaintextLength: number;
  /**
   * The whole frame of a plaintext, or null when the numbers of this connection are used up: close it.
   *
   * @throws {RangeError} when the plaintext does not fit a frame
   */
  seal(plaintext: Uint8Array): Uint8Array | null;
  /** The plaintext of a whole frame, or null when it does not hold: close the connection. */
  open(frame: Uint8Array): Uint8Array | null;
  /** Overwrites the keys. Nothing opens or seals any more. */
  close(): void;
}

const SIZE_LENGTH = 4;
const BLOCK_LENGTH = 16;
const CLASSIC_TRAILER_LENGTH = CLASSIC_IV_LENGTH + CLASSIC_MAC_LENGTH;

/** Far beyond any connection's life, and far below the limits of either AEAD. */
const MODERN_STREAM_END = 2 ** 32;

/**
 * The stream of suite 1; it copies the keys.
 *
 * @param random gives the initialisation vectors
 * @param carried messages that each direction is taken to have carried before
 */
export function openClassicStream(
  side: StreamSide,
  keys: ClassicMessageKeys,
  random: Random,
  carried: number = 0,
): ControlStream {
  return new ClassicStream(side, keys, random, carried);
}

/**
 * The stream of suite 2, whose initiator is the client; it copies the keys.
 *
 * @param carried messages that each direction is taken to have carried before
 */
export function openModernStream(
  side: StreamSide,
  aead: AeadId,
  keys: ModernKeys,
  carried: number = 0,
): ControlStream {
  const [sealKey, openKey] = side === "client" ? [keys.dataI, keys.dataR] : [keys.dataR, keys.dataI];
  return new ModernStream(aead, sealKey, openKey, carried);
}

class ClassicStream implements ControlStream {
  readonly #keys: ClassicMessageKeys;
  readonly #random: Random;
  #nextSealed: number;
  #nextOpened: number;
  #isClosed = false;

  constructor(side: StreamSide, keys: ClassicMessageKeys, random: Random, carried: number) {
    this.#keys = { cipherKey: keys.cipherKey.slice(), macKey: keys.macKey.slice() };
    this.#random = random;
    // One key pair serves both directions; odd and even numbers keep a frame from coming back to its sender.
    const [own, other] = side === "client" ? [1, 2] : [2, 1];
    this.#nextSealed = own + 2 * carried;
    this.#nextOpened = other + 2 * carried;
  }

  get maxPlaintextLength(): number {
    const ciphertextLength = MAX_FRAME_SIZE.afterAuthentication - 4 - CLASSIC_TRAILER_LENGTH;
    return Math.floor(ciphertextLength / BLOCK_LENGTH) * BLOCK_LENGTH - 1;
  }

  seal(plaintext: Uint8Array): Uint8Array | null {
    if (this.#isClosed || this.#nextSealed >= CLASSIC_ID_END) return null;
    const length = classicMessageLength(plaintext.length);
    const ciphertextLength = length - CLASSIC_HEADER_LENGTH - CLASSIC_TRAILER_LENGTH;
    const header = encodeClassicFrameHeader(this.#nextSealed, ciphertextLength);
    this.#nextSealed += 2;
    return sealClassic(header, plaintext, this.#keys, this.#random.bytes(CLASSIC_IV_LENGTH));
  }

  open(frame: Uint8Array): Uint8Array | null {
    const plaintext = this.#isNext(frame) ? openClassic(frame, this.#keys) : null;
    if (plaintext === null) this.close();
    else this.#nextOpened += 2;
    return plaintext;
  }

  close(): void {
    this.#isClosed = true;
    zeroize(this.#keys.cipherKey, this.#keys.macKey);
  }

  #isNext(frame: Uint8Array): boolean {
    if (this.#isClosed || frame.length < CLASSIC_HEADER_LENGTH) return false;
    const reader = new ByteReader(frame);
    // The MAC covers the size field.
    reader.u32();
    const id = reader.u32();
    return id === this.#nextOpened && id < CLASSIC_ID_END;
  }
}

class ModernStream implements ControlStream {
  readonly #aead: AeadId;
  readonly #sealKey: DirectionKey;
  readonly #openKey: DirectionKey;
  #nextSealed: number;
  #nextOpened: number;
  #isClosed = false;

  constructor(aead: AeadId, sealKey: DirectionKey, openKey: DirectionKey, carried: number) {
    this.#nextSealed = this.#nextOpened = carried;
    this.#aead = aead;
    this.#sealKey = { key: sealKey.key.slice(), salt: sealKey.salt.slice() };
    this.#openKey = { key: openKey.key.slice(), salt: openKey.salt.slice() };
  }

  get maxPlaintextLength(): number {
    return MAX_FRAME_SIZE.afterAuthentication - MODERN_LENGTH.tag;
  }

  seal(plaintext: Uint8Array): Uint8Array | null {
    if (this.#isClosed || this.#nextSealed >= MODERN_STREAM_END) return null;
    const header = encodeModernFrameHeader(plaintext.length);
    const counter = encodeStreamCounter(this.#nextSealed++);
    return concat(header, sealModern(this.#aead, this.#sealKey, counter, plaintext));
  }

  open(frame: Uint8Array): Uint8Array | null {
    const plaintext = this.#isWhole(frame) ? this.#openNext(frame.subarray(SIZE_LENGTH)) : null;
    if (plaintext === null) this.close();
    else this.#nextOpened++;
    return plaintext;
  }

  close(): void {
    this.#isClosed = true;
    zeroize(this.#sealKey.key, this.#sealKey.salt, this.#openKey.key, this.#openKey.salt);
  }

  #isWhole(frame: Uint8Array): boolean {
    if (this.#isClosed || this.#nextOpened >= MODERN_STREAM_END) return false;
    return frame.length >= SIZE_LENGTH && new ByteReader(frame).u32() === frame.length - SIZE_LENGTH &&
      frame.length - SIZE_LENGTH <= MAX_FRAME_SIZE.afterAuthentication;
  }

  #openNext(sealed: Uint8Array): Uint8Array | null {
    return openModern(this.#aead, this.#openKey, encodeStreamCounter(this.#nextOpened), sealed);
  }
}
