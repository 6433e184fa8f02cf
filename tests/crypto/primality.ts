/** Miller–Rabin, to prove the prime of the Diffie-Hellman group from outside. */

import { createHash } from "node:crypto";

const SMALL_PRIMES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n];

/** base^exponent mod modulus. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base % modulus; exponent > 0n; exponent >>= 1n, square = square * square % modulus) {
    if (exponent & 1n) result = result * square % modulus;
  }
  return result;
}

/**
 * Whether n passes Miller–Rabin for base 2 and for 4 bases drawn from a hash of n: composites exist that pass for
 * any fixed list of bases.
 */
export function isProbablePrime(n: bigint): boolean {
  if (n < 2n) return false;
  for (const prime of SMALL_PRIMES) if (n % prime === 0n) return n === prime;
  let odd = n - 1n;
  let twos = 0;
  for (; (odd & 1n) === 0n; odd >>= 1n) twos++;
  return [2n, ...basesFor(n)].every((base) => isStrongProbablePrime(n, base, odd, twos));
}

function basesFor(n: bigint): bigint[] {
  return Array.from({ length: 4 }, (_, index) => {
    const digest = createHash("sha256").update(`${index} ${n}`).digest("hex");
    return 2n + BigInt("0x" + digest) % (n - 3n);
  });
}

function isStrongProbablePrime(n: bigint, base: bigint, odd: bigint, twos: number): boolean {
  let x = modPow(base, odd, n);
  if (x === 1n || x === n - 1n) return true;
  for (let i = 1; i < twos; i++) {
    x = x * x % n;
    if (x === n - 1n) return true;
  }
  return false;
}
