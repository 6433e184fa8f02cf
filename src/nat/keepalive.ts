/**
 * How often a silent path must be spoken on so that the NATs on it keep it open. It begins with what every NAT bears, and
 * grows with what was measured: a mapping that still let in a datagram after a silence of so many seconds.
 *
 * @module
 */

/** Shortest and longest interval between keepalives. */
export const MIN_KEEPALIVE_MS = 8_000;
/** See {@linkcode MIN_KEEPALIVE_MS}. */
export const MAX_KEEPALIVE_MS = 50_000;

/** The interval as long as nothing was measured: less than any lifetime that is often met (RFC 4787 section 4.3 asks for 120 s). */
export const SAFE_KEEPALIVE_MS = 12_000;

/** An interval is this share of the longest silence that a mapping survived: timers are coarse, and keepalives get lost. */
const MARGIN = 0.8;

/** Silences to begin with, in ms; between the last that was survived and the first that was not the search halves. */
const FIRST_SILENCES_MS: readonly number[] = [15_000, 25_000, 40_000, MAX_KEEPALIVE_MS / MARGIN];

/** Close enough. */
const GRANULARITY_MS = 3_000;

/** After a mapping was lost in spite of all, nothing is measured for so long. */
const PAUSE_AFTER_LOSS_MS = 600_000;

/** A silence that was measured. */
export interface MeasuredSilence {
  /** How long nothing went either way. */
  silenceMs: number;
  /** Whether a datagram came in after it. */
  isAlive: boolean;
}

/** The search for one network. Times are monotonic milliseconds. */
export class KeepaliveSearch {
  #longestAlive = 0;
  #shortestDead = Infinity;
  #lostAt: number | null = null;

  /** How often to send on a silent path. */
  get intervalMs(): number {
    if (this.#lostAt !== null) return MIN_KEEPALIVE_MS;
    if (this.#longestAlive === 0 && this.#shortestDead === Infinity) return SAFE_KEEPALIVE_MS;
    return Math.min(MAX_KEEPALIVE_MS, Math.max(MIN_KEEPALIVE_MS, this.#longestAlive * MARGIN));
  }

  /** Which silence to measure next; null = none for now. */
  nextSilenceMs(now: number): number | null {
    if (this.#lostAt !== null) {
      if (now < this.#lostAt + PAUSE_AFTER_LOSS_MS) return null;
      this.restart();
    }
    const [low, high] = [this.#longestAlive, this.#shortestDead];
    const next = FIRST_SILENCES_MS.find((silenceMs) => silenceMs > low && silenceMs < high);
    if (next !== undefined) return next;
    // Below the shortest interval there is nothing to learn, and above the longest nothing to gain.
    const least = Math.max(low, MIN_KEEPALIVE_MS);
    return high === Infinity || high - least <= GRANULARITY_MS ? null : (least + high) / 2;
  }

  /** Takes a measurement. One that contradicts an earlier one counts for more: NATs shorten lifetimes under load. */
  measured({ silenceMs, isAlive }: MeasuredSilence): void {
    if (isAlive) {
      this.#longestAlive = Math.max(this.#longestAlive, silenceMs);
      if (this.#shortestDead <= silenceMs) this.#shortestDead = Infinity;
    } else {
      this.#shortestDead = Math.min(this.#shortestDead, silenceMs);
      if (this.#longestAlive >= silenceMs) this.#longestAlive = 0;
    }
  }

  /** A silent path has died, or the outside sees another endpoint: back to what is safe. */
  lost(now: number): void {
    this.#lostAt = now;
  }

  /** Another network: all that was measured says nothing any more. */
  restart(): void {
    this.#longestAlive = 0;
    this.#shortestDead = Infinity;
    this.#lostAt = null;
  }
}
