import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { seededRandom, systemRandom } from "../../src/base/random.ts";

Deno.test("seededRandom repeats itself for a seed and differs between seeds", () => {
  const draw = (seed: number) => toHex(seededRandom(seed).bytes(16));
  assert.equal(draw(1), draw(1));
  assert.equal(new Set([0, 1, 2, 3, -1, 2 ** 31].map(draw)).size, 6);
});

Deno.test("seededRandom keeps its stream for good, so that a reported seed can be replayed", () => {
  const random = seededRandom(42);
  assert.deepEqual([random.u32(), random.below(1000), toHex(random.bytes(4))], [1424087895, 723, "01ea174b"]);
});

Deno.test("below reaches every number below its bound and none above", () => {
  const random = seededRandom(7);
  const drawn = Array.from({ length: 600 }, () => random.below(6));
  assert.deepEqual([...new Set(drawn)].sort(), [0, 1, 2, 3, 4, 5]);
});

Deno.test("below is not biased by the remainder of 2^32", () => {
  // With plain modulo, numbers in the lower half of 3 * 2^30 would come up twice as often as those in the upper.
  const random = seededRandom(11);
  const bound = 3 * 2 ** 30;
  const draws = Array.from({ length: 3000 }, () => random.below(bound));
  const low = draws.filter((drawn) => drawn < 2 ** 30).length;
  assert.ok(low > 900 && low < 1100, `${low} of 3000 in the lowest third`);
});

Deno.test("below refuses bounds it cannot draw for", () => {
  const random = seededRandom(1);
  for (const bound of [0, -1, 1.5, NaN, 2 ** 32 + 1]) assert.throws(() => random.below(bound), RangeError);
  assert.equal(random.below(1), 0);
  assert.ok(random.below(2 ** 32) < 2 ** 32);
});

Deno.test("unit stays in [0, 1) and fills it", () => {
  const random = seededRandom(3);
  const draws = Array.from({ length: 1000 }, () => random.unit());
  assert.ok(draws.every((drawn) => drawn >= 0 && drawn < 1));
  assert.ok(Math.min(...draws) < 0.01 && Math.max(...draws) > 0.99);
});

Deno.test("systemRandom fills more than WebCrypto gives in one call", () => {
  const bytes = systemRandom().bytes(70_000);
  assert.equal(bytes.length, 70_000);
  assert.ok(bytes.subarray(65_536).some((byte) => byte !== 0));
  assert.notDeepEqual(systemRandom().bytes(16), systemRandom().bytes(16));
});
