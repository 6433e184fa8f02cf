/** Lets through what a rate allows, after a burst. Units are the caller's: bytes, or tries. Times are monotonic ms. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #filledAt: number;

  /** Starts full, with `capacity` tokens. */
  constructor(perSecond: number, capacity: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = capacity;
    this.#tokens = capacity;
    this.#filledAt = now;
  }

  /** Whether nothing was taken for long enough to be full again. */
  isFull(now: number): boolean {
    return this.#tokens + (now - this.#filledAt) * this.#perMs >= this.#capacity;
  }

  /** Takes `amount` if it is there; otherwise takes nothing. */
  take(amount: number, now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }
}
