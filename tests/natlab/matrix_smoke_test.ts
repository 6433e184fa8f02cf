/** Each kind of NAT against the most common one, with real processes: `buri lab nat-matrix --against PR`, once. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { MATRIX_KINDS, type MatrixKind } from "../../src/lab/expected_routes.ts";
import { runMatrix } from "../../src/lab/nat_matrix.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

/** Kinds behind which there is a direct path to PR only after a search. */
const LEFT_OUT: readonly MatrixKind[] = ["SY", "SN"];

Deno.test(needs("each kind of NAT finds the path to a port-restricted one", "linux", "netns", "nft"), async () => {
  const kinds = MATRIX_KINDS.filter((kind) => !LEFT_OUT.includes(kind));
  const results = await runMatrix({
    orders: kinds.map((first) => ({ first, second: "PR", seed: 1 })),
    jobs: 4,
    program: [Deno.execPath(), "run", "-A", "--cached-only", MAIN],
    signal: new AbortController().signal,
    onResult: () => {},
  });
  assert.equal(results.length, kinds.length);
  assert.deepEqual(results.filter(({ isExpected }) => !isExpected), []);
});
