/**
 * GMAC (SP 800-38D) of the system's libcrypto: AES-256-GCM over a message that is additional data as a whole, so that only
 * its tag is made.
 *
 * @module
 */
import type { Libcrypto } from "./libcrypto.ts";
import type { NativeMemory } from "./native_memory.ts";

const CTRL_AEAD_GET_TAG = 0x10;
const CTRL_AEAD_SET_TAG = 0x11;
const KEY_LENGTH = 32;
const TAG_LENGTH = 16;
const UNCHANGED = -1;

/** What a {@linkcode GmacCipher} is made of. */
export interface GmacOptions {
  /** One cipher does one direction. */
  direction: "seal" | "open";
  /** 32 bytes. */
  key: Uint8Array;
  /** Where the caller writes the first part of each message. */
  headAt: number;
  /** Its length. */
  headLength: number;
  /** Where the caller writes the nonce of each message, 12 bytes; the 4 behind it are the library's. */
  nonceAt: number;
}

/** One key in one direction. {@linkcode GmacCipher.close} clears and frees it; from then on every message is refused. */
export class GmacCipher {
  readonly #memory: NativeMemory;
  readonly #setIv: Libcrypto["setIv"];
  readonly #update: Libcrypto["EVP_CipherUpdate"];
  readonly #final: Libcrypto["EVP_CipherFinal_ex"];
  readonly #control: Libcrypto["EVP_CIPHER_CTX_ctrl"];
  readonly #free: Libcrypto["EVP_CIPHER_CTX_free"];
  readonly #isSealing: boolean;
  readonly #head: Deno.PointerValue;
  readonly #headLength: number;
  readonly #nonce: Deno.PointerValue;
  readonly #outLength: Deno.PointerValue;
  #context: Deno.PointerValue;

  /**
   * A cipher for the messages in `memory`.
   *
   * @throws {RangeError} for a key of another length
   * @throws {Error} when the library refuses the cipher
   */
  constructor(library: Libcrypto, memory: NativeMemory, options: GmacOptions) {
    const { direction, key, headAt, headLength, nonceAt } = options;
    if (key.length !== KEY_LENGTH) throw new RangeError("Cannot prepare GMAC: its key has 32 bytes");
    this.#memory = memory;
    this.#setIv = library.setIv;
    this.#update = library.EVP_CipherUpdate;
    this.#final = library.EVP_CipherFinal_ex;
    this.#control = library.EVP_CIPHER_CTX_ctrl;
    this.#free = library.EVP_CIPHER_CTX_free;
    this.#isSealing = direction === "seal";
    this.#head = memory.pointerAt(headAt);
    this.#headLength = headLength;
    this.#nonce = memory.pointerAt(nonceAt);
    this.#outLength = memory.pointerAt(nonceAt + 12);
    this.#context = library.EVP_CIPHER_CTX_new();
    initialise(library, this.#context, key, this.#isSealing);
  }

  /** Writes, or checks, the tag that stands behind the `length` bytes at `at`. */
  process(at: number, length: number): boolean {
    const context = this.#context;
    const tag = this.#memory.pointerAt(at + length);
    const update = this.#update;
    const control = this.#control;
    if (context === null || this.#setIv(context, null, null, null, this.#nonce, UNCHANGED) !== 1) return false;
    if (!this.#isSealing && control(context, CTRL_AEAD_SET_TAG, TAG_LENGTH, tag) <= 0) return false;
    const isDone = update(context, null, this.#outLength, this.#head, this.#headLength) === 1 &&
      update(context, null, this.#outLength, this.#memory.pointerAt(at), length) === 1 &&
      this.#final(context, tag, this.#outLength) === 1;
    return isDone && (!this.#isSealing || control(context, CTRL_AEAD_GET_TAG, TAG_LENGTH, tag) > 0);
  }

  /** Clears the key and frees the context; a second call does nothing. */
  close(): void {
    if (this.#context !== null) this.#free(this.#context);
    this.#context = null;
  }
}

function initialise(library: Libcrypto, context: Deno.PointerValue, given: Uint8Array, isSealing: boolean): void {
  const type = library.EVP_aes_256_gcm();
  const key = Uint8Array.from(given);
  const isReady = type !== null && context !== null &&
    library.EVP_CipherInit_ex(context, type, null, key, null, isSealing ? 1 : 0) === 1;
  key.fill(0);
  if (isReady) return;
  if (context !== null) library.EVP_CIPHER_CTX_free(context);
  throw new Error("Cannot prepare GMAC: libcrypto refused it");
}
