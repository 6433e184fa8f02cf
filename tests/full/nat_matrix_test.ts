/** The whole matrix of NATs, once: about ten minutes on two cores. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { MATRIX_KINDS } from "../../src/lab/expected_routes.ts";
import { figuresOf, pairOrders, runMatrix } from "../../src/lab/nat_matrix.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

Deno.test(needs("every pair of NATs finds the path that the table expects", "linux", "netns", "nft"), async () => {
  const results = await runMatrix({
    orders: pairOrders(MATRIX_KINDS, MATRIX_KINDS, 1),
    jobs: 4,
    program: [Deno.execPath(), "run", "-A", "--cached-only", MAIN],
    signal: new AbortController().signal,
    onResult: () => {},
  });
  assert.deepEqual(results.filter(({ isExpected }) => !isExpected), []);
  const { directWherePossible, search } = figuresOf(results);
  assert(directWherePossible! >= 0.98, `direct where possible: ${directWherePossible}`);
  assert(search.directWithin20s >= 0.95 * search.runs, `${search.directWithin20s} of ${search.runs} within 20 s`);
});
