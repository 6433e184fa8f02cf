import assert from "node:assert/strict";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  ed25519Fingerprint,
  ed25519FromSeed,
  generateEd25519,
  signEd25519,
  verifyEd25519,
} from "../../src/crypto/ed25519.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

Deno.test("signEd25519 and verifyEd25519 match RFC 8032, section 7.1", () => {
  const { cases } = readVectors("ed25519.json");
  for (const { private: seed, public: publicKey, message, signature } of cases) {
    assert.equal(toHex(ed25519FromSeed(hex(seed)).publicKey), publicKey);
    assert.equal(toHex(signEd25519(hex(seed), hex(message))), signature);
    assert.ok(verifyEd25519(hex(publicKey), hex(message), hex(signature)));
  }
  assert.equal(cases.length, 3);
});

Deno.test("verifyEd25519 refuses another message, key and signature, and wrong lengths", () => {
  const random = seededRandom(1);
  const [pair, other] = [generateEd25519(random), generateEd25519(random)];
  const message = utf8("a message");
  const signature = signEd25519(pair.privateKey, message);
  assert.ok(verifyEd25519(pair.publicKey, message, signature));
  assert.equal(verifyEd25519(pair.publicKey, utf8("another"), signature), false);
  assert.equal(verifyEd25519(other.publicKey, message, signature), false);
  assert.equal(verifyEd25519(pair.publicKey, message, signEd25519(other.privateKey, message)), false);
  assert.equal(verifyEd25519(pair.publicKey.subarray(1), message, signature), false);
  assert.equal(verifyEd25519(pair.publicKey, message, signature.subarray(1)), false);
});

Deno.test("ed25519FromSeed refuses a seed of another length", () => {
  assert.throws(() => ed25519FromSeed(new Uint8Array(31)), RangeError);
});

Deno.test("ed25519Fingerprint is SHA-256 of the 32 bytes", () => {
  const { publicKey } = generateEd25519(seededRandom(2));
  assert.deepEqual(ed25519Fingerprint(publicKey), sha256(publicKey));
});

testExternal("verifyEd25519 agrees with 151 cases of Wycheproof", ["ed25519.json"], (file) => {
  const counts: Record<string, number> = { valid: 0, invalid: 0 };
  for (const { group, test, label } of casesOf(file)) {
    assert.equal(verifyEd25519(hex(group.publicKey.pk), hex(test.msg), hex(test.sig)), test.result === "valid", label);
    counts[test.result]!++;
  }
  assert.deepEqual(counts, { valid: 88, invalid: 63 });
});
