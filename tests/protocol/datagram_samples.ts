import {
  classicExchange,
  discovery,
  innerFrames,
  modernExchange,
  relayDatagrams,
  ticket,
} from "../../src/protocol/mod.ts";
import {
  CANDIDATES,
  CANDIDATES_HEX,
  ENDPOINT,
  ENDPOINT6,
  ENDPOINT6_HEX,
  ENDPOINT_HEX,
  fill,
  hx,
  laxOne,
  OFFERS,
  OFFERS_HEX,
  type Sample,
  strictOne,
} from "./sample.ts";

export const EXCHANGE_SAMPLES: Sample[] = [
  strictOne("COOKIE", classicExchange.cookie, { spi: 0x1000, cookie: fill(16, 9) }, "000000000f00001000" + hx(16, 9)),
  strictOne(
    "KE1 of suite 1",
    classicExchange.ke1,
    { spi: 0x1000, cookie: fill(16, 0), nonceI: fill(128, 1), publicValueI: fill(256, 2) },
    "000000001100001000" + hx(16, 0) + hx(128, 1) + hx(256, 2) + hx(498, 0),
  ),
  strictOne(
    "KE2 of suite 1",
    classicExchange.ke2,
    { spi: 0x1000, nonceR: fill(128, 1), publicValueR: fill(256, 2), signature: fill(256, 3) },
    "000000001200001000" + hx(128, 1) + hx(256, 2) + "0100" + hx(256, 3),
  ),
  strictOne(
    "KE3 of suite 1",
    classicExchange.ke3,
    {
      spi: 0x1000,
      nonceI: fill(128, 1),
      publicValueI: fill(256, 2),
      signature: fill(256, 3),
      confirmMessage: fill(68, 4),
    },
    "000000001300001000" + hx(128, 1) + hx(256, 2) + "0100" + hx(256, 3) + hx(68, 4),
  ),
  strictOne(
    "CONFIRM of suite 1",
    classicExchange.confirm,
    { spi: 0x1000, confirmMessage: fill(68, 4) },
    "000000001400001000" + hx(68, 4),
  ),
  strictOne("PUNCH", classicExchange.punch, { spi: 0xfffffffe }, "0000000030fffffffe"),
  strictOne(
    "KE1a of suite 2",
    modernExchange.ke1a,
    {
      spi: 0x1000,
      cookie: fill(16, 1),
      hash: fill(32, 2),
      epoch: 7,
      network: 8,
      capabilities: 1,
      suites: [2],
      offers: OFFERS,
      nonceI: fill(32, 3),
      x25519I: fill(32, 4),
    },
    "000000002100001000" + hx(16, 1) + hx(32, 2) + "01" + "07" + "00000008" + "00000001" + "01" + "00000002" +
      OFFERS_HEX + hx(32, 3) + hx(32, 4) + hx(153, 0),
  ),
  strictOne(
    "KE1b of suite 2",
    modernExchange.ke1b,
    { spi: 0x1000, encapsulationKey: fill(1184, 5) },
    "000000002200001000" + hx(1184, 5),
  ),
  strictOne(
    "KE2a of suite 2",
    modernExchange.ke2a,
    {
      spi: 0x1000,
      hash: fill(32, 2),
      capabilities: 1,
      suites: [2, 1],
      offers: OFFERS,
      nonceR: fill(32, 3),
      x25519R: fill(32, 4),
      signature: fill(64, 5),
      mac: fill(32, 6),
    },
    "000000002300001000" + hx(32, 2) + "01" + "00000001" + "02" + "00000002" + "00000001" + OFFERS_HEX + hx(32, 3) +
      hx(32, 4) + hx(64, 5) + hx(32, 6),
  ),
  strictOne(
    "KE2b of suite 2",
    modernExchange.ke2b,
    { spi: 0x1000, ciphertext: fill(1088, 7) },
    "000000002400001000" + hx(1088, 7),
  ),
  strictOne(
    "KE3 of suite 2",
    modernExchange.ke3,
    { spi: 0x1000, signature: fill(64, 1), mac: fill(32, 2) },
    "000000002500001000" + hx(64, 1) + hx(32, 2),
  ),
];

