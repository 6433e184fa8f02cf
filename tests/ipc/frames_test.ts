import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  decodeReply,
  decodeRequest,
  encodeFailure,
  encodeItem,
  encodeRequest,
  encodeResult,
} from "../../src/ipc/frames.ts";
import { MAX_LINE_LENGTH } from "../../src/ipc/lines.ts";
import { ControlError } from "../../src/ipc/schema.ts";

Deno.test("decodeRequest reads what encodeRequest writes", () => {
  const frames = [{ id: 1, method: "join", params: { network: "a" } }, { id: 2, cancel: true as const }];
  for (const frame of frames) assert.deepEqual(decodeRequest(encodeRequest(frame)), frame);
});

Deno.test("decodeRequest refuses everything that is no request", () => {
  const wrong = [
    "",
    "null",
    "[]",
    "{",
    '{"id":1}',
    '{"id":-1,"method":"list","params":{}}',
    '{"id":1.5,"method":"list","params":{}}',
    '{"id":"1","method":"list","params":{}}',
    '{"id":1,"method":7,"params":{}}',
    '{"id":1,"method":"list"}',
    '{"id":1,"method":"list","params":{},"more":1}',
    '{"id":1,"cancel":false}',
  ];
  for (const line of wrong) assert.throws(() => decodeRequest(line), ProtocolError, line);
});

Deno.test("decodeReply reads items, results and refusals", () => {
  assert.deepEqual(decodeReply(encodeItem(7, { a: 1 })), { id: 7, item: { a: 1 } });
  assert.deepEqual(encodeResult(7, undefined).map(decodeReply), [{ id: 7, result: null }]);
  const failure = { code: "nameTaken", hint: "Take another." };
  assert.deepEqual(decodeReply(encodeFailure(7, new ControlError("nameTaken", "Take another."))), { id: 7, failure });
});

Deno.test("decodeReply refuses a request and a reply without content", () => {
  for (const line of ['{"id":1}', '{"id":1,"method":"list","params":{}}', '{"id":1,"joined":false}']) {
    assert.throws(() => decodeReply(line), ProtocolError, line);
  }
});

Deno.test("encodeResult cuts a long result into lines that fit, whatever its characters", () => {
  for (const unit of ["a", '"', "\\", "\u0001", "€", "😀", "\ud800"]) {
    const result = [unit.repeat(100_000)];
    const lines = encodeResult(3, result);
    assert.ok(lines.length > 2, "one line is not enough");
    for (const line of lines) assert.ok(utf8(line).length < MAX_LINE_LENGTH, `${unit}: ${utf8(line).length} bytes`);
    const frames = lines.map(decodeReply);
    assert.deepEqual(frames.at(-1), { id: 3, joined: true });
    const json = frames.slice(0, -1).map((frame) => "part" in frame ? frame.part : "no part").join("");
    assert.deepEqual(JSON.parse(json), result);
  }
});
