import assert from "node:assert/strict";
import { renderMatrix, renderRun } from "../../../src/commands/text/nat_matrix.ts";
import { figuresOf } from "../../../src/lab/nat_matrix.ts";
import type { PairResult } from "../../../src/lab/pair_run.ts";

const RUN: PairResult = {
  first: "PR",
  second: "SY",
  seed: 1,
  expected: "search",
  found: "direct",
  firstPacketMs: 120,
  directMs: 2340,
  isExpected: true,
  failure: null,
};

Deno.test("renderRun shows a run in one line, and why one came to nothing", () => {
  assert.equal(
    renderRun(RUN),
    "ok    PR     to SY     seed 1  expected search found direct  first packet  0.12 s  direct  2.34 s",
  );
  const failed = { ...RUN, found: null, firstPacketMs: null, directMs: null, isExpected: false, failure: "no nft" };
  assert.equal(
    renderRun(failed),
    "FAIL  PR     to SY     seed 1  expected search found none    first packet       -  direct       -  no nft",
  );
});

Deno.test("renderMatrix marks what differs between runs and what was not expected", () => {
  const runs: PairResult[] = [
    RUN,
    { ...RUN, seed: 2, found: "relay", directMs: null },
    { ...RUN, first: "SY", second: "PR", found: null, isExpected: false },
  ];
  const lines = renderMatrix(["PR", "SY"], ["PR", "SY"], runs, figuresOf(runs));
  assert.deepEqual(lines.slice(2, 5), ["       PR     SY", "PR            D1 R1", "SY     -!"]);
  assert.deepEqual(lines.slice(6), [
    "3 runs: connected 66.6 %, path as expected 66.6 %, direct where possible 33.3 %",
    "first packet: p50 0.12 s, p99 0.12 s",
    "direct, cone pairs: -",
    "ports foretold or guessed: 2 of 3 direct within 20 s, p50 2.34 s, p99 2.34 s",
  ]);
});
