import { deepEqual, equal, throws } from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  additionalData,
  chachaNonce,
  decodeClassicDataHeader,
  decodeInnerFrame,
  decodeModernDataHeader,
  encodeClassicDataHeader,
  encodeDataCounter,
  encodeInnerFrame,
  encodeModernDataHeader,
  encodeStreamCounter,
  gcmNonce,
  INNER_FRAME,
  plainAdditionalData,
} from "../../src/protocol/mod.ts";

const SALT = fromHex("0102030405060708090a0b0c");

Deno.test("Data headers of suite 1 and 2 have the bytes of sections 9.1 and 9.2", () => {
  equal(toHex(encodeClassicDataHeader({ spi: 0x80000100, id: 65 })), "8000010000000041");
  deepEqual(decodeClassicDataHeader(fromHex("8000010000000041ff")), { spi: 0x80000100, id: 65 });
  equal(toHex(encodeModernDataHeader({ spi: 256, epoch: 255, sequence: 2 ** 28 - 1 })), "00000100ff0000000fffffff");
  deepEqual(decodeModernDataHeader(fromHex("00000100ff0000000fffffffee")), {
    spi: 256,
    epoch: 255,
    sequence: 2 ** 28 - 1,
  });
});

Deno.test("decodeModernDataHeader refuses sequence 0, 2^28 and anything in the upper bytes", () => {
  for (const sequence of ["00000000000000", "00000010000000", "00000100000001", "01000000000001", "ffffffffffffff"]) {
    throws(() => decodeModernDataHeader(fromHex("0000010000" + sequence)), ProtocolError, sequence);
  }
  throws(() => decodeModernDataHeader(fromHex("0000010000000000000001").subarray(0, 11)), ProtocolError);
  throws(() => decodeClassicDataHeader(fromHex("00000100000000")), ProtocolError);
});

Deno.test("Nonces and additional data follow the counter", () => {
  const counter = encodeDataCounter(2, 3);
  equal(toHex(counter), "0200000000000003");
  equal(toHex(gcmNonce(SALT, counter)), "010203040200000000000003");
  equal(toHex(chachaNonce(SALT, counter)), "01020304070607080" + "90a0b0f");
  equal(toHex(additionalData(counter, 0x0102)), "0200000000000003" + "170303" + "0102");
  equal(toHex(plainAdditionalData(counter, fromHex("0aff"))), "0200000000000003" + "170303" + "0002" + "0aff");
  equal(toHex(encodeStreamCounter(258)), "0000000000000102");
});

Deno.test("INNER_FRAME keeps its type numbers", () => {
  deepEqual(INNER_FRAME, {
    packet: 1,
    partialChecksumPacket: 2,
    keepalive: 3,
    probe: 4,
    probeAnswer: 5,
    mtuProbe: 6,
    mtuAnswer: 7,
    rekeyWanted: 8,
    close: 9,
    confirm: 10,
    chat: 11,
    chatAck: 12,
    endpoints: 13,
    nat: 14,
    ethernet: 32,
  });
});

Deno.test("Inner frames are a type byte and a body; an empty plaintext is none", () => {
  equal(toHex(encodeInnerFrame(INNER_FRAME.close, fromHex("01"))), "0901");
  equal(toHex(encodeInnerFrame(INNER_FRAME.keepalive)), "03");
  deepEqual(decodeInnerFrame(fromHex("0901")), { type: 9, body: fromHex("01") });
  throws(() => decodeInnerFrame(new Uint8Array()), ProtocolError);
});
