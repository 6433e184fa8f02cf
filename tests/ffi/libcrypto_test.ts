import assert from "node:assert/strict";
import { openLibcrypto, RecordCipher } from "../../src/ffi/libcrypto.ts";
import { NativeMemory } from "../../src/ffi/native_memory.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

Deno.test(
  needs("RecordCipher refuses a key or iv that the library would read beyond its end", "linux", "libcrypto"),
  () => {
    const memory = new NativeMemory(4096);
    for (const cipher of ["aes_256_gcm", "chacha20_poly1305"] as const) {
      for (const [keyLength, ivLength] of [[31, 12], [33, 12], [32, 11], [32, 13]] as const) {
        const [key, iv] = [new Uint8Array(keyLength), new Uint8Array(ivLength)];
        const options = { cipher, direction: "seal", key, iv, aadAt: 0 } as const;
        assert.throws(() => new RecordCipher(openLibcrypto()!, memory, options), RangeError);
      }
    }
  },
);
