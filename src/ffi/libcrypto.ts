/**
 * AEAD of the system's libcrypto in its TLS record mode, which takes two calls per message instead of four: one sets the 13
 * bytes of additional data, one seals or opens in place.
 *
 *     EVP_CIPHER_CTX_ctrl(context, TLS1_AAD, 13, additional data)     remembers it, and from it the length
 *     EVP_Cipher(context, p, p, n)                                    n counts plaintext and tag, for GCM also the 8 bytes
 *
 * AES-256-GCM (RFC 5288): p points at the 8 bytes, which the library writes itself when it seals, one higher each time, so
 * that a nonce cannot repeat; the length field of the additional data counts them. ChaCha20-Poly1305 (RFC 7905): p points
 * behind them, and the nonce comes from the additional data. When opening, the length field counts the tag too.
 *
 * @module
 */
import type { NativeMemory } from "./native_memory.ts";

/** Symbols called per packet; i32, u32 and pointer only, as in libc_linux.ts. */
export const HOT_LIBCRYPTO_SYMBOLS = {
  /** int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *ctx, int type, int arg, void *ptr) */
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "pointer"], result: "i32" },
  /** int EVP_Cipher(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in, unsigned int length) */
  EVP_Cipher: { parameters: ["pointer", "pointer", "pointer", "u32"], result: "i32" },
  /** EVP_CipherInit_ex(ctx, NULL, NULL, NULL, iv, -1): another message under the same key */
  setIv: {
    name: "EVP_CipherInit_ex",
    parameters: ["pointer", "pointer", "pointer", "pointer", "pointer", "i32"],
    result: "i32",
  },
  /** int EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *outl, const unsigned char *in, int inl) */
  EVP_CipherUpdate: { parameters: ["pointer", "pointer", "pointer", "pointer", "i32"], result: "i32" },
  /** int EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *outm, int *outl) */
  EVP_CipherFinal_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** All symbols that are needed. */
