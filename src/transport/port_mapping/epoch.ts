/** Clocks drift: how far two may part before one of them must have been reset (RFC 6887 section 8.5). */
const MAX_DRIFT = 1 / 16;
const TOLERANCE_S = 2;

/**
 * Tells from the epoch in a gateway's answers whether the gateway lost its mappings in between (RFC 6887 section 8.5; RFC
 * 6886 section 3.6 asks for half of this: it lets a gateway's epoch run ahead, as it does while our own machine sleeps,
 * and a mapping can end during that too).
 */
export class EpochWatch {
  #last: { epochS: number; seenMs: number } | null = null;

  /** Whether the mappings can still be there, for an answer that came at monotonic time `nowMs`. True for the first. */
  isContinued(epochS: number, nowMs: number): boolean {
    const last = this.#last;
    this.#last = { epochS, seenMs: nowMs };
    if (last === null) return true;
    // Answers may overtake each other by a second.
    if (epochS + 1 < last.epochS) return false;
    const ours = (nowMs - last.seenMs) / 1000;
    const theirs = epochS - last.epochS;
    return ours + TOLERANCE_S >= theirs * (1 - MAX_DRIFT) && theirs + TOLERANCE_S >= ours * (1 - MAX_DRIFT);
  }
}
