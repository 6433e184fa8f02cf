import assert from "node:assert/strict";
import { concat, toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { hmac } from "../../src/crypto/hash.ts";
import { deriveKeymat, prfPlus } from "../../src/crypto/keymat.ts";
import { hex, readVectors } from "./vectors.ts";

Deno.test("prfPlus matches the IKEv2 derivation of NIST over SHA-256", () => {
  const { key, seed, output } = readVectors("prf_plus.json");
  assert.equal(toHex(prfPlus("sha256", hex(key), hex(seed), output.length / 2)), output);
  assert.equal(output.length, 448);
});

Deno.test("deriveKeymat cuts T1 | T2 | T3 | T4 at 32, 52 and 72 bytes", () => {
  const random = seededRandom(5);
  const [shared, nonceI, nonceR] = [random.bytes(256), random.bytes(128), random.bytes(128)];
  const t1 = hmac("sha1", shared, concat(nonceI, nonceR, Uint8Array.of(1)));
  const t2 = hmac("sha1", shared, concat(t1, nonceI, nonceR, Uint8Array.of(2)));
  const t3 = hmac("sha1", shared, concat(t2, nonceI, nonceR, Uint8Array.of(3)));
  const t4 = hmac("sha1", shared, concat(t3, nonceI, nonceR, Uint8Array.of(4)));
  const stream = concat(t1, t2, t3, t4);
  assert.deepEqual(deriveKeymat(shared, nonceI, nonceR), {
    cipherKey: new Uint8Array(stream.slice(0, 32)),
    macKey: new Uint8Array(stream.slice(32, 52)),
    confirmKey: new Uint8Array(stream.slice(52, 72)),
  });
});

Deno.test("deriveKeymat gives other keys when the nonces change places", () => {
  const random = seededRandom(6);
  const [shared, nonceI, nonceR] = [random.bytes(256), random.bytes(128), random.bytes(128)];
  assert.notDeepEqual(deriveKeymat(shared, nonceI, nonceR), deriveKeymat(shared, nonceR, nonceI));
});

Deno.test("prfPlus ends at 255 blocks", () => {
  const key = new Uint8Array(20);
  assert.equal(prfPlus("sha1", key, key, 5100).length, 5100);
  assert.throws(() => prfPlus("sha1", key, key, 5101), RangeError);
});
