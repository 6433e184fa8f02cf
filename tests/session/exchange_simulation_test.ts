/** Lives of a tunnel over networks that lose, repeat, reorder and damage. Each follows from its seed, which a failure names. */

import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { INNER_FRAME } from "../../src/protocol/mod.ts";
import { ExchangeWorld, type Network, PERFECT } from "./exchange_world.ts";

/** Shares of datagrams to which a fault happens, and the longest delay. */
interface Faults {
  loss: number;
  duplication: number;
  damage: number;
  maxDelayMs: number;
}

function faulty(random: Random, { loss, duplication, damage, maxDelayMs }: Faults): Network {
  const copyOf = (bytes: Uint8Array) => {
    const copy = bytes.slice();
    if (random.unit() < damage) copy[random.below(copy.length)]! ^= 1 << random.below(8);
    return { delayMs: 1 + random.below(maxDelayMs), bytes: copy };
  };
  return (_from, bytes) => {
    if (random.unit() < loss) return [];
    return random.unit() < duplication ? [copyOf(bytes), copyOf(bytes)] : [copyOf(bytes)];
  };
}

/** Forty seconds with a start at 0, whenever an attempt failed, and every eight seconds; then twenty on a perfect network. */
function live(suite: 1 | 2, seed: number, faults: Faults): ExchangeWorld {
  const random = seededRandom(seed);
  const bad = faulty(random, faults);
  let isHealed = false;
  const world = new ExchangeWorld({ suite, seed, network: (...args) => isHealed ? PERFECT(...args) : bad(...args) });
  for (let second = 0; second < 60; second++) {
    if (second === 40) isHealed = true;
    const hasFailed = world.a.failures.length + world.a.established.length > 0 && world.a.timerAt === null;
    if (second % 8 === 0 || (hasFailed && !world.isUp)) world.start(random.below(2) === 0 ? world.a : world.b);
    if (second === 0) world.start(world.a);
    world.after(random.below(1000), () => world.sendFrame(world.a, INNER_FRAME.keepalive, utf8("")));
    world.after(random.below(1000), () => world.sendFrame(world.b, INNER_FRAME.keepalive, utf8("")));
    world.run(1000);
  }
  return world;
}

const GRID: [string, Faults][] = [
  ["reordering", { loss: 0, duplication: 0, damage: 0, maxDelayMs: 800 }],
  ["duplication", { loss: 0, duplication: 0.5, damage: 0, maxDelayMs: 200 }],
  ["20 % loss", { loss: 0.2, duplication: 0.1, damage: 0, maxDelayMs: 200 }],
  ["40 % loss", { loss: 0.4, duplication: 0.1, damage: 0, maxDelayMs: 400 }],
  ["damage", { loss: 0.1, duplication: 0.1, damage: 0.2, maxDelayMs: 300 }],
];

for (const suite of [1, 2] as const) {
  Deno.test(`Tunnels of suite ${suite} live through bad networks, agree on keys, and recover when the network does`, () => {
    let count = 0;
    for (const [name, faults] of GRID) {
      for (let seed = 1; seed <= 4; seed++) {
        const world = live(suite, seed, faults);
        assert.ok(world.isUp, `${name}, seed ${seed}`);
        assert.equal(world.b.exchanges.halfOpenCount, 0, `${name}, seed ${seed}`);
        assert.ok(world.a.established.length >= 1 && world.b.established.length >= 1);
        // The responder may have confirmed an attempt that the initiator gave up, never the other way round.
        assert.ok(world.a.established.length <= world.b.established.length, `${name}, seed ${seed}`);
        count++;
      }
    }
    assert.equal(count, 20);
  });

  Deno.test(`A first exchange of suite ${suite} at 20 % loss takes less than 10 s in 49 of 50 cases`, () => {
    let established = 0;
    for (let seed = 1; seed <= 50; seed++) {
      const network = faulty(seededRandom(seed), { loss: 0.2, duplication: 0, damage: 0, maxDelayMs: 100 });
      const world = new ExchangeWorld({ suite, seed, network });
      world.start(world.a);
      world.run(10_000);
      if (world.a.established.length === 1) established++;
    }
    assert.ok(established >= 49, String(established));
  });
}
