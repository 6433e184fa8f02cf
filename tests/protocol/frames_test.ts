import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  decodePlainFrame,
  encodeClassicFrameHeader,
  encodeModernFrameHeader,
  encodePlainFrame,
  encodeStreamDatagram,
  FRAME,
  FrameSplitter,
} from "../../src/protocol/mod.ts";

Deno.test("encodePlainFrame writes size, type and body, and refuses more than 4,096 bytes", () => {
  equal(toHex(encodePlainFrame(FRAME.helo, fromHex("aabb"))), "0000000301aabb");
  equal(toHex(encodePlainFrame(FRAME.relayStream)), "0000000105");
  equal(encodePlainFrame(1, new Uint8Array(4095)).length, 4100);
  throws(() => encodePlainFrame(1, new Uint8Array(4096)), RangeError);
});

Deno.test("decodePlainFrame refuses a size that disagrees with the frame, and one without a type", () => {
  deepEqual(decodePlainFrame(fromHex("0000000301aabb")), { type: 1, body: fromHex("aabb") });
  for (const hex of ["0000000401aabb", "0000000201aabb", "00000000", "000000"]) {
    throws(() => decodePlainFrame(fromHex(hex)), ProtocolError, hex);
  }
});

Deno.test("Headers of protected messages count everything after the size field", () => {
  equal(toHex(encodeClassicFrameHeader(3, 16)), "00000030" + "00000003");
  equal(toHex(encodeModernFrameHeader(5)), "00000015");
  throws(() => encodeModernFrameHeader(65535 - 15), RangeError);
  throws(() => encodeClassicFrameHeader(1, 65535 - 31), RangeError);
});

Deno.test("encodeStreamDatagram puts a length of two bytes in front", () => {
  equal(toHex(encodeStreamDatagram(fromHex("0a0b"))), "00020a0b");
  throws(() => encodeStreamDatagram(new Uint8Array(65536)), RangeError);
});

Deno.test("FrameSplitter yields the same frames however the bytes were cut", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 });
  fc.assert(
    fc.property(bodies, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (chosen, cuts) => {
      const frames = chosen.map((body) => encodePlainFrame(1, body));
      const stream = concat(...frames);
      const splitter = new FrameSplitter({ maxSize: 100 });
      const found: Uint8Array[] = [];
      for (let at = 0, n = 0; at < stream.length; n++) {
        const chunk = stream.slice(at, at + cuts[n % cuts.length]!);
        at += chunk.length;
        splitter.push(chunk);
        chunk.fill(0xee);
        for (let frame = splitter.next(); frame !== null; frame = splitter.next()) found.push(frame);
      }
      deepEqual(found, frames);
    }),
  );
});

Deno.test("FrameSplitter refuses a size beyond its limit as soon as it reads it, and raises the limit when told", () => {
  const splitter = new FrameSplitter({ maxSize: 4096 });
  splitter.push(fromHex("00001001"));
  throws(() => splitter.next(), /frame of 4097 bytes/);
  splitter.maxSize = 65535;
  equal(splitter.next(), null);
});

Deno.test("FrameSplitter refuses a size with the top bit set and a size of zero", () => {
  for (const hex of ["ffffffff", "80000000", "00000000"]) {
    const splitter = new FrameSplitter({ maxSize: 65535 });
    splitter.push(fromHex(hex));
    throws(() => splitter.next(), ProtocolError, hex);
  }
});

Deno.test("FrameSplitter hands over the rest where the framing changes", () => {
  const splitter = new FrameSplitter({ maxSize: 4096 });
  splitter.push(fromHex("0000000105" + "00020a0b"));
  equal(toHex(splitter.next()!), "0000000105");
  const after = new FrameSplitter({ sizeLength: 2, maxSize: 65535 });
  after.push(splitter.takeRest());
  equal(toHex(after.next()!), "00020a0b");
  equal(splitter.next(), null);
});
