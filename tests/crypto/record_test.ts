import assert from "node:assert/strict";
import { toHex, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openRecord, recordAssociatedData, recordNonce, sealRecord } from "../../src/crypto/record.ts";
import { hex } from "./vectors.ts";

const SALT = hex("a0a1a2a3a4a5a6a7a8a9aaab");
const SEQUENCE = hex("0100000000000041");

Deno.test("recordNonce is salt | sequence for AES-256-GCM and salt xor sequence for ChaCha20-Poly1305", () => {
  assert.equal(toHex(recordNonce(1, SALT, SEQUENCE)), "a0a1a2a30100000000000041");
  assert.equal(toHex(recordNonce(2, SALT, SEQUENCE)), "a0a1a2a3a5a5a6a7a8a9aaea");
});

Deno.test("recordAssociatedData is that of a TLS 1.2 record", () => {
  assert.equal(toHex(recordAssociatedData(SEQUENCE, 0x0546)), "01000000000000411703030546");
  assert.throws(() => recordAssociatedData(SEQUENCE, 65536), RangeError);
});

Deno.test("openRecord opens what sealRecord sealed, only at its own sequence", () => {
  const random = seededRandom(3);
  const keys = { key: random.bytes(32), salt: random.bytes(12) };
  for (const aead of [1, 2] as const) {
    const sealed = sealRecord(aead, keys, SEQUENCE, utf8("message"));
    assert.deepEqual(openRecord(aead, keys, SEQUENCE, sealed), utf8("message"));
    assert.equal(openRecord(aead, keys, hex("0100000000000042"), sealed), null);
    assert.equal(openRecord(aead, keys, hex("0200000000000041"), sealed), null);
    assert.equal(openRecord(aead, keys, SEQUENCE, sealed.subarray(0, 15)), null);
    assert.equal(openRecord(aead, keys, SEQUENCE, new Uint8Array(65536 + 16)), null);
  }
});

Deno.test("recordNonce refuses salts and sequences of another length", () => {
  assert.throws(() => recordNonce(1, SALT.subarray(4), SEQUENCE), RangeError);
  assert.throws(() => recordNonce(1, SALT, SEQUENCE.subarray(1)), RangeError);
});
