import { DROPS } from "./drops.ts";
import type { DataPlaneCounters } from "./types.ts";

/** What the worker counts; fields are doubles from the start, so that counting never allocates. */
export class Tally {
  /** See {@linkcode DataPlaneCounters}, here and below. */
  deviceReads = 0;
  /** Super-packets count once. */
  deviceWrites = 0;
  /** Super-packets count as what they stand for. */
  packetsWritten = 0;
  /** Trains count once. */
  sends = 0;
  /** Trains count as what they stand for. */
  datagramsSent = 0;
  /** Trains count once. */
  receives = 0;
  /** Trains count as what they stand for. */
  datagramsReceived = 0;
  readonly #drops = new Float64Array(DROPS.length);

  /** Counts `count` drops for the reason at `index` (see `DROP`). */
  drop(index: number, count = 1): void {
    this.#drops[index]! += count;
  }

  /** A copy, with the drops by name. */
  counters(): Omit<DataPlaneCounters, "heapBytes"> {
    const { deviceReads, deviceWrites, packetsWritten, sends, datagramsSent, receives, datagramsReceived } = this;
    const drops = Object.fromEntries(DROPS.map((reason, index) => [reason, this.#drops[index]!]));
    return { deviceReads, deviceWrites, packetsWritten, sends, datagramsSent, receives, datagramsReceived, drops };
  }
}
