import assert from "node:assert/strict";
import { expectedRoute, isExpected, isMatrixKind, MATRIX_KINDS } from "../../src/lab/expected_routes.ts";
import { figuresOf, pairOrders } from "../../src/lab/nat_matrix.ts";
import type { PairResult } from "../../src/lab/pair_run.ts";

function result(changes: Partial<PairResult>): PairResult {
  return {
    first: "PR",
    second: "PR",
    seed: 1,
    expected: "direct",
    found: "direct",
    firstPacketMs: 100,
    directMs: 200,
    isExpected: true,
    failure: null,
    ...changes,
  };
}

Deno.test("expectedRoute does not depend on who is named first", () => {
  for (const one of MATRIX_KINDS) {
    for (const other of MATRIX_KINDS) assert.equal(expectedRoute(one, other), expectedRoute(other, one));
  }
});

Deno.test("expectedRoute says where a direct path is certain, has to be searched for, or cannot be", () => {
  assert.equal(expectedRoute("PR", "PR"), "direct");
  assert.equal(expectedRoute("FC", "SY"), "direct");
  assert.equal(expectedRoute("PR", "SY"), "search");
  assert.equal(expectedRoute("SY", "SN"), "relay");
  assert.equal(expectedRoute("SS", "SS"), "either");
  assert.equal(expectedRoute("CG", "CGs"), "direct");
  assert.equal(expectedRoute("CGs", "CGs"), "relay");
  assert.equal(expectedRoute("public", "UB"), "relay");
});

Deno.test("isExpected accepts a relay for a search, and nothing in place of a path", () => {
  assert.equal(isExpected("search", "relay"), true);
  assert.equal(isExpected("direct", "relay"), false);
  assert.equal(isExpected("relay", "direct"), false);
  assert.equal(isExpected("either", null), false);
});

Deno.test("isMatrixKind knows the kinds of the table and no other name", () => {
  assert(MATRIX_KINDS.every(isMatrixKind));
  assert.equal(isMatrixKind("toString"), false);
  assert.equal(isMatrixKind("pr"), false);
});

Deno.test("pairOrders gives each pair once, each side first, for each seed", () => {
  const orders = pairOrders(MATRIX_KINDS, MATRIX_KINDS, 2);
  const pairs = MATRIX_KINDS.length * (MATRIX_KINDS.length + 1) / 2;
  assert.equal(orders.length, pairs * 2 * 2);
  const forth = orders.filter(({ first, second, seed }) => `${first} ${second} ${seed}` === "PR SY 2");
  const back = orders.filter(({ first, second, seed }) => `${first} ${second} ${seed}` === "SY PR 2");
  assert.deepEqual([forth.length, back.length], [1, 1]);
  assert.equal(pairOrders(["PR", "SY"], ["PR"], 1).length, 4);
});

Deno.test("figuresOf counts connections, expectations and times of the runs they are about", () => {
  const figures = figuresOf([
    result({}),
    result({ directMs: 400, firstPacketMs: 300 }),
    result({ expected: "search", found: "direct", directMs: 2500 }),
    result({ expected: "search", found: "direct", directMs: 21_000 }),
    result({ expected: "search", found: "relay", directMs: null }),
    result({ expected: "relay", found: null, firstPacketMs: null, directMs: null, isExpected: false }),
  ]);
  assert.deepEqual(figures, {
    runs: 6,
    connected: 5 / 6,
    asExpected: 5 / 6,
    directWherePossible: 4 / 5,
    firstPacketMs: { p50: 100, p99: 300 },
    directMs: { p50: 200, p99: 400 },
    search: { runs: 3, directWithin20s: 1, directMs: { p50: 2500, p99: 21_000 } },
  });
});
