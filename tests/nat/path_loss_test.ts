import { deepEqual, equal, ok } from "node:assert/strict";
import { at, PathSimulation } from "./path_simulation.ts";

const DIRECT = "203.0.113.7:40000";
const RELAY = "198.51.100.1:17771";

/** An active tunnel with a direct path and a relay. */
function tunnel(seed: number): PathSimulation {
  const world = new PathSimulation(seed);
  world.step({ on: "candidates", candidates: [{ kind: "observed", endpoint: at(DIRECT) }] });
  world.step({ on: "relayBound", endpoint: at(RELAY) });
  world.step({ on: "keysInstalled" });
  world.link(RELAY, { rttMs: 30 });
  world.traffic(50);
  return world;
}

const moves = (world: PathSimulation, since: number) =>
  world.log.filter(({ at, what }) => at >= since && what.startsWith("use")).map(({ what }) => what);

Deno.test("LossWatch leaves a direct path that loses a quarter of its probes for a relay that loses none", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = tunnel(seed);
    const direct = world.link(DIRECT);
    world.run(10_000);
    equal(world.inUse, DIRECT);
    direct.loss = 0.25;
    const since = world.now;
    world.run(25_000);
    equal(world.inUse, RELAY, `seed ${seed}`);
    ok(world.times(`use ${RELAY}`, since)[0]! - since >= 4_000, "one burst is not enough");
  }
});

Deno.test("LossWatch comes back to the direct path within a minute after it has recovered, and not before", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = tunnel(seed);
    const direct = world.link(DIRECT);
    world.run(5_000);
    direct.loss = 0.25;
    world.run(120_000);
    equal(world.inUse, RELAY, `seed ${seed}`);
    const movesWhileLossy = moves(world, 0).length;
    ok(movesWhileLossy <= 6, `${movesWhileLossy} moves`);
    direct.loss = 0;
    world.run(60_000);
    equal(world.inUse, DIRECT, `seed ${seed}`);
  }
});

Deno.test("LossWatch keeps a path that loses a fiftieth of its probes, for hours", () => {
  const world = tunnel(1);
  world.link(DIRECT, { loss: 0.02 });
  world.run(5_000);
  const since = world.now;
  world.run(4 * 3_600_000);
  deepEqual(moves(world, since), []);
});

Deno.test("LossWatch keeps a lossy path where the other one is as bad, and probes no more than it must", () => {
  const world = tunnel(3);
  world.link(RELAY, { rttMs: 30, loss: 0.2 });
  world.link(DIRECT, { loss: 0.2 });
  world.run(10_000);
  const since = world.now;
  world.run(600_000);
  deepEqual(moves(world, since), []);
  const probes = world.times(`probe ${RELAY}`, since).length;
  ok(probes < 600 * 3, `${probes} probes of the relay in ten minutes`);
});

Deno.test("LossWatch measures nothing while no packets flow", () => {
  const world = tunnel(1);
  world.link(DIRECT, { loss: 0.3 });
  world.run(3_000);
  world.traffic(null);
  world.run(20_000);
  const since = world.now;
  world.run(300_000);
  ok(world.times(`probe ${RELAY}`, since).length <= 40);
});
