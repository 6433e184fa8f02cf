/** Each kind of NAT against the most common one, with real processes: `buri lab nat-matrix --against PR`, once. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { MATRIX_KINDS } from "../../src/lab/expected_routes.ts";
import { runMatrix } from "../../src/lab/nat_matrix.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

Deno.test(needs("each kind of NAT finds the path to a port-restricted one", "linux", "netns", "nft"), async () => {
  const results = await runMatrix({
    orders: MATRIX_KINDS.map((first) => ({ first, second: "PR", seed: 1 })),
    jobs: 4,
    program: [Deno.execPath(), "run", "-A", "--cached-only", MAIN],
    signal: new AbortController().signal,
    onResult: () => {},
  });
  assert.equal(results.length, MATRIX_KINDS.length);
  assert.deepEqual(results.filter(({ isExpected }) => !isExpected), []);
});
