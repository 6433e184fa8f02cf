import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { type Key, KeyReader } from "../../src/tui/keys.ts";

function shown(keys: Key[]): string[] {
  return keys.map((key) => key.kind === "named" ? `<${key.name}>` : key.kind === "typed" ? key.text : `"${key.text}"`);
}

function read(...chunks: string[]): string[] {
  const reader = new KeyReader();
  return shown(chunks.flatMap((chunk) => reader.feed(utf8(chunk))));
}

Deno.test("KeyReader tells text from keys", () => {
  assert.deepEqual(read("aß漢e\u0301"), ["a", "ß", "漢", "e\u0301"]);
  assert.deepEqual(read("\r\n\t\u007f\b\u0003\u001a"), [
    ..."<enter> <enter> <tab> <backspace> <backspace> <ctrl-c> <ctrl-z>".split(" "),
  ]);
});

Deno.test("KeyReader knows the sequences of xterm, of application mode and of the VT220", () => {
  assert.deepEqual(read("\u001b[A\u001bOB\u001b[1;5C\u001b[5~\u001b[6;2~\u001b[3~\u001bOH\u001b[4~\u001b[Z"), [
    ..."<up> <down> <right> <pageup> <pagedown> <delete> <home> <end> <backtab>".split(" "),
  ]);
});

Deno.test("KeyReader puts together what comes in pieces", () => {
  assert.deepEqual(read("\u001b", "[", "1;2", "A", "b"), ["<up>", "b"]);
  const reader = new KeyReader();
  const bytes = utf8("漢");
  assert.deepEqual(shown([...bytes].flatMap((byte) => reader.feed(Uint8Array.of(byte)))), ["漢"]);
});

Deno.test("KeyReader takes a lone ESC for the Escape key only when nothing follows", () => {
  const reader = new KeyReader();
  assert.deepEqual(reader.feed(utf8("\u001b")), []);
  assert.equal(reader.isWaiting, true);
  assert.deepEqual(shown(reader.flush()), ["<escape>"]);
  assert.equal(reader.isWaiting, false);
  assert.deepEqual(reader.flush(), []);
  assert.deepEqual(read("\u001bq"), ["<escape>", "q"]);
});

Deno.test("KeyReader gives a paste as a whole, whatever keys are in it", () => {
  assert.deepEqual(read("\u001b[200~q\u001b[A\r", "x\u001b[201~y"), ['"q\u001b[A\rx"', "y"]);
  const reader = new KeyReader();
  reader.feed(utf8("\u001b[200~half"));
  assert.deepEqual(reader.flush(), [], "a paste is not over because the terminal paused");
});

Deno.test("KeyReader drops what means nothing here and holds no more than a paste", () => {
  assert.deepEqual(read("\u001b[?62;c\u001b[99~\u001b[<0;1;1Mq").at(-1), "q");
  assert.deepEqual(read(`\u001b[${"1;".repeat(40)}`)[0], "<escape>", "no key is that long");
  const reader = new KeyReader();
  assert.deepEqual(reader.feed(utf8(`\u001b[200~${"a".repeat(70_000)}`)), []);
  assert.equal(reader.isWaiting, false);
});
