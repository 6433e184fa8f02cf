/**
 * One line is one frame, a JSON object:
 *
 *     command → engine   {"id":1,"method":"join","params":{"network":"office","password":"…"}}
 *                        {"id":1,"cancel":true}            ends a stream early
 *     engine → command   {"id":1,"item":{…}}               one item of a stream, any number of times
 *                        {"id":1,"part":"…"}               a piece of the text of a result too long for one line
 *                        {"id":1,"result":{…}}             the result, or null at the end of a stream
 *                        {"id":1,"failure":{"code":"invalidPassword","hint":"…"}}
 *
 * `id` is chosen by the command, unique among its open requests. Parts are joined in order, and the last is followed by
 * `{"id":1,"joined":true}`: the joined text is the JSON of the result.
 *
 * @module
 */

import * as v from "valibot";
import { ProtocolError } from "../base/errors.ts";
import type { ControlError } from "./schema.ts";

/** What a command sends. */
export type RequestFrame =
  | { id: number; method: string; params: unknown }
  | { id: number; cancel: true };

/** What the engine sends. */
export type ReplyFrame =
  | { id: number; item: unknown }
  | { id: number; part: string }
  | { id: number; joined: true }
  | { id: number; result: unknown }
  | { id: number; failure: unknown };

/**
 * Longest piece of text in one line, in UTF-16 units: even if JSON doubles each (quotes, backslashes) or UTF-8 makes three
 * bytes of it, a line stays under its limit.
 */
const MAX_PART_LENGTH = 16384;

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const requestFrame = v.union([
  v.strictObject({ id, method: v.string(), params: v.unknown() }),
  v.strictObject({ id, cancel: v.literal(true) }),
]);
const replyFrame = v.union([
  v.strictObject({ id, item: v.unknown() }),
  v.strictObject({ id, part: v.string() }),
  v.strictObject({ id, joined: v.literal(true) }),
  v.strictObject({ id, result: v.unknown() }),
  v.strictObject({ id, failure: v.unknown() }),
]);

/** Throws `ProtocolError` on anything but a request. */
export function decodeRequest(line: string): RequestFrame {
  return decode(requestFrame, line, "request");
}

/** Throws `ProtocolError` on anything but a reply. */
export function decodeReply(line: string): ReplyFrame {
  return decode(replyFrame, line, "reply");
}

/** One line. The caller keeps parameters small; the engine refuses a line that is too long. */
export function encodeRequest(frame: RequestFrame): string {
  return JSON.stringify(frame);
}

/** The line of one stream item. */
export function encodeItem(id: number, item: unknown): string {
  return JSON.stringify({ id, item });
}

/** The lines of a result: one, or several when it is long. `undefined` travels as null. */
export function encodeResult(id: number, result: unknown): string[] {
  const json = JSON.stringify(result ?? null);
  if (json.length <= MAX_PART_LENGTH) return [`{"id":${id},"result":${json}}`];
  const lines: string[] = [];
  for (let at = 0; at < json.length; at += MAX_PART_LENGTH) {
    lines.push(JSON.stringify({ id, part: json.slice(at, at + MAX_PART_LENGTH) }));
  }
  return [...lines, JSON.stringify({ id, joined: true })];
}

/** The line of a refusal. */
export function encodeFailure(id: number, error: ControlError): string {
  return JSON.stringify({ id, failure: { code: error.code, hint: error.hint?.slice(0, 1000) } });
}

function decode<Frame>(schema: v.GenericSchema<unknown, Frame>, line: string, what: string): Frame {
  const result = v.safeParse(schema, parseJson(line, what));
  if (!result.success) throw new ProtocolError(`Cannot read a ${what}: it has the wrong shape`);
  return result.output;
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProtocolError(`Cannot read a ${what}: it is not JSON`);
  }
}
