/**
 * The matrix of NAT kinds: each pair of kinds, each side sending first, in laboratories of their own, several at a time.
 *
 * @module
 */
import type { ExpectedRoute, MatrixKind } from "./expected_routes.ts";
import { type PairOrder, type PairResult, runPair } from "./pair_run.ts";

/** What to run. */
export interface MatrixOptions {
  /** See {@linkcode pairOrders}. */
  orders: readonly PairOrder[];
  /** Pairs at a time. */
  jobs: number;
  /** Starts Buri: the executable, or the runtime with the program's source. */
  program: readonly [string, ...string[]];
  /** Ends it early: the pairs that run are given up. */
  signal: AbortSignal;
  /** Told of each result as it comes. */
  onResult(result: PairResult): void;
}

/** What all runs say together. Shares are from 0 to 1, times in milliseconds, null = there was no such run. */
export interface MatrixFigures {
  /** How many runs there were. */
  runs: number;
  /** Share in which packets passed. */
  connected: number;
  /** Share with a path that the table allows. */
  asExpected: number;
  /** Of those where the table asks for direct, or for a search: share with a direct path. */
  directWherePossible: number | null;
  /** Until the first packet could pass. */
  firstPacketMs: Quantiles | null;
  /** Until the path was direct where it has to be. */
  directMs: Quantiles | null;
  /** Runs in which ports had to be foretold or guessed. */
  search: { runs: number; directWithin20s: number; directMs: Quantiles | null };
}

/** Of a set of times. */
export interface Quantiles {
  /** Median. */
  p50: number;
  /** 99 of 100 are at most this. */
  p99: number;
}

const SEARCH_GOAL_MS = 20_000;

/** All pairs of `rows` with `columns`, each once, each side first, with seeds from 1 on. */
export function pairOrders(rows: readonly MatrixKind[], columns: readonly MatrixKind[], seeds: number): PairOrder[] {
  const orders: PairOrder[] = [];
  const done = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    for (const one of rows) {
      for (const other of columns) {
        const key = `${[one, other].sort()} ${seed}`;
        if (done.has(key)) continue;
        done.add(key);
        orders.push({ first: one, second: other, seed }, { first: other, second: one, seed });
      }
    }
  }
  return orders;
}

/** Runs all pairs. @returns the results in the order of the orders; after an abort those that were complete */
export async function runMatrix({ orders, jobs, program, signal, onResult }: MatrixOptions): Promise<PairResult[]> {
  const results = new Map<PairOrder, PairResult>();
  const waiting = [...orders];
  const lane = async () => {
    for (let order = waiting.shift(); order !== undefined && !signal.aborted; order = waiting.shift()) {
      const result = await runPair(order, program, signal);
      if (signal.aborted) return;
      results.set(order, result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, lane));
  return orders.flatMap((order) => results.get(order) ?? []);
}

/** Sums results up. */
export function figuresOf(results: readonly PairResult[]): MatrixFigures {
  const having = (...expected: ExpectedRoute[]) => results.filter((result) => expected.includes(result.expected));
  const isDirect = ({ found }: PairResult) => found === "direct";
  const search = having("search");
  const within = search.filter(({ directMs }) => directMs !== null && directMs <= SEARCH_GOAL_MS);
  return {
    runs: results.length,
    connected: share(results, ({ found }) => found !== null) ?? 0,
    asExpected: share(results, (result) => result.isExpected) ?? 0,
    directWherePossible: share(having("direct", "search"), isDirect),
    firstPacketMs: quantiles(results.map(({ firstPacketMs }) => firstPacketMs)),
    directMs: quantiles(having("direct").map(({ directMs }) => directMs)),
    search: {
      runs: search.length,
      directWithin20s: within.length,
      directMs: quantiles(search.map(({ directMs }) => directMs)),
    },
  };
}

function share<T>(items: readonly T[], test: (item: T) => boolean): number | null {
  return items.length === 0 ? null : items.filter(test).length / items.length;
}

function quantiles(times: readonly (number | null)[]): Quantiles | null {
  const sorted = times.filter((time) => time !== null).toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.ceil(quantile * sorted.length) - 1]!;
  return sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99) };
}
