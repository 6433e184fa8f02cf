import assert from "node:assert/strict";
import fc from "fast-check";
import { safe } from "../../../src/base/safe.ts";
import { cutAtBytes, displayWidth, padTo } from "../../../src/commands/text/columns.ts";
import { renderJson } from "../../../src/commands/text/json.ts";

Deno.test("displayWidth counts columns, not characters", () => {
  const cases: [string, number][] = [["", 0], ["abc", 3], ["Åsa", 3], ["A\u030asa", 3], ["太郎", 4], ["😀", 2], [
    "한글",
    4,
  ]];
  for (const [text, width] of cases) assert.equal(displayWidth(text), width, text);
});

Deno.test("padTo fills up and never cuts", () => {
  assert.deepEqual([padTo("太", 4), padTo("abcdef", 4)], ["太  ", "abcdef"]);
});

Deno.test("cutAtBytes ends at a whole character that is no blank", () => {
  assert.deepEqual(["abcdef", "ab", "€€", "ab  cd"].map((text) => cutAtBytes(text, 3)), ["abc", "ab", "€", "ab  c"]);
});

Deno.test("renderJson keeps every character and prints none that steers a terminal", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const json = renderJson(value);
      assert.equal(safe(json), json);
      assert.equal(JSON.stringify(JSON.parse(json)), JSON.stringify(value));
    }),
    { numRuns: 30 },
  );
  assert.equal(
    renderJson("\u001b[2J\u202e\u200b\u0085é😀\u{e0041}"),
    '"\\u001b[2J\\u202e\\u200b\\u0085é😀\\udb40\\udc41"',
  );
});
