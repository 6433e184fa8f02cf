import assert from "node:assert/strict";
import { nextRequestAt, type PeerNeed } from "../../src/engine/tunnel_policy.ts";

const need: PeerNeed = {
  isOursLower: true,
  since: 1_000,
  hasTraffic: false,
  isEager: true,
  requestedAt: null,
  failures: 0,
};

Deno.test("nextRequestAt lets the lower address ask at once and the higher one after 2 s", () => {
  assert.equal(nextRequestAt(need), 1_000);
  assert.equal(nextRequestAt({ ...need, isOursLower: false }), 3_000);
});

Deno.test("nextRequestAt asks at once where there is traffic, whoever has the lower address", () => {
  assert.equal(nextRequestAt({ ...need, isOursLower: false, hasTraffic: true }), 1_000);
});

Deno.test("nextRequestAt leaves peers beyond the first ones alone until there is traffic", () => {
  assert.equal(nextRequestAt({ ...need, isEager: false }), null);
  assert.equal(nextRequestAt({ ...need, isEager: false, hasTraffic: true }), 1_000);
});

Deno.test("nextRequestAt asks ever more rarely after failures, up to once a minute", () => {
  const pauses = [1, 2, 3, 4, 5, 60].map((failures) =>
    nextRequestAt({ ...need, requestedAt: 2_000, failures })! - 2_000
  );
  assert.deepEqual(pauses, [6_000, 12_000, 24_000, 48_000, 60_000, 60_000]);
});

Deno.test("nextRequestAt goes on asking every 6 s while there is traffic, and never faster", () => {
  assert.equal(nextRequestAt({ ...need, requestedAt: 2_000, failures: 9, hasTraffic: true }), 8_000);
});
