import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat, fromHex, toHex } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  DH_LENGTH,
  DH_PRIVATE_LENGTH,
  dhPublicValue,
  dhShared,
  generateDh,
  GROUP14_PRIME_HEX,
  isValidDhValue,
} from "../../src/crypto/modp_group14.ts";
import { isProbablePrime, modPow } from "./primality.ts";
import { casesOf, hex, readVectors, testExternal } from "./vectors.ts";

const P = BigInt("0x" + GROUP14_PRIME_HEX);
/** Row 1 as two articles print it: word 6 has lost its first digit. */
const MISPRINT = BigInt("0x" + GROUP14_PRIME_HEX.replace("c4c6628b80dc1cd1", "c4c6628b0dc1cd1"));

function bytesOf(n: bigint, length: number = DH_LENGTH): Uint8Array {
  return fromHex(n.toString(16).padStart(length * 2, "0"));
}

/** ⌊2^bits · π⌋ by Machin's formula, with 64 guard bits. */
function floorPi(bits: bigint): bigint {
  const one = 1n << (bits + 64n);
  const arctanOfInverse = (x: bigint) => {
    let power = one / x;
    let sum = power;
    for (let k = 3n, sign = -1n; power > 0n; k += 2n, sign = -sign) {
      power /= x * x;
      sum += sign * (power / k);
    }
    return sum;
  };
  return (16n * arctanOfInverse(5n) - 4n * arctanOfInverse(239n)) >> 64n;
}

Deno.test("GROUP14_PRIME_HEX is 2^2048 - 2^1984 - 1 + 2^64 (floor(2^1918 pi) + 124476)", () => {
  assert.equal(P, 2n ** 2048n - 2n ** 1984n - 1n + 2n ** 64n * (floorPi(1918n) + 124476n));
});

Deno.test("GROUP14_PRIME_HEX has 2048 bits and the published digest", () => {
  assert.equal(P.toString(2).length, 2048);
  assert.equal(
    createHash("sha256").update(GROUP14_PRIME_HEX).digest("hex"),
    "e71e1291b2af378f8506df9d265b38d687f70a0585053c26b30d1e312df84c09",
  );
});

Deno.test("GROUP14_PRIME_HEX is a safe prime", () => {
  assert.ok(isProbablePrime(P));
  assert.ok(isProbablePrime((P - 1n) / 2n));
});

Deno.test("GROUP14_PRIME_HEX is not the misprint, which is a composite of 2044 bits", () => {
  assert.notEqual(P, MISPRINT);
  assert.equal(MISPRINT.toString(2).length, 2044);
  assert.equal(isProbablePrime(MISPRINT), false);
});

Deno.test("isProbablePrime knows a Carmichael number and a strong pseudoprime to base 2 as composite", () => {
  assert.equal(isProbablePrime(561n), false);
  assert.equal(isProbablePrime(2047n), false);
  assert.equal(isProbablePrime(2n ** 127n - 1n), true);
});

testExternal("isProbablePrime agrees with 317 cases of Wycheproof", ["primality.json"], (file) => {
  let count = 0;
  for (const { test, label } of casesOf(file)) {
    const bytes = hex(test.value);
    const unsigned = bytes.length === 0 ? 0n : BigInt("0x" + toHex(bytes));
    const value = bytes.length > 0 && bytes[0]! & 0x80 ? unsigned - (1n << BigInt(bytes.length * 8)) : unsigned;
    // "acceptable" are negatives of primes, which an implementation may call prime.
    assert.equal(isProbablePrime(value), test.result === "valid", label);
    count++;
  }
  assert.equal(count, 317);
});

Deno.test("dhShared matches values computed elsewhere, leading zeros included", () => {
  const { cases } = readVectors("modp_group14.json");
  for (const { comment, privateKey, publicValue, peerValue, shared } of cases) {
    const ownValue = dhPublicValue(hex(privateKey));
    assert.equal(toHex(ownValue), publicValue, comment);
    assert.equal(toHex(dhShared(hex(privateKey), hex(peerValue), ownValue)!), shared, comment);
  }
  assert.equal(cases.length, 3);
});

Deno.test("generateDh draws 320-bit exponents and both ends agree", () => {
  const random = seededRandom(14);
  const [a, b] = [generateDh(random), generateDh(random)];
  for (const pair of [a, b]) {
    assert.equal(pair.privateKey.length, DH_PRIVATE_LENGTH);
    assert.ok(pair.privateKey[0]! & 0x80);
    assert.equal(pair.publicValue.length, DH_LENGTH);
    assert.equal(BigInt("0x" + toHex(pair.publicValue)), modPow(2n, BigInt("0x" + toHex(pair.privateKey)), P));
  }
  assert.notDeepEqual(a.privateKey, b.privateKey);
  const shared = dhShared(a.privateKey, b.publicValue, a.publicValue);
  assert.equal(shared?.length, DH_LENGTH);
  assert.deepEqual(shared, dhShared(b.privateKey, a.publicValue, b.publicValue));
});

Deno.test("dhShared refuses values that would force the key, and takes those next to them", () => {
  const own = generateDh(seededRandom(1));
  for (const [name, value] of Object.entries({ "0": 0n, "1": 1n, "p - 1": P - 1n, "p": P, "p + 1": P + 1n })) {
    assert.equal(isValidDhValue(bytesOf(value)), false, name);
    assert.equal(dhShared(own.privateKey, bytesOf(value), own.publicValue), null, name);
  }
  for (const [name, value] of Object.entries({ "2": 2n, "p - 2": P - 2n })) {
    assert.equal(dhShared(own.privateKey, bytesOf(value), own.publicValue)?.length, DH_LENGTH, name);
  }
});

Deno.test("dhShared refuses values of 255 and 257 bytes, even where the number is right", () => {
  const own = generateDh(seededRandom(2));
  const small = bytesOf(12345n);
  assert.notEqual(dhShared(own.privateKey, small, own.publicValue), null);
  assert.equal(dhShared(own.privateKey, small.slice(1), own.publicValue), null);
  assert.equal(dhShared(own.privateKey, concat(Uint8Array.of(0), small), own.publicValue), null);
  assert.equal(dhShared(own.privateKey, new Uint8Array(0), own.publicValue), null);
});

Deno.test("dhShared refuses our own value", () => {
  const own = generateDh(seededRandom(3));
  assert.ok(isValidDhValue(own.publicValue));
  assert.equal(dhShared(own.privateKey, own.publicValue.slice(), own.publicValue), null);
});
