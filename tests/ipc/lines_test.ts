import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { LineWriter, MAX_LINE_LENGTH, readLines } from "../../src/ipc/lines.ts";
import { memoryStreamPair } from "../support/memory_stream.ts";

async function linesOf(bytes: Uint8Array, chunk?: number): Promise<string[]> {
  const [near, far] = memoryStreamPair(chunk === undefined ? {} : { chunk });
  for (let written = 0; written < bytes.length;) written += await near.write(bytes.subarray(written));
  const reading = Array.fromAsync(readLines(far));
  near.close();
  return await reading;
}

Deno.test("readLines gives the same lines however the stream cuts them", async () => {
  const bytes = utf8("first\n\nthïrd € 😀\n");
  for (const chunk of [1, 2, 3, 7, 1000]) assert.deepEqual(await linesOf(bytes, chunk), ["first", "", "thïrd € 😀"]);
});

Deno.test("readLines drops what no line end follows", async () => {
  assert.deepEqual(await linesOf(utf8("whole\ncut off")), ["whole"]);
});

Deno.test("readLines takes a line of the greatest length", async () => {
  const longest = "x".repeat(MAX_LINE_LENGTH - 1);
  assert.deepEqual(await linesOf(utf8(`${longest}\nnext\n`)), [longest, "next"]);
});

Deno.test("readLines refuses a line one byte longer, before its end has come", async () => {
  await assert.rejects(linesOf(utf8("x".repeat(MAX_LINE_LENGTH))), ProtocolError);
});

Deno.test("readLines refuses bytes that are not UTF-8", async () => {
  await assert.rejects(linesOf(new Uint8Array([0xff, 0x0a])), ProtocolError);
});

Deno.test("LineWriter keeps lines whole when writes are short and overlap", async () => {
  const [near, far] = memoryStreamPair({ chunk: 3 });
  const writer = new LineWriter(near);
  await Promise.all(["one long line", "another", "third"].map((line) => writer.write(line)));
  near.close();
  assert.deepEqual(await Array.fromAsync(readLines(far)), ["one long line", "another", "third"]);
});

Deno.test("LineWriter refuses a line that no reader takes and goes on with the next", async () => {
  const [near, far] = memoryStreamPair();
  const writer = new LineWriter(near);
  await assert.rejects(writer.write("x".repeat(MAX_LINE_LENGTH)), ProtocolError);
  await writer.write("next");
  near.close();
  assert.deepEqual(await Array.fromAsync(readLines(far)), ["next"]);
});
