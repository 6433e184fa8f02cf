import assert from "node:assert/strict";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { hmac, sha1, sha256 } from "../../src/crypto/hash.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

Deno.test("sha1 and sha256 match FIPS 180 for one block, and take parts as one message", () => {
  assert.equal(toHex(sha1(utf8("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert.equal(toHex(sha256(utf8("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.deepEqual(sha256(utf8("a"), utf8(""), utf8("bc")), sha256(utf8("abc")));
  assert.deepEqual(sha1(utf8("a"), utf8("bc")), sha1(utf8("abc")));
});

Deno.test("hmac matches the 7 cases of RFC 2202, case 5 truncated to 96 bits too", () => {
  const { cases } = readVectors("hmac_sha1.json");
  for (const { key, data, digest } of cases) assert.equal(toHex(hmac("sha1", hex(key), hex(data))), digest);
  assert.equal(cases.length, 7);
  assert.equal(toHex(hmac("sha1", hex(cases[4].key), hex(cases[4].data)).subarray(0, 12)), cases[4].digest96);
});

Deno.test("hmac takes parts as one message and an empty key", () => {
  const key = utf8("key");
  assert.deepEqual(hmac("sha1", key, utf8("ab"), utf8("c")), hmac("sha1", key, utf8("abc")));
  assert.equal(
    toHex(hmac("sha256", new Uint8Array(0), new Uint8Array(0))),
    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
  );
});

testExternal("hmac matches 170 cases of Wycheproof", ["hmac_sha1.json"], (file) => {
  let count = 0;
  for (const { group, test, label } of casesOf(file)) {
    const tag = toHex(hmac("sha1", hex(test.key), hex(test.msg)).subarray(0, group.tagSize / 8));
    assert.equal(tag === test.tag, test.result === "valid", label);
    count++;
  }
  assert.equal(count, 170);
});

testExternal(
  "hmac matches 150 truncations of NIST ACVP, 11 of them to 96 bits",
  ["acvp_hmac_sha1_prompt.json", "acvp_hmac_sha1_expectedResults.json"],
  (prompt, expected) => {
    const macs = new Map(casesOf(expected).map(({ test }) => [test.tcId, test.mac.toLowerCase()]));
    const counts = { all: 0, of96: 0 };
    for (const { test, label } of casesOf(prompt)) {
      const mac = hmac("sha1", hex(test.key), hex(test.msg)).subarray(0, test.macLen / 8);
      assert.equal(toHex(mac), macs.get(test.tcId), label);
      counts.all++;
      if (test.macLen === 96) counts.of96++;
    }
    assert.deepEqual(counts, { all: 150, of96: 11 });
  },
);
