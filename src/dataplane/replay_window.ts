/** 32 bits each; a power of two, and more than the window needs, so that a word is cleared before its bits are used again. */
const WORD_COUNT = 128;
const WORD_MASK = WORD_COUNT - 1;

/** How far behind the highest sequence a datagram may come. */
export const REPLAY_WINDOW_LENGTH = 2048;

/**
 * Which sequences of one key were seen (RFC 6479). Sequences are whole numbers from 0 to 2^32-1.
 *
 * A forged datagram must not move the window: ask {@linkcode ReplayWindow.isFresh} before opening, to save the work, and call
 * {@linkcode ReplayWindow.accept} once the tag holds.
 */
export class ReplayWindow {
  readonly #words = new Int32Array(WORD_COUNT);
  #highest = -1;

  /** The highest sequence accepted, or -1. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether `sequence` is neither too old nor seen. */
  isFresh(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    if (this.#highest - sequence >= REPLAY_WINDOW_LENGTH) return false;
    return (this.#words[(sequence >>> 5) & WORD_MASK]! & (1 << (sequence & 31))) === 0;
  }

  /** Remembers a fresh sequence. */
  accept(sequence: number): void {
    if (sequence > this.#highest) {
      this.#clear(sequence);
      this.#highest = sequence;
    }
    this.#words[(sequence >>> 5) & WORD_MASK]! |= 1 << (sequence & 31);
  }

  /** Forgets what lies between the highest sequence so far and `sequence`, at most the whole bitmap. */
  #clear(sequence: number): void {
    const from = this.#highest < 0 ? -1 : this.#highest >>> 5;
    const to = sequence >>> 5;
    const count = Math.min(to - from, WORD_COUNT);
    for (let step = 1; step <= count; step++) this.#words[(from + step) & WORD_MASK] = 0;
  }
}
