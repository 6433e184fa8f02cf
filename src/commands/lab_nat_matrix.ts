import * as v from "valibot";
import { UserError } from "../base/errors.ts";
import type { MatrixKind } from "../lab/expected_routes.ts";
import { type Command, defineCommand } from "./cli/command.ts";
import { COUNT } from "./cli/output.ts";
import { INTERRUPTED } from "./cli/run.ts";
import { parseCount } from "./cli/values.ts";
import { renderJson } from "./text/json.ts";
import { renderMatrix, renderRun } from "./text/nat_matrix.ts";

const DEFAULT_JOBS = 4;
const MOST_JOBS = 64;
const MOST_SEEDS = 1000;

const TIME = v.nullable(v.number());
const QUANTILES = v.nullable(v.object({ p50: v.number(), p99: v.number() }));

const MATRIX = v.object({
  figures: v.object({
    runs: COUNT,
    connected: v.number(),
    asExpected: v.number(),
    directWherePossible: v.nullable(v.number()),
    firstPacketMs: QUANTILES,
    directMs: QUANTILES,
    search: v.object({ runs: COUNT, directWithin20s: COUNT, directMs: QUANTILES }),
  }),
  runs: v.array(v.object({
    first: v.string(),
    second: v.string(),
    seed: COUNT,
    expected: v.string(),
    found: v.nullable(v.picklist(["direct", "relay"])),
    firstPacketMs: TIME,
    directMs: TIME,
    isExpected: v.boolean(),
    failure: v.nullable(v.string()),
  })),
});

/** Pairs of NATs in the laboratory. */
export const labNatMatrix: Command = defineCommand({
  name: "lab nat-matrix",
  group: "Laboratory",
  summary: "Let two computers find to each other behind each pair of NATs",
  details: [
    "Builds network namespaces on this machine, without a way to the real network, with a server and two computers behind " +
    "NATs, and runs this program in them: each pair of kinds, each side sending first. Prints the path that was expected " +
    "and the one that was found, with the times to the first packet and to the direct path. Needs root on Linux, and the " +
    "program nft for most kinds. Exit code 1 when a path is not as expected.",
    "Kinds: public, FC full cone, AR address-restricted, PR port-restricted, SY symmetric, SN symmetric within 64 ports, " +
    "SS symmetric with the next port, CG behind a carrier's NAT, CGs both behind one carrier, CN carrier with 64 ports, " +
    "HP hairpin, UB UDP blocked, T4 only TCP 443, PX only an HTTP proxy, PM as SY with a router that maps ports (miniupnpd).",
  ],
  options: {
    kinds: { value: "A,B", summary: "Only these kinds (default: all but CN and PM)" },
    against: { value: "A,B", summary: "Only pairs with one of these (default: the same as --kinds)" },
    seeds: { value: "N", summary: "Times that all is run (default 1)" },
    jobs: { value: "N", summary: `Pairs at a time (default ${DEFAULT_JOBS})` },
  },
  examples: [
    { line: "lab nat-matrix --kinds PR,SY", does: "three pairs, each side first" },
    { line: "lab nat-matrix --against PR", does: "each kind against the most common one" },
  ],
  json: "{figures,runs:[{first,second,seed,expected,found,firstPacketMs,directMs,isExpected,failure}]}",
  output: MATRIX,
  run: async ({ context, options, json }) => {
    const { MATRIX_KINDS, isMatrixKind } = await import("../lab/expected_routes.ts");
    const { figuresOf, pairOrders } = await import("../lab/nat_matrix.ts");
    const kindsOf = (option: string, text: string | undefined): readonly MatrixKind[] => {
      if (text === undefined) return MATRIX_KINDS;
      const unknown = text.split(",").find((name) => !isMatrixKind(name));
      if (unknown === undefined) return text.split(",").filter(isMatrixKind);
      throw new UserError(`Cannot use "${unknown}" for ${option}: no such kind of NAT`, { exitCode: 2 });
    };
    const rows = kindsOf("--kinds", options.kinds);
    const columns = options.against === undefined ? rows : kindsOf("--against", options.against);
    const seeds = parseCount("--seeds", options.seeds ?? "1", MOST_SEEDS);
    const jobs = Math.max(1, parseCount("--jobs", options.jobs ?? String(DEFAULT_JOBS), MOST_JOBS));
    const runs = await context.roles.runMatrix({
      orders: pairOrders(rows, columns, seeds),
      jobs,
      signal: context.signal,
      onResult: (result) => json ? undefined : context.print(renderRun(result)),
    });
    const figures = figuresOf(runs);
    if (json) context.print(renderJson({ figures, runs }));
    else renderMatrix(rows, columns, runs, figures).forEach(context.print);
    if (context.signal.aborted) return INTERRUPTED;
    return runs.every(({ isExpected }) => isExpected) ? 0 : 1;
  },
});
