import { deepEqual, equal, throws } from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { mappedIpv4, parseIpv4 } from "../../src/base/ip.ts";
import {
  BIND_REFUSED,
  bindSecretInput,
  classicExchange,
  DATAGRAM,
  datagramSpi,
  datagramType,
  discovery,
  encodeWithMac,
  isExchangeType,
  macInput,
  MODERN_KE1A_LENGTH,
  modernExchange,
  relayCookieInput,
  ticketBody,
  ticketSignatureInput,
} from "../../src/protocol/mod.ts";
import { fill } from "./sample.ts";

Deno.test("DATAGRAM and BIND_REFUSED keep their numbers", () => {
  deepEqual(Object.entries(DATAGRAM).map(([name, type]) => `${type.toString(16)} ${name}`), [
    "1 discover",
    "2 discovered",
    "3 discoveryTest",
    "f cookie",
    "11 classicKe1",
    "12 classicKe2",
    "13 classicKe3",
    "14 classicConfirm",
    "21 modernKe1a",
    "22 modernKe1b",
    "23 modernKe2a",
    "24 modernKe2b",
    "25 modernKe3",
    "30 punch",
    "40 bind",
    "41 challenge",
    "42 bound",
    "43 bindRefused",
    "44 unbind",
  ]);
  deepEqual(BIND_REFUSED, { ticketInvalid: 1, expired: 2, revoked: 3, full: 4, spiInUse: 5 });
});

Deno.test("datagramType tells control datagrams from protected ones", () => {
  equal(datagramType(fromHex("0000000030")), 0x30);
  equal(datagramType(fromHex("00000100")), null);
  throws(() => datagramType(fromHex("000000")), ProtocolError);
  throws(() => datagramType(fromHex("00000000")), ProtocolError);
});

Deno.test("datagramSpi finds the SPI of what a relay forwards, and none elsewhere", () => {
  equal(datagramSpi(fromHex("80000100ff")), 0x80000100);
  equal(datagramSpi(fromHex("000000003080000100")), 0x80000100);
  for (const hex of ["000000004080000100", "000000000180000100", "0000000030800001", "000000"]) {
    throws(() => datagramSpi(fromHex(hex)), ProtocolError, hex);
  }
  deepEqual([0x0e, 0x0f, 0x3f, 0x40].map(isExchangeType), [false, true, true, false]);
});

Deno.test("No answer of an exchange is larger than its question, with lists and signatures at their longest", () => {
  const offers = Array.from({ length: 4 }, (_, n) => ({ aead: n + 1, costNs: 1 }));
  const ke2a = modernExchange.ke2a.encode({
    spi: 256,
    hash: fill(32, 1),
    capabilities: 0,
    suites: [1, 2, 3, 4],
    offers,
    nonceR: fill(32, 1),
    x25519R: fill(32, 1),
    signature: fill(64, 1),
    mac: fill(32, 1),
  });
  equal(ke2a.length <= MODERN_KE1A_LENGTH, true);
  const ke2b = modernExchange.ke2b.encode({ spi: 256, ciphertext: fill(1088, 1) });
  equal(ke2b.length <= modernExchange.ke1b.encode({ spi: 256, encapsulationKey: fill(1184, 1) }).length, true);
  const ke1 = { spi: 256, cookie: fill(16, 0), nonceI: fill(128, 1), publicValueI: fill(256, 1) };
  const ke2 = { spi: 256, nonceR: fill(128, 1), publicValueR: fill(256, 1), signature: fill(512, 1) };
  equal(classicExchange.ke2.encode(ke2).length <= classicExchange.ke1.encode(ke1).length, true);
});

Deno.test("encodeWithMac hands everything before the mac to the MAC and appends its first 16 bytes", () => {
  let covered = "";
  const message = encodeWithMac(
    discovery.discover,
    { sessionId: fill(8, 1), counter: 1n, flags: 0 },
    (input) => {
      covered = toHex(input);
      return fill(32, 0xab);
    },
  );
  equal(message.length, 64);
  equal(toHex(message), covered + "ab".repeat(16));
  equal(toHex(macInput(message)), covered);
  equal(macInput(fill(3, 1)).length, 0);
});

Deno.test("Ticket inputs are a label, a zero byte and the 62 bytes before the signature", () => {
  const body = ticketBody(new Uint8Array(126).fill(7, 0, 62));
  equal(toHex(body), "07".repeat(62));
  equal(toHex(ticketSignatureInput(body)), "627572692072656c6179207469636b6574" + "00" + "07".repeat(62));
  equal(toHex(bindSecretInput(body)), "627572692072656c61792062696e64" + "00" + "07".repeat(62));
  throws(() => ticketBody(new Uint8Array(125)), ProtocolError);
});

Deno.test("relayCookieInput names address and port", () => {
  const address = mappedIpv4(parseIpv4("192.0.2.1")!);
  equal(toHex(relayCookieInput({ address, port: 258 })), "00000000000000000000ffffc00002010102");
});
