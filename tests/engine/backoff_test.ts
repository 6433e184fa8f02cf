import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { backoffMs } from "../../src/engine/backoff.ts";

const quiet = { spreadMs: 0, retryAfterMs: 0 };

Deno.test("backoffMs draws from the whole range of 0 to 2^n s, and never above 60 s", () => {
  const random = seededRandom(1);
  for (const [failures, ceiling] of [[1, 2_000], [3, 8_000], [6, 60_000], [500, 60_000]] as const) {
    const waits = Array.from({ length: 500 }, () => backoffMs({ failures, ...quiet }, random));
    assert.ok(Math.min(...waits) < ceiling * 0.05 && Math.min(...waits) >= 0, `lowest after ${failures} failures`);
    assert.ok(
      Math.max(...waits) > ceiling * 0.95 && Math.max(...waits) <= ceiling,
      `highest after ${failures} failures`,
    );
  }
});

Deno.test("backoffMs waits at least as long as the server asked for", () => {
  assert.ok(backoffMs({ failures: 1, spreadMs: 0, retryAfterMs: 5_000 }, seededRandom(2)) >= 5_000);
});

Deno.test("backoffMs spreads the clients of a server that went away", () => {
  const random = seededRandom(3);
  const waits = Array.from(
    { length: 500 },
    () => backoffMs({ failures: 1, spreadMs: 30_000, retryAfterMs: 0 }, random),
  );
  assert.ok(Math.max(...waits) > 28_000 && Math.max(...waits) <= 32_000);
});
