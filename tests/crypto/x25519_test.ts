import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateX25519, refuseZero, x25519FromPrivate, x25519Shared } from "../../src/crypto/x25519.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

const KNOWN = readVectors("x25519.json");

Deno.test("x25519Shared matches RFC 7748, sections 5.2 and 6.1", () => {
  for (const { private: key, public: value, shared } of KNOWN.cases) {
    assert.equal(toHex(x25519Shared(hex(key), hex(value))!), shared);
  }
  assert.equal(KNOWN.cases.length, 2);
  const { alice, bob, shared } = KNOWN;
  assert.equal(toHex(x25519FromPrivate(hex(alice.private)).publicValue), alice.public);
  assert.equal(toHex(x25519FromPrivate(hex(bob.private)).publicValue), bob.public);
  assert.equal(toHex(x25519Shared(hex(alice.private), hex(bob.public))!), shared);
  assert.equal(toHex(x25519Shared(hex(bob.private), hex(alice.public))!), shared);
});

Deno.test("x25519Shared matches the thousandth iteration of RFC 7748, section 5.2", () => {
  let [k, u] = [hex("09" + "00".repeat(31)), hex("09" + "00".repeat(31))];
  for (let i = 1; i <= 1000; i++) {
    [k, u] = [x25519Shared(k, u)!, k];
    if (i === 1) assert.equal(toHex(k), KNOWN.iterated.once);
  }
  assert.equal(toHex(k), KNOWN.iterated.thousandTimes);
});

Deno.test("x25519Shared refuses the values that force an all-zero secret", () => {
  const { privateKey } = generateX25519(seededRandom(7));
  const smallOrder = [
    "00".repeat(32),
    "01" + "00".repeat(31),
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];
  for (const value of smallOrder) assert.equal(x25519Shared(privateKey, hex(value)), null, value);
});

Deno.test("refuseZero is a check of our own, for runtimes that have none", () => {
  assert.equal(refuseZero(new Uint8Array(32)), null);
  for (const at of [0, 15, 31]) {
    const secret = new Uint8Array(32);
    secret[at] = 1;
    assert.equal(refuseZero(secret), secret);
  }
});

Deno.test("x25519Shared refuses values of 31 and 33 bytes", () => {
  const { privateKey, publicValue } = generateX25519(seededRandom(8));
  assert.equal(x25519Shared(privateKey, publicValue.subarray(1)), null);
  assert.equal(x25519Shared(privateKey, new Uint8Array([...publicValue, 0])), null);
});

testExternal(
  "x25519Shared agrees with 518 cases of Wycheproof, refusing only zero secrets",
  ["x25519.json"],
  (file) => {
    const counts = { computed: 0, refused: 0 };
    for (const { test, label } of casesOf(file)) {
      const shared = x25519Shared(hex(test.private), hex(test.public));
      if (shared === null) {
        assert.match(test.shared, /^0+$/, label);
        counts.refused++;
      } else {
        assert.equal(toHex(shared), test.shared, label);
        counts.computed++;
      }
    }
    assert.deepEqual(counts, { computed: 487, refused: 31 });
  },
);
