import assert from "node:assert/strict";
import { TokenBuckets } from "../../src/session/token_buckets.ts";

const LIMITS = { perSecond: 20, burst: 5, maxSources: 4 };

function takeMany(buckets: TokenBuckets, source: string, count: number, now: number): number {
  return Array.from({ length: count }, () => buckets.take(source, now)).filter(Boolean).length;
}

Deno.test("TokenBuckets grants a burst, then so many a second", () => {
  const buckets = new TokenBuckets(LIMITS);
  assert.equal(takeMany(buckets, "a", 10, 0), 5);
  assert.equal(takeMany(buckets, "a", 10, 49), 0);
  assert.equal(takeMany(buckets, "a", 10, 50), 1);
  assert.equal(takeMany(buckets, "a", 10, 250), 4);
  assert.equal(takeMany(buckets, "a", 10, 60_000), 5, "no more than a burst after any silence");
});

Deno.test("TokenBuckets grants twenty in a second to a source that never stops asking", () => {
  const buckets = new TokenBuckets(LIMITS);
  let granted = 0;
  for (let now = 0; now < 10_000; now++) granted += takeMany(buckets, "a", 1, now);
  assert.ok(granted >= 200 && granted <= 205, String(granted));
});

Deno.test("TokenBuckets keeps sources apart", () => {
  const buckets = new TokenBuckets(LIMITS);
  takeMany(buckets, "a", 10, 0);
  assert.equal(takeMany(buckets, "b", 10, 0), 5);
});

Deno.test("TokenBuckets forgets the source that was silent longest", () => {
  const buckets = new TokenBuckets(LIMITS);
  for (const source of ["a", "b", "c", "d"]) takeMany(buckets, source, 5, 0);
  buckets.take("a", 1);
  buckets.take("e", 2);
  assert.equal(buckets.size, 4);
  assert.equal(takeMany(buckets, "a", 5, 2), 0, "a is remembered");
  assert.equal(takeMany(buckets, "b", 5, 2), 5, "b is not");
});
