import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { ByteReader, ByteWriter, concat, fromHex, toHex, utf8 } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  blob,
  bytes,
  constant,
  endpoint,
  type Field,
  flag,
  lax,
  list,
  record,
  rest,
  shortList,
  strict,
  text,
  u16,
  u32,
  u64,
  u8,
  zeros,
  zerosTo,
} from "../../src/protocol/mod.ts";

const read = <T>(field: Field<T>, hex: string): T => field.read(new ByteReader(fromHex(hex)));
const write = <T>(field: Field<T>, value: T): string => {
  const writer = new ByteWriter();
  field.write(writer, value);
  return toHex(writer.finish());
};

Deno.test("Integer fields are big-endian and unsigned, also with the top bit set", () => {
  equal(read(u8, "ff"), 255);
  equal(read(u16, "fffe"), 0xfffe);
  equal(read(u32, "80000000"), 2 ** 31);
  equal(read(u64, "ffffffffffffffff"), 2n ** 64n - 1n);
  equal(write(u32, 2 ** 32 - 1), "ffffffff");
});

Deno.test("flag refuses anything but 0 and 1", () => {
  equal(read(flag, "01"), true);
  equal(read(flag, "00"), false);
  throws(() => read(flag, "02"), ProtocolError);
  equal(write(flag, true) + write(flag, false), "0100");
});

Deno.test("blob refuses a length above its cap before it reads", () => {
  deepEqual(read(blob(3), "0003010203"), fromHex("010203"));
  throws(() => read(blob(3), "0004"), /4 bytes in a blob: 0 to 3/);
  throws(() => write(blob(3), new Uint8Array(4)), RangeError);
});

Deno.test("list and shortList refuse counts outside their limits before they read an item", () => {
  deepEqual(read(list(u8, { max: 2 }), "00020a0b"), [10, 11]);
  throws(() => read(list(u8, { max: 2 }), "ffff"), /65535 items in a list: 0 to 2/);
  throws(() => read(shortList(u32, { min: 1, max: 4 }), "00"), /0 items in a list: 1 to 4/);
  throws(() => write(shortList(u8, { max: 1 }), [1, 2]), RangeError);
  throws(() => write(shortList(u8, { min: 1, max: 1 }), []), RangeError);
});

Deno.test("text counts bytes, not characters", () => {
  equal(write(text(3), "é!"), "0003c3a921");
  throws(() => write(text(2), "é!"), RangeError);
  throws(() => read(text(2), "0003c3a921"), ProtocolError);
});

Deno.test("text refuses what could deceive a reader or a comparison", () => {
  const hostile: Record<string, Uint8Array> = {
    "a C0 control": utf8("a\u001bb"),
    "a line feed": utf8("a\nb"),
    "DEL": utf8("a\u007f"),
    "a C1 control": utf8("a\u009bb"),
    "a zero byte": utf8("a\u0000"),
    "letter and combining accent apart (not NFC)": utf8("e\u0301"),
    "an overlong form": fromHex("c0af"),
    "a surrogate in UTF-8": fromHex("eda080"),
    "a lone continuation byte": fromHex("80"),
    "a cut sequence": fromHex("e282"),
  };
  for (const [what, encoded] of Object.entries(hostile)) {
    const hex = toHex(concat(Uint8Array.of(0, encoded.length), encoded));
    throws(() => read(text(16), hex), ProtocolError, what);
  }
  for (const value of ["a\nb", "e\u0301", "\ud800"]) throws(() => write(text(16), value), RangeError);
});

Deno.test("bytes writes only values of its length", () => {
  throws(() => write(bytes(4), new Uint8Array(3)), RangeError);
  throws(() => write(endpoint, { address: new Uint8Array(4), port: 1 }), RangeError);
});

Deno.test("constant, zeros and zerosTo refuse other bytes and stay out of the record", () => {
  const codec = strict({ version: constant(u8, 1, "version"), value: u8, gap: zeros(2), tail: zerosTo(6) }, 6);
  deepEqual(codec.decode(fromHex("010700000000")), { value: 7 });
  equal(toHex(codec.encode({ value: 7 })), "010700000000");
  throws(() => codec.decode(fromHex("020700000000")), /version must be 1, not 2/);
  throws(() => codec.decode(fromHex("010700010000")), /padding/);
  throws(() => codec.decode(fromHex("010700000001")), /padding/);
});

Deno.test("strict checks a fixed length before it reads, lax none", () => {
  throws(() => strict({ value: u8 }, 2).encode({ value: 1 }), RangeError);
  throws(() => strict({ value: u8, rest }, 3).decode(fromHex("0102")), /2 bytes instead of 3/);
  deepEqual(lax({ value: u8 }).decode(fromHex("0102")), { value: 1 });
});

Deno.test("Records round-trip for any values", () => {
  const codec = strict({
    a: u8,
    b: u16,
    c: u32,
    d: u64,
    e: bytes(5),
    f: blob(40),
    g: text(400),
    h: flag,
    i: list(record({ x: u8, y: text(40) }), { max: 5 }),
    j: shortList(endpoint, { max: 5 }),
    k: rest,
  });
  const octets = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Uint8Array.from(b));
  const plain = (maxLength: number) =>
    fc.string({ unit: "grapheme", maxLength }).map((s) => s.normalize("NFC").replace(/\p{Cc}/gu, ""))
      .filter((s) => s.normalize("NFC") === s && s.isWellFormed() && utf8(s).length <= 40);
  const value = fc.record({
    a: fc.integer({ min: 0, max: 255 }),
    b: fc.integer({ min: 0, max: 65535 }),
    c: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    d: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    e: octets(5),
    f: fc.uint8Array({ maxLength: 40 }).map((b) => Uint8Array.from(b)),
    g: plain(20),
    h: fc.boolean(),
    i: fc.array(fc.record({ x: fc.integer({ min: 0, max: 255 }), y: plain(8) }, { noNullPrototype: true }), {
      maxLength: 5,
    }),
    j: fc.array(
      fc.record({ address: octets(16), port: fc.integer({ min: 0, max: 65535 }) }, { noNullPrototype: true }),
      { maxLength: 5 },
    ),
    k: fc.uint8Array({ maxLength: 20 }).map((b) => Uint8Array.from(b)),
  }, { noNullPrototype: true });
  fc.assert(fc.property(value, (record) => deepEqual(codec.decode(codec.encode(record)), record)), { numRuns: 300 });
});
