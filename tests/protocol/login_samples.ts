import { authFailed, classicLogin, modernLogin, refused, serverPin } from "../../src/protocol/mod.ts";
import { fill, hx, laxOne, OFFERS, OFFERS_HEX, type Sample, strictOne } from "./sample.ts";

export const LOGIN_SAMPLES: Sample[] = [
  strictOne(
    "HELO of suite 1",
    classicLogin.helo,
    { serverKfp: fill(59, 0x61), nonceI: fill(128, 1), publicValueI: fill(256, 2) },
    "00000001" + hx(59, 0x61) + hx(128, 1) + hx(256, 2),
  ),
  strictOne(
    "HELO OK of suite 1",
    classicLogin.heloOk,
    { nonceR: fill(128, 3), publicValueR: fill(256, 4) },
    hx(128, 3) + hx(256, 4),
  ),
  strictOne(
    "AUTH of suite 1",
    classicLogin.auth,
    { identity: 0x0a010203, signature: fill(256, 5) },
    "10" + "0a010203" + "0100" + hx(256, 5),
  ),
  strictOne(
    "AUTH OK of suite 1",
    classicLogin.authOk,
    { publicKey: fill(279, 6), signature: fill(256, 7) },
    "11" + "0117" + hx(279, 6) + "0100" + hx(256, 7),
  ),
  strictOne(
    "REGISTER of suite 1",
    classicLogin.register,
    { nick: "zoë", keys: [{ keyType: 1, publicKey: fill(279, 8), proof: fill(256, 9) }] },
    "12" + "0004" + "7a6fc3ab" + "01" + "01" + "0117" + hx(279, 8) + "0100" + hx(256, 9),
  ),
  strictOne(
    "REGISTER OK of suite 1",
    classicLogin.registerOk,
    { address: 0x0a010203, publicKey: fill(3, 1), signature: fill(2, 2) },
    "13" + "0a010203" + "0003" + hx(3, 1) + "0002" + hx(2, 2),
  ),
  strictOne(
    "HELO of suite 2",
    modernLogin.helo,
    {
      serverFingerprint: fill(32, 0x10),
      capabilities: 0,
      suites: [2, 1],
      offers: OFFERS,
      nonceI: fill(32, 0x11),
      x25519I: fill(32, 0x12),
      encapsulationKey: fill(1184, 0x13),
    },
    "00000002" + "01" + hx(32, 0x10) + "00000000" + "02" + "00000002" + "00000001" + OFFERS_HEX + hx(32, 0x11) +
      hx(32, 0x12) + hx(1184, 0x13),
  ),
  strictOne(
    "HELO OK of suite 2",
    modernLogin.heloOk,
    {
      capabilities: 3,
      suites: [2],
      offers: OFFERS,
      nonceR: fill(32, 0x14),
      x25519R: fill(32, 0x15),
      ciphertext: fill(1088, 0x16),
      signature: fill(64, 0x17),
      mac: fill(32, 0x18),
    },
    "01" + "00000003" + "01" + "00000002" + OFFERS_HEX + hx(32, 0x14) + hx(32, 0x15) + hx(1088, 0x16) + hx(64, 0x17) +
      hx(32, 0x18),
  ),
  strictOne(
    "AUTH of suite 2",
    modernLogin.auth,
    { address: 0x0a010203, publicKey: fill(32, 1), signature: fill(64, 2), mac: fill(32, 3) },
    "10" + "0a010203" + hx(32, 1) + hx(64, 2) + hx(32, 3),
  ),
  strictOne("AUTH OK of suite 2", modernLogin.authOk, {}, "11"),
  strictOne(
    "REGISTER of suite 2",
    modernLogin.register,
    { nick: "ann", publicKey: fill(32, 1), signature: fill(64, 2), mac: fill(32, 3) },
    "12" + "0003" + "616e6e" + hx(32, 1) + hx(64, 2) + hx(32, 3),
  ),
  strictOne("REGISTER OK of suite 2", modernLogin.registerOk, { address: 0x0a010203 }, "13" + "0a010203"),
  laxOne("AUTH FAILED", authFailed, { code: 2, message: "no" }, "1f" + "02" + "0002" + "6e6f"),
  strictOne("REFUSED", refused, { code: 2, retryAfterSeconds: 300 }, "02" + "012c"),
  strictOne(
    "key of an invite",
    serverPin,
    { ed25519: fill(32, 1), rsaSha1: fill(20, 2), rsaSha256: fill(32, 3) },
    "01" + hx(32, 1) + hx(20, 2) + hx(32, 3),
  ),
];
