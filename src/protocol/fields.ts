/**
 * Building blocks of the wire (PROTOCOL.md section 1): a message is a table of fields, from which its type, its encoder and
 * its decoder follow.
 *
 * Decoders throw ProtocolError and nothing else, cap every length before they allocate, and return copies, so that a record
 * outlives the receive buffer. Encoders throw RangeError: a value that does not fit is a bug of the caller.
 *
 * @module
 */

import { ByteReader, ByteWriter, fromUtf8, utf8 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Endpoint } from "../base/ip.ts";

/** How one value stands on the wire. */
export interface Field<T> {
  /** Takes the value off the front. @throws {ProtocolError} */
  read(reader: ByteReader): T;
  /** Appends the value. @throws {RangeError} when it does not fit */
  write(writer: ByteWriter, value: T): void;
}

/** Bytes that are always the same and so carry no value: they do not appear in the record. */
export interface Fixed extends Field<void> {
  /** Tells it from a field at compile time. */
  readonly isFixed: true;
}

/** The table of a message: names to fields, in the order of the wire. */
export type Shape = { readonly [name: string]: Field<unknown> };

/** The value of a field. */
export type ValueOf<F> = F extends Field<infer T> ? T : never;

/** The record that a table describes. */
export type RecordOf<S extends Shape> = {
  -readonly [K in keyof S as S[K] extends Fixed ? never : K]: ValueOf<S[K]>;
};

/** 1 byte. */
export const u8: Field<number> = { read: (reader) => reader.u8(), write: (writer, value) => void writer.u8(value) };

/** 2 bytes. */
export const u16: Field<number> = { read: (reader) => reader.u16(), write: (writer, value) => void writer.u16(value) };

/** 4 bytes. */
export const u32: Field<number> = { read: (reader) => reader.u32(), write: (writer, value) => void writer.u32(value) };

/** 8 bytes. */
export const u64: Field<bigint> = { read: (reader) => reader.u64(), write: (writer, value) => void writer.u64(value) };

/** A byte that is 0 or 1. */
export const flag: Field<boolean> = {
  read: (reader) => {
    const value = reader.u8();
    if (value > 1) throw new ProtocolError(`a flag is 0 or 1, not ${value}`);
    return value === 1;
  },
  write: (writer, value) => void writer.u8(value ? 1 : 0),
};

/** Exactly `length` bytes. */
export function bytes(length: number): Field<Uint8Array> {
  return {
    read: (reader) => reader.bytes(length),
    write: (writer, value) => {
      if (value.length !== length) throw new RangeError(`Cannot write ${value.length} bytes into a field of ${length}`);
      writer.bytes(value);
    },
  };
}

/** Everything that is left, of whatever length. */
export const rest: Field<Uint8Array> = {
  read: (reader) => reader.rest(),
  write: (writer, value) => void writer.bytes(value),
};

/** `u16 length | bytes`, at most `maxLength` of them. */
export function blob(maxLength: number): Field<Uint8Array> {
  return {
    read: (reader) => reader.bytes(capped("bytes in a blob", reader.u16(), 0, maxLength)),
    write: (writer, value) => {
      fits("bytes in a blob", value.length, 0, maxLength);
      writer.u16(value.length).bytes(value);
    },
  };
}

/**
 * A blob at the very end of a message, which senders of an earlier version do not know: none there = empty, and an empty one
 * is left out.
 */
export function trailingBlob(maxLength: number): Field<Uint8Array> {
  const whole = blob(maxLength);
  return {
    // A single stray byte is no field of ours: as everywhere it is ignored.
    read: (reader) => reader.remaining < 2 ? new Uint8Array() : whole.read(reader),
    write: (writer, value) => value.length === 0 ? undefined : whole.write(writer, value),
  };
}

/** C0, DEL and C1: text never moves a cursor. */
// deno-lint-ignore no-control-regex -- these are what the protocol forbids
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/** `u16 length | UTF-8`, at most `maxLength` bytes: well-formed, NFC, without control characters. */
export function text(maxLength: number): Field<string> {
  return {
    read: (reader) => {
      const value = fromUtf8(reader.bytes(capped("bytes in a text", reader.u16(), 0, maxLength)));
      const fault = textFault(value);
      if (fault !== null) throw new ProtocolError(fault);
      return value;
    },
    write: (writer, value) => {
      const encoded = utf8(value);
      const fault = textFault(value);
      if (fault !== null) throw new RangeError(fault);
      fits("bytes in a text", encoded.length, 0, maxLength);
      writer.u16(encoded.length).bytes(encoded);
    },
  };
}

/** Why `value` may not stand in a `text`, or null. */
function textFault(value: string): string | null {
  if (CONTROL_CHARACTER.test(value)) return "a text holds a control character";
  if (!value.isWellFormed()) return "a text holds a lone surrogate";
  return value.normalize("NFC") === value ? null : "a text is not in Unicode NFC";
}

