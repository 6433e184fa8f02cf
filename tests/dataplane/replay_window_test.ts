import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { REPLAY_WINDOW_LENGTH, ReplayWindow } from "../../src/dataplane/replay_window.ts";

const SIZE = REPLAY_WINDOW_LENGTH;
/** One beyond the window, as T_LIM in WireGuard's selftest/counter.c, whose cases the next tests re-express. */
const BEYOND = SIZE + 1;

function take(window: ReplayWindow, sequence: number): boolean {
  if (!window.isFresh(sequence)) return false;
  window.accept(sequence);
  return true;
}

function expectAll(cases: readonly (readonly [sequence: number, isTaken: boolean])[]): void {
  const window = new ReplayWindow();
  for (const [index, [sequence, isTaken]] of cases.entries()) {
    assert.equal(take(window, sequence), isTaken, `case ${index}: sequence ${sequence}`);
  }
}

function* count(from: number, to: number): Generator<[number, boolean]> {
  for (let sequence = from; sequence !== to; sequence += Math.sign(to - from)) yield [sequence, true];
}

Deno.test("ReplayWindow takes each sequence once, in any order within the window", () => {
  expectAll([
    [0, true],
    [1, true],
    [1, false],
    [9, true],
    [8, true],
    [7, true],
    [7, false],
    [BEYOND, true],
    [BEYOND - 1, true],
    [BEYOND - 1, false],
    [BEYOND - 2, true],
    [2, true],
    [2, false],
    [BEYOND + 16, true],
    [3, false],
    [BEYOND + 16, false],
    [BEYOND * 4, true],
    [BEYOND * 4 - (BEYOND - 2), true],
    [10, false],
    [BEYOND * 4 - BEYOND, false],
    [BEYOND * 4 - (BEYOND + 1), false],
    [BEYOND * 4 - (BEYOND - 3), true],
    [BEYOND * 4 + 1 - BEYOND, false],
    [0, false],
  ]);
});

Deno.test("ReplayWindow holds at the end of suite 1's range", () => {
  const last = 2 ** 32 - 1;
  expectAll([[last - 1, true], [last, true], [last, false], [last - 1, false], [last - 2, true], [0, false]]);
});

Deno.test("ReplayWindow takes 1 to its length and then still 0, once", () => {
  expectAll([...count(1, SIZE), [0, true], [0, false]]);
});

Deno.test("ReplayWindow no longer takes what has just left it", () => {
  expectAll([...count(2, SIZE + 1), [1, true], [0, false]]);
});

Deno.test("ReplayWindow takes a whole window backwards", () => {
  expectAll([...count(SIZE - 1, -1), [SIZE - 1, false], [0, false]]);
});

Deno.test("ReplayWindow takes a whole window backwards from one further, but not what is behind it", () => {
  expectAll([...count(SIZE, 0), [0, false], [SIZE + 1, true], [1, false]]);
});

Deno.test("ReplayWindow does not move for a sequence that was only asked about", () => {
  const window = new ReplayWindow();
  window.accept(5);
  assert.equal(window.isFresh(1_000_000), true);
  assert.equal(window.highest, 5);
  assert.equal(window.isFresh(4), true);
});

Deno.test("ReplayWindow equals a set that remembers everything", () => {
  const random = seededRandom(7);
  const window = new ReplayWindow();
  const seen = new Set<number>();
  let highest = -1;
  for (let round = 0; round < 50_000; round++) {
    const jump = random.below(200) === 0 ? random.below(20_000) : random.below(40);
    const sequence = Math.max(0, highest + jump - random.below(random.below(50) === 0 ? 4000 : 40));
    const isFresh = !seen.has(sequence) && highest - sequence < SIZE;
    assert.equal(take(window, sequence), isFresh, `sequence ${sequence} with highest ${highest}`);
    seen.add(sequence);
    highest = Math.max(highest, sequence);
  }
});