export const DATAGRAM_SAMPLES: Sample[] = [
  strictOne(
    "DISCOVER",
    discovery.discover,
    { sessionId: fill(8, 1), counter: 2n, flags: 1, mac: fill(16, 3) },
    "0000000001" + hx(8, 1) + "0000000000000002" + "01" + hx(26, 0) + hx(16, 3),
  ),
  strictOne(
    "DISCOVERED",
    discovery.discovered,
    { counter: 2n, endpoint: ENDPOINT, socket: 2, mac: fill(16, 3) },
    "0000000002" + "0000000000000002" + ENDPOINT_HEX + "02" + hx(16, 3),
  ),
  strictOne(
    "TEST",
    discovery.test,
    { sessionId: fill(8, 1), counter: 2n, endpoint: ENDPOINT, mac: fill(16, 3) },
    "0000000003" + hx(8, 1) + "0000000000000002" + ENDPOINT_HEX + hx(9, 0) + hx(16, 3),
  ),
  strictOne(
    "ticket",
    ticket,
    {
      relayId: fill(16, 1),
      spi: 256,
      peerSpi: 257,
      class: 2,
      rateKbit: 8000,
      issuedAt: 1n,
      expiresAt: 86400001n,
      ticketId: fill(16, 2),
      signature: fill(64, 3),
    },
    "01" + hx(16, 1) + "00000100" + "00000101" + "02" + "00001f40" + "0000000000000001" + "0000000005265c01" +
      hx(16, 2) + hx(64, 3),
  ),
  strictOne(
    "BIND",
    relayDatagrams.bind,
    { cookie: fill(16, 1), ticket: fill(126, 2), mac: fill(16, 3) },
    "0000000040" + hx(16, 1) + "007e" + hx(126, 2) + hx(16, 3),
  ),
  strictOne(
    "UNBIND",
    relayDatagrams.unbind,
    { cookie: fill(16, 1), ticket: fill(126, 2), mac: fill(16, 3) },
    "0000000044" + hx(16, 1) + "007e" + hx(126, 2) + hx(16, 3),
  ),
  strictOne("CHALLENGE", relayDatagrams.challenge, { cookie: fill(16, 1) }, "0000000041" + hx(16, 1)),
  strictOne(
    "BOUND",
    relayDatagrams.bound,
    { spi: 256, lifetimeSeconds: 60, class: 1 },
    "0000000042" + "00000100" + "003c" + "01",
  ),
  strictOne("REFUSED of a relay", relayDatagrams.refused, { spi: 256, code: 3 }, "0000000043" + "00000100" + "03"),
];

export const INNER_SAMPLES: Sample[] = [
  laxOne("KEEPALIVE", innerFrames.keepalive, {}, ""),
  {
    ...laxOne("PROBE", innerFrames.probe, { probeId: 5n, padding: fill(3, 0) }, "0000000000000005" + "000000"),
    hasRest: true,
  },
  laxOne(
    "PROBE ANSWER",
    innerFrames.probeAnswer,
    { probeId: 5n, endpoint: ENDPOINT6 },
    "0000000000000005" + ENDPOINT6_HEX,
  ),
  {
    ...laxOne("MTU PROBE", innerFrames.mtuProbe, { probeId: 6n, padding: fill(2, 0) }, "0000000000000006" + "0000"),
    hasRest: true,
  },
  laxOne("MTU ANSWER", innerFrames.mtuAnswer, { probeId: 6n, length: 1452 }, "0000000000000006" + "05ac"),
  laxOne("REKEY WANTED", innerFrames.rekeyWanted, {}, ""),
  laxOne("CLOSE", innerFrames.close, { reason: 3 }, "03"),
  strictOne("CONFIRM frame", innerFrames.confirm, { mac: fill(20, 1) }, hx(20, 1)),
  laxOne(
    "CHAT",
    innerFrames.chat,
    { messageId: fill(16, 1), networkId: 9, sentAt: 1_700_000_000_000n, message: "hi" },
    hx(16, 1) + "00000009" + "0000018bcfe56800" + "0002" + "6869",
  ),
  laxOne("CHAT ACK", innerFrames.chatAck, { messageId: fill(16, 1) }, hx(16, 1)),
  laxOne(
    "NAT frame",
    innerFrames.nat,
    { mapping: 3, filtering: 0, searching: true, endpoint: ENDPOINT, step: 0xffff, low: 20000, high: 20063 },
    "03" + "00" + "01" + ENDPOINT_HEX + "ffff" + "4e20" + "4e5f",
  ),
  laxOne("ENDPOINTS frame", innerFrames.endpoints, { candidates: CANDIDATES }, "02" + CANDIDATES_HEX),
];
