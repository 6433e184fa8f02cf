import assert from "node:assert/strict";
import { formatTable, type Result } from "../../bench/run.ts";

Deno.test("formatTable shows each subject in a line of columns, without units to guess", () => {
  const result: Result = {
    name: "bare link",
    forwardBps: 9.87e9,
    reverseBps: 1.2e10,
    forwardRatio: 1,
    reverseRatio: 1,
    rttP50Ms: 0.0071,
    rttP99Ms: 0.0214,
    notes: {},
  };
  const other = { ...result, name: "two engines", forwardBps: 2.5e8, forwardRatio: 0.02533, rttP50Ms: 12.3456 };
  assert.equal(
    formatTable([result, other]),
    [
      "             TCP a→b      of bare  TCP b→a       of bare  RTT p50    RTT p99",
      "bare link    9.87 Gbit/s  1.000    12.00 Gbit/s  1.000    0.007 ms   0.021 ms",
      "two engines  0.25 Gbit/s  0.025    12.00 Gbit/s  1.000    12.346 ms  0.021 ms",
    ].join("\n"),
  );
});
