import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { ExchangeWorld } from "../session/exchange_world.ts";

const RUNS = 400;
const STEP_MS = 100;

for (const suite of [1, 2] as const) {
  Deno.test(`a first exchange of suite ${suite} at 20 % loss takes less than 10 s in 99 of 100 cases`, () => {
    const times: number[] = [];
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = seededRandom(seed);
      const world = new ExchangeWorld({
        suite,
        seed,
        network: (_from, bytes) => random.unit() < 0.2 ? [] : [{ delayMs: 1 + random.below(100), bytes }],
      });
      world.start(world.a);
      let ms = 0;
      for (; ms < 10_000 && world.a.established.length === 0; ms += STEP_MS) world.run(STEP_MS);
      times.push(world.a.established.length === 0 ? Infinity : ms);
    }
    times.sort((one, other) => one - other);
    const [p50, p99] = [times[RUNS * 0.5 - 1]!, times[RUNS * 0.99 - 1]!];
    console.log(`suite ${suite}: p50 ${p50} ms, p99 ${p99} ms`);
    assert.ok(p99 < 10_000, `${p99} ms`);
  });
}
