import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ByteReader,
  ByteWriter,
  concat,
  equalBytes,
  fromBase64Url,
  fromHex,
  fromUtf8,
  toBase64Url,
  toHex,
  utf8,
} from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";

Deno.test("concat joins its parts in order into a new array", () => {
  const part = Uint8Array.of(1, 2);
  const whole = concat(part, new Uint8Array(), Uint8Array.of(3));
  part[0] = 9;
  assert.deepEqual(whole, Uint8Array.of(1, 2, 3));
});

Deno.test("equalBytes compares length and every byte", () => {
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
  assert.equal(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2)), false);
});

Deno.test("toHex and fromHex are inverse", () => {
  assert.equal(toHex(Uint8Array.of(0, 0x0f, 0xff)), "000fff");
  assert.deepEqual(fromHex("000fFF"), Uint8Array.of(0, 0x0f, 0xff));
});

Deno.test("fromHex refuses odd lengths and other characters", () => {
  for (const text of ["0", "0g", " 00", "00\n", "0x00"]) assert.throws(() => fromHex(text), ProtocolError, text);
});

Deno.test("toBase64Url and fromBase64Url are inverse for any bytes", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => equalBytes(fromBase64Url(toBase64Url(bytes)), bytes)));
  assert.equal(toBase64Url(Uint8Array.of(0xfb, 0xff)), "-_8");
});

Deno.test("fromBase64Url accepts one spelling only", () => {
  // Padding, stray low bits, white space, the other alphabet, an impossible length.
  for (const text of ["-_8=", "-_9", "-_ 8", "-_8\n", "+/8", "A"]) {
    assert.throws(() => fromBase64Url(text), ProtocolError, JSON.stringify(text));
  }
});

Deno.test("fromUtf8 gives back what utf8 took, byte order mark included", () => {
  assert.equal(fromUtf8(utf8("\ufeffBúri 🐄")), "\ufeffBúri 🐄");
});

Deno.test("fromUtf8 refuses malformed text", () => {
  // A stray continuation, an overlong slash, a surrogate, a cut sequence.
  for (const hex of ["80", "c0af", "eda080", "f09f90"]) {
    assert.throws(() => fromUtf8(fromHex(hex)), ProtocolError, hex);
  }
});

Deno.test("ByteReader reads big-endian fields from a view with an offset", () => {
  const bytes = fromHex("ee01fffe89abcdefffffffffffffffff0a0b0c").subarray(1);
  const reader = new ByteReader(bytes);
  assert.equal(reader.u8(), 1);
  assert.equal(reader.u16(), 0xfffe);
  assert.equal(reader.u32(), 0x89abcdef);
  assert.equal(reader.u64(), 2n ** 64n - 1n);
  assert.deepEqual(reader.bytes(1), Uint8Array.of(0x0a));
  assert.equal(reader.remaining, 2);
  assert.deepEqual(reader.rest(), Uint8Array.of(0x0b, 0x0c));
  reader.done();
});

Deno.test("ByteReader refuses to read past the end, whatever the field", () => {
  const fields: [number, (reader: ByteReader) => unknown][] = [
    [0, (reader) => reader.u8()],
    [1, (reader) => reader.u16()],
    [3, (reader) => reader.u32()],
    [7, (reader) => reader.u64()],
    [4, (reader) => reader.bytes(5)],
  ];
  for (const [length, read] of fields) {
    const reader = new ByteReader(new Uint8Array(length));
    assert.throws(() => read(reader), { name: "ProtocolError", message: /^truncated message/ });
    assert.equal(reader.remaining, length);
  }
});

Deno.test("ByteReader.bytes does not allocate a length that was only claimed", () => {
  assert.throws(() => new ByteReader(new Uint8Array(4)).bytes(2 ** 52), ProtocolError);
});

Deno.test("ByteReader.bytes refuses a length that is no length", () => {
  const reader = new ByteReader(new Uint8Array(4));
  reader.u16();
  for (const length of [-1, 0.5, NaN]) assert.throws(() => reader.bytes(length), RangeError);
});

Deno.test("ByteReader.bytes copies, so that the buffer may be reused", () => {
  const buffer = Uint8Array.of(1, 2);
  const copy = new ByteReader(buffer).rest();
  buffer.fill(9);
  assert.deepEqual(copy, Uint8Array.of(1, 2));
});

Deno.test("ByteReader.done refuses trailing bytes", () => {
  assert.throws(() => new ByteReader(new Uint8Array(1)).done(), {
    name: "ProtocolError",
    message: /^trailing bytes: 1/,
  });
});

Deno.test("ByteWriter writes what ByteReader reads, growing as needed", () => {
  fc.assert(fc.property(
    fc.record({
      a: fc.nat(0xff),
      b: fc.nat(0xffff),
      c: fc.nat(0xffff_ffff),
      d: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      rest: fc.uint8Array({ maxLength: 200 }),
    }),
    ({ a, b, c, d, rest }) => {
      const writer = new ByteWriter(1).u8(a).u16(b).u32(c).u64(d).bytes(rest);
      assert.equal(writer.length, 15 + rest.length);
      const reader = new ByteReader(writer.finish());
      assert.deepEqual([reader.u8(), reader.u16(), reader.u32(), reader.u64()], [a, b, c, d]);
      assert.deepEqual(reader.rest(), rest);
    },
  ));
});

Deno.test("ByteWriter refuses a number that does not fit its field", () => {
  for (const value of [-1, 256, 1.5, NaN]) assert.throws(() => new ByteWriter().u8(value), RangeError);
  assert.throws(() => new ByteWriter().u16(0x1_0000), RangeError);
  assert.throws(() => new ByteWriter().u32(0x1_0000_0000), RangeError);
  for (const value of [-1n, 2n ** 64n]) assert.throws(() => new ByteWriter().u64(value), RangeError);
});

Deno.test("ByteWriter.finish gives a copy that later writes leave alone", () => {
  const writer = new ByteWriter().u8(1);
  const first = writer.finish();
  writer.u8(2);
  assert.deepEqual(first, Uint8Array.of(1));
  assert.deepEqual(writer.finish(), Uint8Array.of(1, 2));
});
