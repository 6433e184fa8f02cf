import assert from "node:assert/strict";
import { ChaosWorld, pause } from "../support/chaos_world.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

/** How soon the line behaves as it is told. */
const SET_MS = 50;

Deno.test(
  needs(
    "a transfer is byte for byte right over a bad line, and no packet arrives twice",
    "linux",
    "root",
    "netns",
    "tun",
  ),
  async () => {
    await using world = await ChaosWorld.make();
    world.link.set({ loss: 0.02, reorder: 0.1, duplicate: 0.2, corrupt: 0.02, delayMs: 3, jitterMs: 2 });
    await pause(SET_MS);
    await world.fetch(2 << 20);
    const { received, repeated, damaged } = await world.sendNumbers(1_000);
    assert.ok(received > 850 && received <= 1_000, `${received} of 1000`);
    assert.equal(repeated, 0);
    assert.equal(damaged, 0);
    assert.ok(world.link.counters.repeated > 200, "the line did repeat packets");

    // The path's MTU falls to 1,300 bytes without a word, in the middle of the tunnel's life.
    world.link.set({ maxLength: 1_300 });
    await pause(SET_MS);
    const tookMs = await world.fetch(8 << 20);
    assert.ok(tookMs < 15_000, `${tookMs} ms through a black hole`);
    const again = await world.fetch(8 << 20);
    assert.ok(again < 4_000, `${again} ms once the limit is known`);
  },
);
