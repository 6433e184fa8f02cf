import assert from "node:assert/strict";
import { HOT_LIBC_SYMBOLS } from "../../src/ffi/libc_linux.ts";
import { HOT_LIBCRYPTO_SYMBOLS } from "../../src/ffi/libcrypto.ts";

const FAST = new Set(["i32", "u32", "pointer"]);

Deno.test("hot symbols declare only i32, u32 and pointer, and block: all else takes the slow path on each call", () => {
  for (const [name, symbol] of Object.entries({ ...HOT_LIBC_SYMBOLS, ...HOT_LIBCRYPTO_SYMBOLS })) {
    for (const type of [...symbol.parameters, symbol.result]) assert.ok(FAST.has(type), `${name}: ${type}`);
    assert.ok(!("nonblocking" in symbol), name);
    // V8 makes no fast calls with more than eight arguments on Apple's processors.
    assert.ok(symbol.parameters.length <= 8, name);
  }
});
