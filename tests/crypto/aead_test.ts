import assert from "node:assert/strict";
import { concat, toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type AeadId, openAead, sealAead } from "../../src/crypto/aead.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

const AEADS: [AeadId, string][] = [[1, "AES-256-GCM"], [2, "ChaCha20-Poly1305"]];

Deno.test("sealAead matches RFC 8439 and the GCM specification", () => {
  const { cases } = readVectors("aead.json");
  for (const { aead, key, nonce, associatedData, plaintext, ciphertext, tag } of cases) {
    const sealed = sealAead(aead, hex(key), hex(nonce), hex(associatedData), hex(plaintext));
    assert.equal(toHex(sealed), ciphertext + tag);
    assert.equal(toHex(openAead(aead, hex(key), hex(nonce), hex(associatedData), sealed)!), plaintext);
  }
  assert.deepEqual(cases.map((known: { aead: number }) => known.aead), [2, 1]);
});

Deno.test("openAead refuses any one bit changed, other associated data, another nonce and another key", () => {
  const random = seededRandom(4);
  const [key, nonce, data] = [random.bytes(32), random.bytes(12), random.bytes(13)];
  for (const [aead, name] of AEADS) {
    const sealed = sealAead(aead, key, nonce, data, utf8("message"));
    assert.deepEqual(openAead(aead, key, nonce, data, sealed), utf8("message"), name);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(openAead(aead, key, nonce, data, changed), null, `${name}, bit ${bit}`);
    }
    assert.equal(openAead(aead, key, nonce, concat(data, Uint8Array.of(0)), sealed), null, name);
    assert.equal(openAead(aead, key, random.bytes(12), data, sealed), null, name);
    assert.equal(openAead(aead, random.bytes(32), nonce, data, sealed), null, name);
  }
});

Deno.test("openAead refuses every truncation, down to nothing", () => {
  const [key, nonce, none] = [new Uint8Array(32), new Uint8Array(12), new Uint8Array(0)];
  for (const [aead, name] of AEADS) {
    const sealed = sealAead(aead, key, nonce, none, utf8("message"));
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(openAead(aead, key, nonce, none, sealed.subarray(0, length)), null, `${name}, ${length} bytes`);
    }
  }
});

Deno.test("sealAead takes an empty plaintext and refuses keys and nonces of another length", () => {
  const none = new Uint8Array(0);
  for (const [aead] of AEADS) {
    assert.equal(sealAead(aead, new Uint8Array(32), new Uint8Array(12), none, none).length, 16);
    assert.throws(() => sealAead(aead, new Uint8Array(16), new Uint8Array(12), none, none), RangeError);
    assert.throws(() => sealAead(aead, new Uint8Array(32), new Uint8Array(8), none, none), RangeError);
  }
});

/** Runs the cases of a file that have our key and nonce lengths; the others must be refused as our own mistakes. */
function runWycheproof(aead: AeadId, file: unknown): { valid: number; invalid: number; otherLengths: number } {
  const counts = { valid: 0, invalid: 0, otherLengths: 0 };
  for (const { group, test, label } of casesOf(file)) {
    const [key, nonce, data] = [hex(test.key), hex(test.iv), hex(test.aad)];
    const sealed = concat(hex(test.ct), hex(test.tag));
    if (group.keySize !== 256 || group.ivSize !== 96) {
      assert.throws(() => openAead(aead, key, nonce, data, sealed), RangeError, label);
      counts.otherLengths++;
    } else if (test.result === "valid") {
      assert.equal(toHex(sealAead(aead, key, nonce, data, hex(test.msg))), test.ct + test.tag, label);
      assert.equal(toHex(openAead(aead, key, nonce, data, sealed)!), test.msg, label);
      counts.valid++;
    } else {
      assert.equal(openAead(aead, key, nonce, data, sealed), null, label);
      counts.invalid++;
    }
  }
  return counts;
}

testExternal("sealAead and openAead agree with 66 cases of Wycheproof for AES-256-GCM", ["aes_gcm.json"], (file) => {
  assert.deepEqual(runWycheproof(1, file), { valid: 39, invalid: 27, otherLengths: 250 });
});

testExternal("sealAead and openAead agree with 316 cases of Wycheproof for ChaCha20-Poly1305", [
  "chacha20_poly1305.json",
], (file) => {
  assert.deepEqual(runWycheproof(2, file), { valid: 256, invalid: 60, otherLengths: 9 });
});
