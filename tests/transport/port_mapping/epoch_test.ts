import assert from "node:assert/strict";
import { EpochWatch } from "../../../src/transport/port_mapping/epoch.ts";

/** Whether the second of two answers, `[epoch in s, seen at ms]`, continues the first. */
function continues(first: [number, number], second: [number, number]): boolean {
  const watch = new EpochWatch();
  assert.equal(watch.isContinued(...first), true);
  return watch.isContinued(...second);
}

Deno.test("EpochWatch follows a gateway whose clock drifts by less than a sixteenth", () => {
  assert.equal(continues([1000, 0], [1600, 600_000]), true);
  assert.equal(continues([1000, 0], [1000 + 638, 600_000]), true, "ahead");
  assert.equal(continues([1000, 0], [1000 + 561, 600_000]), true, "behind");
  assert.equal(continues([1000, 0], [1002, 0]), true, "answers may be two seconds apart");
});

Deno.test("EpochWatch notices a restart, a reset within the minute, and a sleep of our own", () => {
  assert.equal(continues([100_000, 0], [3, 60_000]), false, "restarted");
  assert.equal(continues([10, 0], [50, 60_000]), false, "restarted 10 s ago: 50 is past 10, yet too small");
  assert.equal(continues([1000, 0], [9000, 10_000]), false, "we slept for two hours");
});

Deno.test("EpochWatch lets an answer be overtaken by one second, not by two", () => {
  assert.equal(continues([1000, 0], [999, 1]), true);
  assert.equal(continues([1000, 0], [998, 0]), false);
});

Deno.test("EpochWatch compares with the last answer, so that a restart is told once", () => {
  const watch = new EpochWatch();
  watch.isContinued(1000, 0);
  assert.equal(watch.isContinued(1, 10_000), false);
  assert.equal(watch.isContinued(11, 20_000), true);
});
