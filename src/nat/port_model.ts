/**
 * Which ports a NAT is going to give, from those it gave last (docs/NAT.md, "Ports foretold and guessed").
 *
 * @module
 */
import type { Random } from "../base/random.ts";

/** What is known of the ports that a NAT gives to new mappings. */
export interface PortModel {
  /** The one it gave last. */
  last: number;
  /** By how much it grows from one to the next; 0 = by no constant. */
  step: number;
  /** The lowest that was seen. */
  low: number;
  /** The highest that was seen. */
  high: number;
}

/** How many steps ahead a port is looked for: others use the NAT as well. */
const STEPS_AHEAD = 16;

/** Ports seen within such a range come from a block, which is searched whole, with as much around it. */
const MAX_BLOCK_LENGTH = 1024;
const BLOCK_MARGIN = 64;

/** Ports below are given to nobody who asked from one above (RFC 4787, REQ-3). */
const FIRST_PORT = 1024;
const PORT_END = 65_536;

/** Models from ports in the order in which they were given; null for fewer than three. */
export function modelPorts(ports: readonly number[]): PortModel | null {
  const last = ports.at(-1);
  if (last === undefined || ports.length < 3) return null;
  const steps = ports.slice(1).map((port, index) => port - ports[index]!);
  // One of them may have gone to somebody else, or the NAT may have begun its block anew.
  const common = steps.toSorted((a, b) => a - b)[steps.length >> 1]!;
  const outliers = steps.filter((step) => step !== common).length;
  return {
    last,
    step: common !== 0 && outliers <= (steps.length - 1) >> 1 ? common : 0,
    low: Math.min(...ports),
    high: Math.max(...ports),
  };
}

/** Whether a few sockets are enough, because there are few ports to try. */
export function isNarrow({ step, low, high }: PortModel): boolean {
  return step !== 0 || high - low < MAX_BLOCK_LENGTH;
}

/**
 * Ports to try, best first, each once, at most `limit`: some steps ahead, then the block, then any.
 *
 * @param model null = nothing is known
 */
export function guessPorts(model: PortModel | null, limit: number, random: Random): number[] {
  const guesses = new Set<number>();
  const add = (port: number) => guesses.size < limit && port >= FIRST_PORT && port < PORT_END && guesses.add(port);
  if (model !== null) {
    const { last, step, low, high } = model;
    for (let count = 1; step !== 0 && count <= STEPS_AHEAD; count++) add(last + step * count);
    if (high - low < MAX_BLOCK_LENGTH) {
      shuffled(range(low, high + 1), random).forEach(add);
      shuffled([...range(low - BLOCK_MARGIN, low), ...range(high + 1, high + 1 + BLOCK_MARGIN)], random).forEach(add);
    }
  }
  const most = Math.min(limit, PORT_END - FIRST_PORT);
  while (guesses.size < most) add(FIRST_PORT + random.below(PORT_END - FIRST_PORT));
  return [...guesses];
}

function range(from: number, end: number): number[] {
  return Array.from({ length: end - from }, (_, index) => from + index);
}

function shuffled(ports: number[], random: Random): number[] {
  for (let index = ports.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [ports[index], ports[other]] = [ports[other]!, ports[index]!];
  }
  return ports;
}