export const LIBCRYPTO_SYMBOLS = {
  ...HOT_LIBCRYPTO_SYMBOLS,
  /** EVP_CIPHER_CTX *EVP_CIPHER_CTX_new(void) */
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  /** void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx), which also clears the key */
  EVP_CIPHER_CTX_free: { parameters: ["pointer"], result: "void" },
  /** const EVP_CIPHER *EVP_aes_256_gcm(void) */
  EVP_aes_256_gcm: { parameters: [], result: "pointer" },
  /** const EVP_CIPHER *EVP_chacha20_poly1305(void) */
  EVP_chacha20_poly1305: { parameters: [], result: "pointer" },
  /** int EVP_CipherInit_ex(ctx, const EVP_CIPHER *type, ENGINE *impl, const unsigned char *key, const unsigned char *iv, int enc) */
  EVP_CipherInit_ex: { parameters: ["pointer", "pointer", "pointer", "buffer", "pointer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** An opened libcrypto. */
export type Libcrypto = Deno.DynamicLibrary<typeof LIBCRYPTO_SYMBOLS>["symbols"];

/** AEAD by the name libcrypto has for it. */
export type RecordCipherName = "aes_256_gcm" | "chacha20_poly1305";

/** Bytes of additional data: sequence 8, type 1, version 2, length 2. */
export const RECORD_AAD_LENGTH = 13;

// The soname alone: a path could be anybody's file, and macOS aborts processes that load its unversioned libcrypto.
const NAMES = ["libcrypto.so.3", "libcrypto.so.1.1"];
const CTRL_AEAD_SET_IV_FIXED = 0x12;
const CTRL_AEAD_TLS1_AAD = 0x16;
const WHOLE_IV = -1;
const KEY_LENGTH = 32;
const IV_LENGTH = 12;

let opened: Libcrypto | null | undefined;

/** The system's libcrypto, or null where there is none that has what is needed. */
export function openLibcrypto(): Libcrypto | null {
  if (opened === undefined) opened = Deno.build.os === "linux" ? firstOf(NAMES) : null;
  return opened;
}

function firstOf(names: readonly string[]): Libcrypto | null {
  for (const name of names) {
    try {
      return Deno.dlopen(name, LIBCRYPTO_SYMBOLS).symbols;
    } catch (error) {
      // Not installed, or without these symbols: the next name, then the portable kernel.
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  return null;
}

/** What a {@linkcode RecordCipher} is made of. */
export interface RecordCipherOptions {
  /** Which AEAD. */
  cipher: RecordCipherName;
  /** One cipher does one direction. */
  direction: "seal" | "open";
  /** 32 bytes. */
  key: Uint8Array;
  /**
   * 12 bytes. For GCM the 4-byte salt and the 8 bytes of the first message to be sealed; for ChaCha20-Poly1305 the salt.
   */
  iv: Uint8Array;
  /** Where the caller writes the additional data of each message. */
  aadAt: number;
}

/** One key in one direction. {@linkcode RecordCipher.close} clears and frees it; from then on nothing can be sealed or opened. */
export class RecordCipher {
  readonly #memory: NativeMemory;
  readonly #aad: Deno.PointerValue;
  readonly #control: Libcrypto["EVP_CIPHER_CTX_ctrl"];
  readonly #cipher: Libcrypto["EVP_Cipher"];
  readonly #free: Libcrypto["EVP_CIPHER_CTX_free"];
  #context: Deno.PointerValue;

  /**
   * A cipher for the messages in `memory`.
   *
   * @throws {RangeError} for a key or iv of another length, which the library would read beyond its end.
   * @throws {Error} when the library refuses the cipher, as some builds do.
   */
  constructor(library: Libcrypto, memory: NativeMemory, options: RecordCipherOptions) {
    if (options.key.length !== KEY_LENGTH || options.iv.length !== IV_LENGTH) {
      throw new RangeError(`Cannot prepare ${options.cipher}: its key has 32 bytes, its iv 12`);
    }
    this.#memory = memory;
    this.#aad = memory.pointerAt(options.aadAt);
    this.#control = library.EVP_CIPHER_CTX_ctrl;
    this.#cipher = library.EVP_Cipher;
    this.#free = library.EVP_CIPHER_CTX_free;
    this.#context = library.EVP_CIPHER_CTX_new();
    initialise(library, this.#context, options);
  }

  /**
   * Seals or opens `length` bytes at `offset` in place, with the additional data at `aadAt`.
   * The result is a positive length, or below 1 when the tag does not hold or the cipher was closed.
   */
  process(offset: number, length: number): number {
    const control = this.#control;
    const cipher = this.#cipher;
    const context = this.#context;
    if (context === null || control(context, CTRL_AEAD_TLS1_AAD, RECORD_AAD_LENGTH, this.#aad) <= 0) return -1;
    const pointer = this.#memory.pointerAt(offset);
    return cipher(context, pointer, pointer, length);
  }

  /** Clears the key and frees the context; a second call does nothing. */
  close(): void {
    if (this.#context !== null) this.#free(this.#context);
    this.#context = null;
  }
}

function initialise(library: Libcrypto, context: Deno.PointerValue, options: RecordCipherOptions): void {
  const isGcm = options.cipher === "aes_256_gcm";
  const type = isGcm ? library.EVP_aes_256_gcm() : library.EVP_chacha20_poly1305();
  const iv = Uint8Array.from(options.iv);
  const ivPointer = Deno.UnsafePointer.of(iv);
  const isSealing = options.direction === "seal" ? 1 : 0;
  const key = Uint8Array.from(options.key);
  const isReady = type !== null && context !== null &&
    library.EVP_CipherInit_ex(context, type, null, key, null, isSealing) === 1 &&
    library.EVP_CIPHER_CTX_ctrl(context, CTRL_AEAD_SET_IV_FIXED, isGcm ? WHOLE_IV : IV_LENGTH, ivPointer) === 1;
  key.fill(0);
  if (isReady) return;
  if (context !== null) library.EVP_CIPHER_CTX_free(context);
  throw new Error(`Cannot prepare ${options.cipher}: libcrypto refused it`);
}
