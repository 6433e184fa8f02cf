import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { hkdf, hkdfExpand, hkdfExtract } from "../../src/crypto/hkdf.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

Deno.test("hkdf matches RFC 5869, A.1 to A.3", () => {
  const { cases } = readVectors("hkdf_sha256.json");
  for (const { ikm, salt, info, prk, okm } of cases) {
    assert.equal(toHex(hkdfExtract(hex(salt), hex(ikm))), prk);
    assert.equal(toHex(hkdfExpand(hex(prk), hex(info), okm.length / 2)), okm);
    assert.equal(toHex(hkdf(hex(salt), hex(ikm), hex(info), okm.length / 2)), okm);
  }
  assert.equal(cases.length, 3);
});

Deno.test("hkdfExpand ends at 255 blocks", () => {
  const key = new Uint8Array(32);
  assert.equal(hkdfExpand(key, key, 8160).length, 8160);
  assert.throws(() => hkdfExpand(key, key, 8161), RangeError);
});

testExternal("hkdf agrees with 86 cases of Wycheproof", ["hkdf_sha256.json"], (file) => {
  const counts = { derived: 0, refused: 0 };
  for (const { test, label } of casesOf(file)) {
    const derive = () => hkdf(hex(test.salt), hex(test.ikm), hex(test.info), test.size);
    if (test.result === "valid") {
      assert.equal(toHex(derive()), test.okm, label);
      counts.derived++;
    } else {
      assert.throws(derive, RangeError, label);
      counts.refused++;
    }
  }
  assert.equal(counts.derived + counts.refused, 86);
  assert.equal(counts.refused, 3);
});
