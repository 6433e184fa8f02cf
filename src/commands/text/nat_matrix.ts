import type { MatrixKind } from "../../lab/expected_routes.ts";
import type { MatrixFigures, Quantiles } from "../../lab/nat_matrix.ts";
import type { PairResult } from "../../lab/pair_run.ts";

const KIND_WIDTH = 6;
const ROUTE_WIDTH = 6;
const COLUMN_WIDTH = 7;

/** One run, on one line. */
export function renderRun(run: PairResult): string {
  const { first, second, seed, expected, found, firstPacketMs, directMs, isExpected, failure } = run;
  const line = [
    isExpected ? "ok  " : "FAIL",
    `${first.padEnd(KIND_WIDTH)} to ${second.padEnd(KIND_WIDTH)} seed ${seed}`,
    `expected ${expected.padEnd(ROUTE_WIDTH)} found ${(found ?? "none").padEnd(ROUTE_WIDTH)}`,
    `first packet ${shownTime(firstPacketMs)}`,
    `direct ${shownTime(directMs)}`,
  ].join("  ");
  return failure === null ? line : `${line}  ${failure}`;
}

/** The table and what all runs say together. */
export function renderMatrix(
  rows: readonly MatrixKind[],
  columns: readonly MatrixKind[],
  runs: readonly PairResult[],
  figures: MatrixFigures,
): string[] {
  return [
    "",
    "Paths found, the row's side first: D direct, R relay, - none; ! where another was expected",
    ["", ...columns].map((name) => name.padEnd(COLUMN_WIDTH)).join("").trimEnd(),
    ...rows.map((row) =>
      [row, ...columns.map((column) => cell(runs.filter((run) => run.first === row && run.second === column)))]
        .map((text) => text.padEnd(COLUMN_WIDTH)).join("").trimEnd()
    ),
    "",
    ...renderFigures(figures),
  ];
}

/** Such as `D`, `R!`, or `D3 R1` where runs differ. */
function cell(runs: readonly PairResult[]): string {
  const letters = runs.map(({ found }) => found === "direct" ? "D" : found === "relay" ? "R" : "-");
  const kinds = [...new Set(letters)].sort();
  const text = kinds.length < 2
    ? kinds.join("")
    : kinds.map((kind) => `${kind}${letters.filter((letter) => letter === kind).length}`).join(" ");
  return runs.every(({ isExpected }) => isExpected) ? text : `${text}!`;
}

function renderFigures(figures: MatrixFigures): string[] {
  const { runs, connected, asExpected, directWherePossible, firstPacketMs, directMs, search } = figures;
  return [
    `${runs} runs: connected ${percent(connected)}, path as expected ${percent(asExpected)}, ` +
    `direct where possible ${percent(directWherePossible)}`,
    `first packet: ${shownQuantiles(firstPacketMs)}`,
    `direct, cone pairs: ${shownQuantiles(directMs)}`,
    `ports foretold or guessed: ${search.directWithin20s} of ${search.runs} direct within 20 s, ` +
    shownQuantiles(search.directMs),
  ];
}

function percent(share: number | null): string {
  return share === null ? "-" : `${Math.floor(share * 1000) / 10} %`;
}

function shownQuantiles(quantiles: Quantiles | null): string {
  return quantiles === null ? "-" : `p50 ${shownTime(quantiles.p50).trim()}, p99 ${shownTime(quantiles.p99).trim()}`;
}

function shownTime(ms: number | null): string {
  return (ms === null ? "-" : `${(ms / 1000).toFixed(2)} s`).padStart(7);
}
