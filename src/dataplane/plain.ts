/**
 * Datagrams of plain tunnels: nothing is encrypted, and the tag stands for everything (docs/PROTOCOL.md, section 14).
 *
 *     at: epoch u8, sequence u56 | frame | tag 16
 *
 * The kernels fit where those of an AEAD do, so that the packet path does not know the difference.
 *
 * @module
 */
import { AEAD_AES_256_GCM, AEAD_TAG_LENGTH, openAead, sealAead } from "../crypto/aead.ts";
import type { Libcrypto } from "../ffi/libcrypto.ts";
import { GmacCipher } from "../ffi/libcrypto_gmac.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { gcmNonce, plainAdditionalData } from "../protocol/data.ts";
import { type KernelMaker, RECORD_PREFIX_LENGTH, type RecordKernel, type RecordKey } from "./aead.ts";
import { AAD_AT, MAC_AT } from "./arena.ts";

type Direction = "seal" | "open";

/** `S8 | 17 03 03 | length u16`. */
const HEAD_LENGTH = RECORD_PREFIX_LENGTH + 5;

const NOTHING = new Uint8Array(0);

/** Kernels out of Deno's own node:crypto. */
export function portablePlainMaker(memory: NativeMemory): KernelMaker {
  return {
    name: "portable",
    sealer: (key) => new PortablePlainKernel(memory, key, "seal"),
    opener: (key) => new PortablePlainKernel(memory, key, "open"),
  };
}

class PortablePlainKernel implements RecordKernel {
  readonly #bytes: Uint8Array;
  readonly #isSealing: boolean;
  #key: RecordKey | null;

  constructor(memory: NativeMemory, { key, salt }: RecordKey, direction: Direction) {
    this.#bytes = memory.bytes;
    this.#isSealing = direction === "seal";
    this.#key = { key: key.slice(), salt: salt.slice() };
  }

  process(at: number, length: number): boolean {
    if (this.#key === null) return false;
    const { key, salt } = this.#key;
    const counter = this.#bytes.subarray(at, at + RECORD_PREFIX_LENGTH);
    const tagAt = at + RECORD_PREFIX_LENGTH + length;
    const data = plainAdditionalData(counter, this.#bytes.subarray(at + RECORD_PREFIX_LENGTH, tagAt));
    const nonce = gcmNonce(salt, counter);
    const tag = this.#bytes.subarray(tagAt, tagAt + AEAD_TAG_LENGTH);
    if (!this.#isSealing) return openAead(AEAD_AES_256_GCM, key, nonce, data, tag) !== null;
    tag.set(sealAead(AEAD_AES_256_GCM, key, nonce, data, NOTHING));
    return true;
  }

  close(): void {
    this.#key?.key.fill(0);
    this.#key?.salt.fill(0);
    this.#key = null;
  }
}

/** Kernels out of the system's libcrypto. */
export function libcryptoPlainMaker(memory: NativeMemory, library: Libcrypto): KernelMaker {
  memory.bytes.set([0x17, 0x03, 0x03], AAD_AT + RECORD_PREFIX_LENGTH);
  return {
    name: "libcrypto",
    sealer: (key) => new PlainKernel(memory, library, key, "seal"),
    opener: (key) => new PlainKernel(memory, library, key, "open"),
  };
}

class PlainKernel implements RecordKernel {
  readonly #view: DataView;
  readonly #cipher: GmacCipher;
  readonly #salt: number;
  readonly #isSealing: boolean;
  #lastSequence = 0;

  constructor(memory: NativeMemory, library: Libcrypto, { key, salt }: RecordKey, direction: Direction) {
    this.#view = memory.view;
    this.#salt = new DataView(salt.buffer, salt.byteOffset).getInt32(0);
    this.#isSealing = direction === "seal";
    const places = { headAt: AAD_AT, headLength: HEAD_LENGTH, nonceAt: MAC_AT };
    this.#cipher = new GmacCipher(library, memory, { direction, key, ...places });
  }

  process(at: number, length: number): boolean {
    const view = this.#view;
    const epoch = view.getInt32(at);
    const sequence = view.getInt32(at + 4);
    // Two messages under one nonce would give the key of the tag away.
    if (this.#isSealing && sequence <= this.#lastSequence) return false;
    if (this.#isSealing) this.#lastSequence = sequence;
    view.setInt32(MAC_AT, this.#salt);
    view.setInt32(MAC_AT + 4, epoch);
    view.setInt32(MAC_AT + 8, sequence);
    view.setInt32(AAD_AT, epoch);
    view.setInt32(AAD_AT + 4, sequence);
    view.setInt16(AAD_AT + RECORD_PREFIX_LENGTH + 3, length);
    return this.#cipher.process(at + RECORD_PREFIX_LENGTH, length);
  }

  close(): void {
    this.#cipher.close();
  }
}
