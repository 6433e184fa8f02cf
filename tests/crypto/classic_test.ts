import assert from "node:assert/strict";
import { concat, toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type ClassicMessageKeys, classicMessageLength, openClassic, sealClassic } from "../../src/crypto/classic.ts";
import { hmac } from "../../src/crypto/hash.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

const random = seededRandom(9);
const KEYS: ClassicMessageKeys = { cipherKey: random.bytes(32), macKey: random.bytes(20) };
const HEADER = Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 65);

/** A message with a right MAC around a ciphertext of our choosing. */
function forge(keys: ClassicMessageKeys, ciphertext: Uint8Array, iv: Uint8Array): Uint8Array {
  const covered = concat(HEADER, ciphertext, iv);
  return concat(covered, hmac("sha1", keys.macKey, covered).subarray(0, 12));
}

Deno.test("sealClassic encrypts as CBC-AES256 of SP 800-38A", () => {
  const { key, iv, plaintext, ciphertext } = readVectors("aes_256_cbc.json");
  const sealed = sealClassic(HEADER, hex(plaintext), { ...KEYS, cipherKey: hex(key) }, hex(iv));
  assert.equal(toHex(sealed.subarray(8, 72)), ciphertext);
});

Deno.test("sealClassic lays out header, ciphertext, iv, mac", () => {
  const iv = random.bytes(16);
  const sealed = sealClassic(HEADER, utf8("a message"), KEYS, iv);
  assert.equal(sealed.length, 8 + 16 + 16 + 12);
  assert.deepEqual(sealed.slice(0, 8), HEADER);
  assert.deepEqual(sealed.slice(24, 40), new Uint8Array(iv));
  assert.deepEqual(sealed.slice(40), hmac("sha1", KEYS.macKey, sealed.subarray(0, 40)).slice(0, 12));
});

Deno.test("openClassic returns what sealClassic sealed, for each length around two blocks", () => {
  for (let length = 0; length <= 33; length++) {
    const plaintext = random.bytes(length);
    const sealed = sealClassic(HEADER, plaintext, KEYS, random.bytes(16));
    assert.equal(sealed.length, classicMessageLength(length));
    assert.deepEqual(openClassic(sealed, KEYS), new Uint8Array(plaintext));
  }
});

Deno.test("openClassic refuses a message with any one bit changed", () => {
  const sealed = sealClassic(HEADER, utf8("a message"), KEYS, random.bytes(16));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(openClassic(changed, KEYS), null, `bit ${bit}`);
  }
});

Deno.test("openClassic refuses every truncation and an added block", () => {
  const sealed = sealClassic(HEADER, random.bytes(40), KEYS, random.bytes(16));
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(openClassic(sealed.subarray(0, length), KEYS), null, `${length} bytes`);
  }
  assert.equal(openClassic(concat(sealed, new Uint8Array(16)), KEYS), null);
});

Deno.test("openClassic refuses the shortest lengths even under a right MAC", () => {
  const iv = random.bytes(16);
  assert.equal(openClassic(forge(KEYS, new Uint8Array(0), iv), KEYS), null);
  assert.equal(openClassic(forge(KEYS, new Uint8Array(15), iv), KEYS), null);
  assert.equal(openClassic(forge(KEYS, new Uint8Array(17), iv), KEYS), null);
});

Deno.test("openClassic refuses other keys", () => {
  const sealed = sealClassic(HEADER, utf8("a message"), KEYS, random.bytes(16));
  assert.equal(openClassic(sealed, { ...KEYS, macKey: random.bytes(20) }), null);
});

Deno.test("sealClassic refuses a header or an iv of another length", () => {
  assert.throws(() => sealClassic(HEADER.subarray(1), utf8(""), KEYS, new Uint8Array(16)), RangeError);
  assert.throws(() => sealClassic(HEADER, utf8(""), KEYS, new Uint8Array(12)), RangeError);
});

testExternal("openClassic agrees with 72 cases of Wycheproof about PKCS#7 padding", ["aes_cbc_pkcs5.json"], (file) => {
  const counts = { valid: 0, invalid: 0 };
  for (const { group, test, label } of casesOf(file)) {
    if (group.keySize !== 256) continue;
    const keys = { ...KEYS, cipherKey: hex(test.key) };
    const opened = openClassic(forge(keys, hex(test.ct), hex(test.iv)), keys);
    if (test.result === "valid") {
      assert.equal(toHex(opened!), test.msg, label);
      assert.equal(toHex(sealClassic(HEADER, hex(test.msg), keys, hex(test.iv)).slice(8, -28)), test.ct, label);
      counts.valid++;
    } else {
      assert.equal(opened, null, label);
      counts.invalid++;
    }
  }
  assert.deepEqual(counts, { valid: 24, invalid: 48 });
});
