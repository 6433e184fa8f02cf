import assert from "node:assert/strict";
import { shake128 } from "@noble/hashes/sha3.js";
import { concat, toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateMlkem, mlkemDecapsulate, mlkemEncapsulate, mlkemFromSeed } from "../../src/crypto/mlkem768.ts";
import { hex, readVectors } from "./vectors.ts";

const KNOWN = readVectors("ml_kem_768.json");
/** FIPS 203, algorithm 17: where the encapsulation key lies in the decapsulation key. */
const ENCAPSULATION_KEY = hex(KNOWN.dk).slice(1152, 2336);

Deno.test("mlkemEncapsulate and mlkemDecapsulate match a known answer of NIST ACVP", () => {
  const made = mlkemEncapsulate(ENCAPSULATION_KEY, hex(KNOWN.m))!;
  assert.equal(toHex(made.ciphertext).toUpperCase(), KNOWN.c);
  assert.equal(toHex(made.secret).toUpperCase(), KNOWN.k);
  assert.equal(toHex(mlkemDecapsulate(hex(KNOWN.dk), hex(KNOWN.c))!).toUpperCase(), KNOWN.k);
});

Deno.test("mlkemFromSeed, encapsulation and implicit rejection match 100 accumulated cases of Go's crypto/mlkem", () => {
  const input = shake128.create();
  const accumulated = shake128.create();
  for (let i = 0; i < 100; i++) {
    const pair = mlkemFromSeed(input.xof(64));
    const made = mlkemEncapsulate(pair.encapsulationKey, input.xof(32))!;
    assert.deepEqual(mlkemDecapsulate(pair.decapsulationKey, made.ciphertext), made.secret);
    const rejected = mlkemDecapsulate(pair.decapsulationKey, input.xof(1088))!;
    accumulated.update(concat(pair.encapsulationKey, made.ciphertext, made.secret, rejected));
  }
  assert.equal(toHex(accumulated.xof(32)), "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415");
});

Deno.test("mlkemEncapsulate refuses keys of a wrong length", () => {
  const randomness = new Uint8Array(32);
  assert.equal(mlkemEncapsulate(ENCAPSULATION_KEY.subarray(1), randomness), null);
  assert.equal(mlkemEncapsulate(concat(ENCAPSULATION_KEY, Uint8Array.of(0)), randomness), null);
  assert.equal(mlkemEncapsulate(new Uint8Array(0), randomness), null);
});

Deno.test("mlkemEncapsulate refuses each coefficient at or over the modulus, and takes q - 1", () => {
  const randomness = new Uint8Array(32);
  const withCoefficient = (index: number, value: number) => {
    const key = ENCAPSULATION_KEY.slice();
    const at = Math.floor(index / 2) * 3;
    if (index % 2 === 0) {
      key[at] = value & 0xff;
      key[at + 1] = (key[at + 1]! & 0xf0) | (value >> 8);
    } else {
      key[at + 1] = (key[at + 1]! & 0x0f) | ((value & 0xf) << 4);
      key[at + 2] = value >> 4;
    }
    return key;
  };
  for (const index of [0, 1, 255, 256, 511, 512, 766, 767]) {
    assert.notEqual(mlkemEncapsulate(withCoefficient(index, 3328), randomness), null, `3328 at ${index}`);
    for (const value of [3329, 3330, 4095]) {
      assert.equal(mlkemEncapsulate(withCoefficient(index, value), randomness), null, `${value} at ${index}`);
    }
  }
});

Deno.test("mlkemDecapsulate refuses ciphertexts of a wrong length and our own mistakes", () => {
  const pair = generateMlkem(seededRandom(9));
  assert.equal(mlkemDecapsulate(pair.decapsulationKey, new Uint8Array(1087)), null);
  assert.equal(mlkemDecapsulate(pair.decapsulationKey, new Uint8Array(1089)), null);
  assert.throws(() => mlkemDecapsulate(pair.encapsulationKey, new Uint8Array(1088)), RangeError);
  assert.throws(() => mlkemFromSeed(new Uint8Array(32)), RangeError);
  assert.throws(() => mlkemEncapsulate(pair.encapsulationKey, new Uint8Array(31)), RangeError);
});
