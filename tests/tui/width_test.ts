import assert from "node:assert/strict";
import { cutToWidth, drawable, fitted, graphemes, textWidth } from "../../src/tui/width.ts";

Deno.test("textWidth counts two columns for wide characters and emoji, none for marks", () => {
  const widths = {
    "": 0,
    bob: 3,
    "鈴木さくら": 10,
    "ＡＢ": 4,
    "ｱｲ": 2,
    "한국": 4,
    "🎲": 2,
    "🇯🇵": 2,
    "e\u0301": 1,
    "ก็": 1,
    "\u{1100}\u{1161}\u{11a8}": 2,
    "…": 1,
  };
  for (const [text, width] of Object.entries(widths)) assert.equal(textWidth(text), width, JSON.stringify(text));
});

Deno.test("drawable removes what steers a terminal and what terminals draw differently", () => {
  assert.equal(drawable("a\u001b[31mb\nc\u202ed\u200de\ufe0f"), "a[31mb cde");
  assert.equal(drawable("👍🏽!"), "👍!", "skin tones");
  assert.equal(drawable("\u0301\u0302a"), "a", "a mark must not stand on what is left of the text");
  assert.equal(drawable(`x${"\u0336".repeat(50)}y`), "x\u0336\u0336y", "towers of marks");
  assert.equal(textWidth(drawable("\u{1112}\u{1161}\u{11ab}")), 2);
});

Deno.test("cutToWidth cuts between characters as readers see them", () => {
  assert.equal(cutToWidth("alice", 5), "alice");
  assert.equal(cutToWidth("alice", 4), "ali…");
  assert.equal(cutToWidth("鈴木さくら", 6), "鈴木…");
  assert.equal(cutToWidth("鈴木さくら", 5), "鈴木…");
  assert.equal(cutToWidth("e\u0323\u0301e\u0323\u0301e\u0323\u0301", 2), "e\u0323\u0301…");
  assert.equal(cutToWidth("alice", 1), "…");
  assert.equal(cutToWidth("alice", 0), "");
});

Deno.test("fitted fills every text to the same columns", () => {
  for (const text of ["", "bob", "鈴木さくら", "🎲🎲🎲🎲🎲🎲", "a long nickname, far too long", "\u001b[2J"]) {
    for (const width of [0, 1, 2, 3, 7, 8, 20]) {
      assert.equal(textWidth(fitted(text, width)), width, `${JSON.stringify(text)} in ${width}`);
    }
  }
  assert.equal(fitted("12 ms", 7, "right"), "  12 ms");
});

Deno.test("graphemes keeps a letter and its marks together", () => {
  assert.deepEqual(graphemes("ae\u0301漢"), ["a", "e\u0301", "漢"]);
});
