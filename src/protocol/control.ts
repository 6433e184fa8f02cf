/**
 * Control messages (PROTOCOL.md section 6): the plaintext of a protected message on the control stream.
 *
 *     type u8 | requestId u32 | fields of control_table.ts
 *
 * Decoding is lax on longer messages, so that later versions can add fields.
 *
 * @module
 */

import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { CONTROL, type ControlDefinition, RESULT_PAYLOAD, type Side } from "./control_table.ts";
import { record, type RecordOf, type ValueOf } from "./fields.ts";

/** Name of a control message. */
export type ControlName = keyof typeof CONTROL;

/** One control message by its name. `requestId` is 0 in what the server pushes. */
export type ControlMessageOf<N extends ControlName> =
  & { type: N; requestId: number }
  & RecordOf<(typeof CONTROL)[N]["fields"]>;

/** Any control message; `type` tells which. */
export type ControlMessage = { [N in ControlName]: ControlMessageOf<N> }[ControlName];

/** A message of a type that this version does not know, or that the other side has no business to send. */
export interface UnknownControlMessage {
  /** Tells it from the known ones. */
  type: "unknown";
  /** Where it is not 0 the sender waits for a RESULT: code 15. */
  requestId: number;
  /** Its type number. */
  number: number;
}

interface Entry {
  name: ControlName;
  definition: ControlDefinition;
  body: ReturnType<typeof record>;
}

const ENTRIES: Entry[] = Object.entries(CONTROL).map(([name, definition]) => ({
  name: name as ControlName,
  definition,
  body: record(definition.fields),
}));
const BY_NAME = new Map(ENTRIES.map((entry) => [entry.name, entry]));
const BY_NUMBER = new Map(ENTRIES.map((entry) => [entry.definition.number, entry]));

/** The plaintext of a message. @throws {RangeError} when a value does not fit */
export function encodeControl(message: ControlMessage): Uint8Array<ArrayBuffer> {
  const { definition, body } = BY_NAME.get(message.type)!;
  const writer = new ByteWriter().u8(definition.number).u32(message.requestId);
  body.write(writer, message);
  return writer.finish();
}

/**
 * Reads a message that `from` sent.
 *
 * @throws {ProtocolError} for anything malformed
 */
export function decodeControl(plaintext: Uint8Array, from: Side): ControlMessage | UnknownControlMessage {
  const reader = new ByteReader(plaintext);
  const number = reader.u8();
  const requestId = reader.u32();
  const entry = BY_NUMBER.get(number);
  if (entry === undefined || (entry.definition.from !== "both" && entry.definition.from !== from)) {
    return { type: "unknown", requestId, number };
  }
  // The table pairs each name with its fields; the compiler cannot follow that through a look-up by number.
  return { type: entry.name, requestId, ...entry.body.read(reader) } as ControlMessage;
}

/** Requests whose RESULT carries something. */
export type AnsweredRequest = keyof typeof RESULT_PAYLOAD;

/** What the RESULT of a request carries. */
export type ResultPayload<R extends AnsweredRequest> = ValueOf<(typeof RESULT_PAYLOAD)[R]>;

/** The payload of a successful RESULT. @throws {RangeError} when a value does not fit */
export function encodeResultPayload<R extends AnsweredRequest>(
  request: R,
  payload: ResultPayload<R>,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  RESULT_PAYLOAD[request].write(writer, payload as never);
  return writer.finish();
}

/** Reads the payload of a successful RESULT; what follows the last known field is ignored. @throws {ProtocolError} */
export function decodeResultPayload<R extends AnsweredRequest>(request: R, payload: Uint8Array): ResultPayload<R> {
  return RESULT_PAYLOAD[request].read(new ByteReader(payload)) as ResultPayload<R>;
}
