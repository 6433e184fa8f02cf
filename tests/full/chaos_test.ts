import assert from "node:assert/strict";
import { ChaosWorld, pause } from "../support/chaos_world.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

const SET_MS = 50;

Deno.test(
  needs("transfers are byte for byte right over every kind of bad line", "linux", "root", "netns", "tun"),
  async () => {
    await using world = await ChaosWorld.make();
    for (const loss of [0, 0.02, 0.1]) {
      for (const reorder of [0, 0.2]) {
        for (const duplicate of [0, 0.3]) {
          for (const corrupt of [0, 0.05]) {
            const faults = { loss, reorder, duplicate, corrupt, delayMs: 2, jitterMs: 2 };
            world.link.set(faults);
            await pause(SET_MS);
            await world.fetch(loss + corrupt > 0.1 ? 256 << 10 : 1 << 20);
            const { repeated, damaged } = await world.sendNumbers(500);
            assert.deepEqual([repeated, damaged], [0, 0], JSON.stringify(faults));
          }
        }
      }
    }
  },
);

Deno.test(
  needs("transfers find their way through black holes of every size", "linux", "root", "netns", "tun"),
  async () => {
    await using world = await ChaosWorld.make();
    for (const maxLength of [1_280, 1_300, 1_380, 1_420, 1_440, 1_500]) {
      world.link.set({ maxLength });
      await pause(SET_MS);
      const tookMs = await world.fetch(4 << 20);
      assert.ok(tookMs < 15_000, `${tookMs} ms through ${maxLength} bytes`);
    }
  },
);
