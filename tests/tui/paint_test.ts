import assert from "node:assert/strict";
import { Painter, paintLine } from "../../src/tui/paint.ts";
import { span } from "../../src/tui/screen.ts";
import { withoutSequences } from "../support/escape_sequences.ts";

const SIZE = { columns: 10, rows: 3 };
const ESC = "\u001b[";

Deno.test("Painter sends the first frame whole, then only rows that changed", () => {
  const painter = new Painter(true);
  const first = painter.paint([[span("one")], [span("two")]], SIZE);
  assert.ok(first.startsWith(`${ESC}?2026h${ESC}2J${ESC}1;1H`), "one synchronized update on a cleared screen");
  assert.ok(first.endsWith(`${ESC}?2026l`));
  assert.equal(painter.paint([[span("one")], [span("two")]], SIZE), "");
  assert.equal(
    painter.paint([[span("one")], [span("2")]], SIZE),
    `${ESC}?2026h${ESC}2;1H${ESC}0m2${ESC}0m${ESC}K${ESC}?2026l`,
    "overwritten, then cleared behind its end: a row is never blank in between",
  );
});

Deno.test("Painter sends all again after forget and after a change of size", () => {
  const painter = new Painter(true);
  const lines = [[span("one")]];
  painter.paint(lines, SIZE);
  painter.forget();
  assert.match(painter.paint(lines, SIZE), /one/);
  assert.match(painter.paint(lines, { columns: 11, rows: 3 }), /one/);
  assert.equal(painter.paint(lines, { columns: 11, rows: 3 }), "");
});

Deno.test("paintLine leaves colours out where they are not wanted, and keeps bold and reverse", () => {
  const line = [span("x", { color: "green", bold: true, reverse: true, blink: true })];
  assert.equal(paintLine(line, true), `${ESC}0;1;7;5;32mx`);
  assert.equal(paintLine(line, false), `${ESC}0;1;7mx`);
});

Deno.test("paintLine puts what follows wide text into its own column, whatever the terminal counts", () => {
  assert.equal(
    paintLine([span("a"), span("漢字"), span("b")], false),
    `${ESC}0ma${ESC}0m    ${ESC}2G漢字${ESC}6G${ESC}0mb`,
  );
});

Deno.test("paintLine sends no control character of a text, whoever made it", () => {
  const painted = paintLine([{ text: "a\u001b[2J\u0007\u009b31m\u202eb", style: {} }], true);
  // deno-lint-ignore no-control-regex -- the characters that must not be there
  assert.doesNotMatch(withoutSequences(painted), /[\u0000-\u001f\u007f-\u009f\u202e]/);
});
