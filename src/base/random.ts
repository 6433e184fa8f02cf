/** Randomness from outside. {@linkcode systemRandom} for anything secret or on the wire; a seeded one for tests. */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
  /** Uniform in 0 .. 2^32-1. */
  u32(): number;
  /** Uniform integer in 0 .. n-1, without modulo bias; n is 1 .. 2^32. @throws {RangeError} for any other n. */
  below(n: number): number;
  /** Uniform in [0, 1), with 32 bits. */
  unit(): number;
}

/** WebCrypto refuses to fill more than this in one call. */
const MAX_FILL_LENGTH = 65536;

/** The cryptographic generator of the system. */
export function systemRandom(): Random {
  return randomFrom((bytes) => {
    for (let offset = 0; offset < bytes.length; offset += MAX_FILL_LENGTH) {
      // deno-lint-ignore buri/no-ambient-input -- the one source that callers hand to whoever needs a Random
      globalThis.crypto.getRandomValues(bytes.subarray(offset, offset + MAX_FILL_LENGTH));
    }
  });
}

/** The same numbers for the same seed, for tests and simulations. Never for secrets: it can be run backwards. */
export function seededRandom(seed: number): Random {
  const next = sfc32(seed >>> 0);
  return randomFrom((bytes) => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = next() >>> 24;
  });
}

function randomFrom(fill: (bytes: Uint8Array<ArrayBuffer>) => void): Random {
  const bytes = (length: number) => {
    const filled = new Uint8Array(length);
    fill(filled);
    return filled;
  };
  const u32 = () => new DataView(bytes(4).buffer).getUint32(0);
  const below = (n: number) => {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32) throw new RangeError(`Cannot draw a number below ${n}`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const drawn = u32();
      if (drawn < limit) return drawn % n;
    }
  };
  return { bytes, u32, below, unit: () => u32() / 2 ** 32 };
}

/** Chris Doty-Humphrey's "small fast counting" generator, from PractRand; the first outputs only mix the seed in. */
function sfc32(seed: number): () => number {
  let [a, b, c, counter] = [seed, 0x9e3779b9, 0x243f6a88, 1];
  const next = () => {
    const output = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + output) | 0;
    return output >>> 0;
  };
  for (let round = 0; round < 15; round++) next();
  return next;
}
