import { equal, throws } from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import {
  addKeyProofInput,
  classicAuthInput,
  classicConfirmInput,
  classicConfirmTranscript,
  classicInitiatorInput,
  classicResponderInput,
  exchangeCookieInput,
  modernClientInput,
  modernIdentityInput,
  modernKeyInfo,
  modernSignatureInput,
  modernTranscriptInput,
  registerProofInput,
  rotateKeyProofInput,
} from "../../src/protocol/mod.ts";
import { fill, hx } from "./sample.ts";

const ascii = (text: string): string => toHex(new TextEncoder().encode(text));
const CLASSIC = { nonceI: fill(128, 1), nonceR: fill(128, 2), publicValueI: fill(256, 3), publicValueR: fill(256, 4) };

Deno.test("Signature inputs of suite 1 put the signer's nonce first, and AUTH the suite before it", () => {
  const [Ni, Nr, Gi, Gr] = [hx(128, 1), hx(128, 2), hx(256, 3), hx(256, 4)];
  equal(toHex(classicInitiatorInput(CLASSIC)), Ni + Nr + Gi + Gr);
  equal(toHex(classicResponderInput(CLASSIC)), Nr + Ni + Gr + Gi);
  equal(toHex(classicAuthInput(CLASSIC)), "00000001" + Ni + Nr + Gi + Gr);
});

Deno.test("Proofs of possession have labels of their own", () => {
  const values = { keyType: 2, binding: fill(32, 1), keyHash: fill(32, 2) };
  const tail = "00" + "02" + hx(32, 1) + hx(32, 2);
  equal(toHex(registerProofInput(values)), ascii("buri1 register") + tail);
  equal(toHex(addKeyProofInput(values)), ascii("buri add key") + tail);
  equal(
    toHex(rotateKeyProofInput({ ...values, oldKeyHash: fill(32, 3) })),
    ascii("buri rotate key") + tail + hx(32, 3),
  );
});

Deno.test("classicConfirmInput binds role, identities, SPIs, suite and exchange", () => {
  const input = classicConfirmInput({
    role: "r",
    addressI: 1,
    addressR: 2,
    fingerprintI: fill(32, 3),
    fingerprintR: fill(32, 4),
    spiI: 256,
    spiR: 257,
    exchangeHash: fill(32, 5),
  });
  equal(
    toHex(input),
    ascii("buri1 confirm") + "72" + "00000001" + "00000002" + hx(32, 3) + hx(32, 4) + "00000100" + "00000101" +
      "00000001" + hx(32, 5),
  );
});

Deno.test("classicConfirmTranscript zeroes the cookie of KE1 and leaves the CONFIRM of KE3 out", () => {
  const ke1 = fill(907, 1);
  equal(
    toHex(classicConfirmTranscript(ke1, fill(20, 2), fill(100, 3))),
    hx(9, 1) + hx(16, 0) + hx(882, 1) + hx(20, 2) + hx(32, 3),
  );
  equal(ke1[9], 1, "the datagram itself is left alone");
});

Deno.test("modernTranscriptInput holds everything that was said, in the order of section 5", () => {
  const said = {
    purpose: 2,
    suitesI: [2],
    suitesR: [2, 1],
    offersI: [{ aead: 1, costNs: 10 }],
    offersR: [{ aead: 2, costNs: 20 }],
    capabilitiesI: 3,
    capabilitiesR: 4,
    addressI: 5,
    addressR: 6,
    fingerprintI: fill(32, 7),
    fingerprintR: fill(32, 8),
    spiI: 256,
    spiR: 257,
    epoch: 9,
    network: 10,
    nonceI: fill(32, 11),
    nonceR: fill(32, 12),
    x25519I: fill(32, 13),
    x25519R: fill(32, 14),
    encapsulationKey: fill(1184, 15),
    ciphertext: fill(1088, 16),
    binding: fill(32, 17),
  };
  equal(
    toHex(modernTranscriptInput(said)),
    ascii("buri suite2") + "02" + "01" + "0100000002" + "020000000200000001" + "01010000000a" + "010200000014" +
      "00000003" + "00000004" + "00000005" + "00000006" + hx(32, 7) + hx(32, 8) + "00000100" + "00000101" + "09" +
      "0000000a" + hx(32, 11) + hx(32, 12) + hx(32, 13) + hx(32, 14) + hx(1184, 15) + hx(1088, 16) + hx(32, 17),
  );
  throws(() => modernTranscriptInput({ ...said, suitesI: [] }), RangeError);
});

Deno.test("Signature, identity and key inputs of suite 2 begin with their labels", () => {
  const th = fill(32, 1);
  equal(toHex(modernSignatureInput("peer initiator", th)), ascii("buri suite2 peer initiator") + "00" + hx(32, 1));
  equal(
    toHex(modernIdentityInput("i", { address: 5, fingerprint: fill(32, 2), th })),
    ascii("buri suite2 identity i") + "00" + "00000005" + hx(32, 2) + hx(32, 1),
  );
  equal(toHex(modernClientInput(th, 5, fill(32, 2))), hx(32, 1) + "00000005" + hx(32, 2));
  equal(toHex(modernKeyInfo("data i")), ascii("buri suite2 data i"));
});

Deno.test("exchangeCookieInput binds address, port, SPI and nonce", () => {
  const from = { address: fill(16, 1), port: 258 };
  equal(toHex(exchangeCookieInput(from, 256, fill(32, 2))), hx(16, 1) + "0102" + "00000100" + hx(32, 2));
});