/** `bytes(16) | u16 port`. */
export const endpoint: Field<Endpoint> = {
  read: (reader) => ({ address: reader.bytes(16), port: reader.u16() }),
  write: (writer, value) => {
    ADDRESS.write(writer, value.address);
    writer.u16(value.port);
  },
};

const ADDRESS = bytes(16);

/** How many items a list may have; both default to the loosest. */
export interface ListLimits {
  /** Default 0. */
  min?: number;
  /** Checked before the first item is read. */
  max: number;
}

/** `u16 count | items`. */
export function list<T>(item: Field<T>, limits: ListLimits): Field<T[]> {
  return counted(u16, item, limits);
}

/** `u8 count | items`. */
export function shortList<T>(item: Field<T>, limits: ListLimits): Field<T[]> {
  return counted(u8, item, limits);
}

function counted<T>(count: Field<number>, item: Field<T>, { min = 0, max }: ListLimits): Field<T[]> {
  return {
    read: (reader) => {
      const length = capped("items in a list", count.read(reader), min, max);
      return Array.from({ length }, () => item.read(reader));
    },
    write: (writer, value) => {
      fits("items in a list", value.length, min, max);
      count.write(writer, value.length);
      for (const each of value) item.write(writer, each);
    },
  };
}

/** A number that is always `value`; anything else is refused under the name `what`. */
export function constant(field: Field<number>, value: number, what: string): Fixed {
  return {
    isFixed: true,
    read: (reader) => {
      const found = field.read(reader);
      if (found !== value) throw new ProtocolError(`${what} must be ${value}, not ${found}`);
    },
    write: (writer) => field.write(writer, value),
  };
}

/** The byte that says which message this is. */
export function typeByte(value: number): Fixed {
  return constant(u8, value, "message type");
}

/** `length` zero bytes. They are checked, so that nothing travels in them. */
export function zeros(length: number): Fixed {
  return {
    isFixed: true,
    read: (reader) => requireZeros(reader.bytes(length)),
    write: (writer) => void writer.bytes(new Uint8Array(length)),
  };
}

/** Zeros up to a total message length of `total`; must be the last field of a message whose codec fixes that length. */
export function zerosTo(total: number): Fixed {
  return {
    isFixed: true,
    read: (reader) => requireZeros(reader.rest()),
    write: (writer) => void writer.bytes(new Uint8Array(total - writer.length)),
  };
}

function requireZeros(padding: Uint8Array): void {
  if (padding.some((byte) => byte !== 0)) throw new ProtocolError("padding is not zero");
}

/** The fields of a table one after the other, as one field. */
export function record<const S extends Shape>(shape: S): Field<RecordOf<S>> {
  const fields = Object.entries(shape);
  return {
    read: (reader) => {
      const value: Record<string, unknown> = {};
      for (const [name, field] of fields) {
        const read = field.read(reader);
        if (!("isFixed" in field)) value[name] = read;
      }
      return value as RecordOf<S>;
    },
    write: (writer, value) => {
      for (const [name, field] of fields) field.write(writer, (value as Record<string, unknown>)[name]);
    },
  };
}

/** A whole message: bytes to record and back. */
export interface Codec<T> {
  /** The bytes of `value`. @throws {RangeError} when a value does not fit its field */
  encode(value: T): Uint8Array<ArrayBuffer>;
  /** The record of `bytes`, which it does not keep. @throws {ProtocolError} for anything malformed */
  decode(bytes: Uint8Array): T;
}

/** The record of a codec. */
export type MessageOf<C> = C extends Codec<infer T> ? T : never;

/**
 * A message that ends with its last field; one byte more or less is refused.
 *
 * @param length its total length in bytes, where that is fixed: checked before anything is read
 */
export function strict<const S extends Shape>(shape: S, length?: number): Codec<RecordOf<S>> {
  const whole = record(shape);
  return {
    encode: (value) => encodeWhole(whole, value, length),
    decode: (bytes) => {
      if (length !== undefined && bytes.length !== length) {
        throw new ProtocolError(`message has ${bytes.length} bytes instead of ${length}`);
      }
      const reader = new ByteReader(bytes);
      const value = whole.read(reader);
      reader.done();
      return value;
    },
  };
}

/** A message that later versions may lengthen: what follows the last field is ignored. */
export function lax<const S extends Shape>(shape: S): Codec<RecordOf<S>> {
  const whole = record(shape);
  return {
    encode: (value) => encodeWhole(whole, value),
    decode: (bytes) => whole.read(new ByteReader(bytes)),
  };
}

function encodeWhole<T>(whole: Field<T>, value: T, length?: number): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  whole.write(writer, value);
  if (length !== undefined) fits("bytes in a message", writer.length, length, length);
  return writer.finish();
}

/** A count from outside, if it is allowed. */
function capped(what: string, count: number, min: number, max: number): number {
  if (count < min || count > max) throw new ProtocolError(`${count} ${what}: ${min} to ${max} are allowed`);
  return count;
}

function fits(what: string, count: number, min: number, max: number): void {
  if (count < min || count > max) throw new RangeError(`Cannot write ${count} ${what}: ${min} to ${max} are allowed`);
}
