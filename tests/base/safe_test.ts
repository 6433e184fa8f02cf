import assert from "node:assert/strict";
import fc from "fast-check";
import { safe } from "../../src/base/safe.ts";

Deno.test("safe leaves ordinary text of any script alone", () => {
  for (const text of ["Búri's laptop", "名前 🐄", "a  b", "שלום", "e\u0301"]) assert.equal(safe(text), text);
});

Deno.test("safe takes the power out of terminal escapes", () => {
  assert.equal(safe("\x1b[31mred\x1b]0;title\x07"), "[31mred]0;title");
  assert.equal(safe("\x9b31m\x7f\x00"), "31m");
});

Deno.test("safe makes one line of several", () => {
  assert.equal(safe("a\r\nb\tc\u0085d\u2028e\u2029f\vg\fh"), "a b c d e f g h");
});

Deno.test("safe removes bidirectional controls", () => {
  for (const mark of "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
    assert.equal(safe(`a${mark}b`), "ab");
  }
});

Deno.test("safe removes zero-width and tag characters", () => {
  for (
    const mark of [
      "\u00ad",
      "\u200b",
      "\u200c",
      "\u200d",
      "\u2060",
      "\u2064",
      "\ufeff",
      "\u3164",
      "\u{e0041}",
      "\ufff9",
    ]
  ) {
    assert.equal(safe(`a${mark}b`), "ab");
  }
});

Deno.test("safe replaces lone surrogates", () => {
  assert.equal(safe("a\ud800b"), "a\ufffdb");
});

Deno.test("safe gives one printable line for any input, and the same again for its own output", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const once = safe(text);
    // deno-lint-ignore no-control-regex -- this is the list of what must not remain
    return !/[\x00-\x1f\x7f-\x9f\u2028-\u202e]/.test(once) && safe(once) === once;
  }));
});
