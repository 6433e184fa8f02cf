/**
 * AEAD kernels of suite 2: one interface, two makers, the same bytes. A kernel seals and opens in place, in the arena:
 *
 *     at: epoch u8, sequence u56 | plaintext or ciphertext | tag 16
 *
 * Nonce and additional data follow from the eight bytes and the length (docs/PROTOCOL.md, section 9.2).
 *
 * @module
 */
import { AEAD_AES_256_GCM, AEAD_TAG_LENGTH, type AeadId, openAead, sealAead } from "../crypto/aead.ts";
import { type Libcrypto, RecordCipher } from "../ffi/libcrypto.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { additionalData, chachaNonce, gcmNonce } from "../protocol/data.ts";
import { AAD_AT } from "./arena.ts";

/** Length of what stands before the ciphertext: epoch and sequence. */
export const RECORD_PREFIX_LENGTH = 8;

/** Key of one direction. */
export interface RecordKey {
  /** 32 bytes. */
  key: Uint8Array;
  /** 12 bytes, of which AES-256-GCM uses the first 4. */
  salt: Uint8Array;
}

/** One key in one direction. */
export interface RecordKernel {
  /** Seals or opens `length` bytes of text in place behind the eight bytes at `at`; false if it failed. */
  process(at: number, length: number): boolean;
  /** Clears the key; from then on everything fails. */
  close(): void;
}

/** Makes the two directions of one cipher. */
export interface KernelMaker {
  /** Where its kernels come from, for people: `libcrypto` or `portable`. */
  readonly name: string;
  /** For sealing the messages `firstSequence`, `firstSequence` + 1, … of `epoch`, none left out. */
  sealer(key: RecordKey, epoch: number, firstSequence: number): RecordKernel;
  /** For opening messages in any order. */
  opener(key: RecordKey): RecordKernel;
}

/** Makes those of an AEAD. */
export interface AeadMaker extends KernelMaker {
  /** Which AEAD. */
  readonly aead: AeadId;
}

/** Kernels out of Deno's own node:crypto: everywhere, and some ten times slower than libcrypto. */
export function portableMaker(memory: NativeMemory, aead: AeadId): AeadMaker {
  return {
    name: "portable",
    aead,
    sealer: (key) => new PortableKernel(memory, aead, key, "seal"),
    opener: (key) => new PortableKernel(memory, aead, key, "open"),
  };
}

class PortableKernel implements RecordKernel {
  readonly #bytes: Uint8Array;
  readonly #aead: AeadId;
  readonly #isSealing: boolean;
  #key: RecordKey | null;

  constructor(memory: NativeMemory, aead: AeadId, { key, salt }: RecordKey, direction: "seal" | "open") {
    this.#bytes = memory.bytes;
    this.#aead = aead;
    this.#isSealing = direction === "seal";
    this.#key = { key: key.slice(), salt: salt.slice() };
  }

  process(at: number, length: number): boolean {
    if (this.#key === null) return false;
    const textAt = at + RECORD_PREFIX_LENGTH;
    const { key, salt } = this.#key;
    const counter = this.#bytes.subarray(at, textAt);
    const nonce = this.#aead === AEAD_AES_256_GCM ? gcmNonce(salt, counter) : chachaNonce(salt, counter);
    const text = this.#bytes.subarray(textAt, textAt + length + (this.#isSealing ? 0 : AEAD_TAG_LENGTH));
    const process = this.#isSealing ? sealAead : openAead;
    const result = process(this.#aead, key, nonce, additionalData(counter, length), text);
    if (result !== null) this.#bytes.set(result, textAt);
    return result !== null;
  }

  close(): void {
    this.#key?.key.fill(0);
    this.#key?.salt.fill(0);
    this.#key = null;
  }
}

/** Kernels out of the system's libcrypto. */
export function libcryptoMaker(memory: NativeMemory, library: Libcrypto, aead: AeadId): AeadMaker {
  // RFC 5246 section 6.2.3.3: type 23 (application data), version 3.3.
  memory.bytes.set([0x17, 0x03, 0x03], AAD_AT + RECORD_PREFIX_LENGTH);
  const isGcm = aead === AEAD_AES_256_GCM;
  const Kernel = isGcm ? GcmKernel : ChachaKernel;
  const cipher = isGcm ? "aes_256_gcm" : "chacha20_poly1305";
  const make = ({ key }: RecordKey, iv: Uint8Array, direction: "seal" | "open") =>
    new Kernel(memory, new RecordCipher(library, memory, { cipher, direction, key, iv, aadAt: AAD_AT }), direction);
  return {
    name: "libcrypto",
    aead,
    sealer: (key, epoch, first) => make(key, isGcm ? firstIv(key.salt, epoch, first) : key.salt, "seal"),
    opener: (key) => make(key, key.salt, "open"),
  };
}

/** Salt 4, epoch 1, sequence 7: from here on the library counts by itself. */
function firstIv(salt: Uint8Array, epoch: number, sequence: number): Uint8Array {
  const iv = salt.slice();
  new DataView(iv.buffer).setUint32(4, epoch * 2 ** 24);
  new DataView(iv.buffer).setUint32(8, sequence);
  return iv;
}

class GcmKernel implements RecordKernel {
  readonly #view: DataView;
  readonly #cipher: RecordCipher;
  readonly #isSealing: boolean;

  constructor(memory: NativeMemory, cipher: RecordCipher, direction: "seal" | "open") {
    this.#view = memory.view;
    this.#cipher = cipher;
    this.#isSealing = direction === "seal";
  }

  process(at: number, length: number): boolean {
    const view = this.#view;
    const sequence = view.getInt32(at + 4);
    const whole = RECORD_PREFIX_LENGTH + length + AEAD_TAG_LENGTH;
    view.setInt32(AAD_AT, view.getInt32(at));
    view.setInt32(AAD_AT + 4, sequence);
    view.setInt16(AAD_AT + 11, this.#isSealing ? whole - AEAD_TAG_LENGTH : whole);
    if (this.#cipher.process(at, whole) < 1) return false;
    // When sealing the library wrote its own counter here. Should it ever differ, what was sealed must not be sent.
    return view.getInt32(at + 4) === sequence;
  }

  close(): void {
    this.#cipher.close();
  }
}

class ChachaKernel implements RecordKernel {
  readonly #view: DataView;
  readonly #cipher: RecordCipher;
  readonly #isSealing: boolean;

  constructor(memory: NativeMemory, cipher: RecordCipher, direction: "seal" | "open") {
    this.#view = memory.view;
    this.#cipher = cipher;
    this.#isSealing = direction === "seal";
  }

  process(at: number, length: number): boolean {
    const view = this.#view;
    const whole = length + AEAD_TAG_LENGTH;
    view.setInt32(AAD_AT, view.getInt32(at));
    view.setInt32(AAD_AT + 4, view.getInt32(at + 4));
    view.setInt16(AAD_AT + 11, this.#isSealing ? length : whole);
    return this.#cipher.process(at + RECORD_PREFIX_LENGTH, whole) >= 1;
  }

  close(): void {
    this.#cipher.close();
  }
}
