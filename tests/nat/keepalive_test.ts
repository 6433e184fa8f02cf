import { deepEqual, equal, ok } from "node:assert/strict";
import { KeepaliveSearch, MAX_KEEPALIVE_MS, MIN_KEEPALIVE_MS, SAFE_KEEPALIVE_MS } from "../../src/nat/keepalive.ts";

/** Measures behind a NAT whose mappings live so long, until there is nothing left to measure. */
function search(lifetimeMs: number): { search: KeepaliveSearch; intervals: number[]; silences: number[] } {
  const found = new KeepaliveSearch();
  const intervals = [found.intervalMs];
  const silences: number[] = [];
  for (let silenceMs = found.nextSilenceMs(0); silenceMs !== null; silenceMs = found.nextSilenceMs(0)) {
    found.measured({ silenceMs, isAlive: silenceMs < lifetimeMs });
    silences.push(silenceMs);
    intervals.push(found.intervalMs);
    ok(silences.length < 20, "it comes to an end");
  }
  return { search: found, intervals, silences };
}

Deno.test("KeepaliveSearch never lets a mapping of 15, 30, 60 or 120 s die, not even while it measures", () => {
  for (const lifetimeMs of [15_000, 30_000, 60_000, 120_000]) {
    const { intervals } = search(lifetimeMs);
    ok(intervals.every((interval) => interval < lifetimeMs), `${intervals} for ${lifetimeMs}`);
  }
});

Deno.test("KeepaliveSearch comes within a third of the lifetime, and never beyond 50 s", () => {
  for (let lifetimeMs = 12_000; lifetimeMs <= 300_000; lifetimeMs += 500) {
    const { search: found } = search(lifetimeMs);
    const wanted = Math.min(MAX_KEEPALIVE_MS, lifetimeMs);
    ok(found.intervalMs <= wanted && found.intervalMs >= Math.max(MIN_KEEPALIVE_MS, wanted * 0.6), `${lifetimeMs}`);
  }
  equal(search(120_000).search.intervalMs, MAX_KEEPALIVE_MS);
});

Deno.test("KeepaliveSearch measures the fewest silences where mappings live long", () => {
  deepEqual(search(300_000).silences, [15_000, 25_000, 40_000, 62_500]);
});

Deno.test("KeepaliveSearch stays between 8 and 50 s whatever it is told", () => {
  const found = new KeepaliveSearch();
  equal(found.intervalMs, SAFE_KEEPALIVE_MS);
  found.measured({ silenceMs: 3_000, isAlive: false });
  equal(found.intervalMs, MIN_KEEPALIVE_MS);
  equal(found.nextSilenceMs(0), null, "nothing shorter would be used");
  found.measured({ silenceMs: 10_000_000, isAlive: true });
  equal(found.intervalMs, MAX_KEEPALIVE_MS);
});

Deno.test("KeepaliveSearch goes back to the safest interval on a loss, and measures again ten minutes later", () => {
  const { search: found } = search(120_000);
  found.lost(5_000);
  equal(found.intervalMs, MIN_KEEPALIVE_MS);
  equal(found.nextSilenceMs(604_999), null);
  equal(found.nextSilenceMs(605_000), 15_000);
  equal(found.intervalMs, SAFE_KEEPALIVE_MS);
});

Deno.test("KeepaliveSearch believes the worse of two measurements until a longer silence was survived", () => {
  const { search: found } = search(120_000);
  found.measured({ silenceMs: 30_000, isAlive: false });
  ok(found.intervalMs < 30_000);
  found.measured({ silenceMs: 40_000, isAlive: true });
  equal(found.intervalMs, 32_000);
});

Deno.test("KeepaliveSearch forgets everything in another network", () => {
  const { search: found } = search(120_000);
  found.lost(0);
  found.restart();
  equal(found.intervalMs, SAFE_KEEPALIVE_MS);
  equal(found.nextSilenceMs(0), 15_000);
});
