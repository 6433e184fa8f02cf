/**
 * Token buckets, one a source: so many events at once, so many a second (docs/PROTOCOL.md, section 8.1).
 *
 * One bucket each, never a common one: with a common counter one flooder would shut out everybody.
 *
 * @module
 */

/** How much a source may send. */
export interface BucketLimits {
  /** Tokens that flow in. */
  perSecond: number;
  /** Tokens that a bucket holds. */
  burst: number;
  /** Sources that are remembered; beyond that the one that was silent longest is forgotten. */
  maxSources: number;
}

interface Bucket {
  tokens: number;
  /** Monotonic ms. */
  filledAt: number;
}

/** Limits the rate of each source. */
export class TokenBuckets {
  readonly #limits: BucketLimits;
  /** In order of last use. */
  readonly #buckets = new Map<string, Bucket>();

  /** No source has sent anything yet. */
  constructor(limits: BucketLimits) {
    this.#limits = limits;
  }

  /** Takes a token of a source; false when it has none left. */
  take(source: string, now: number): boolean {
    const { perSecond, burst, maxSources } = this.#limits;
    const { tokens, filledAt } = this.#buckets.get(source) ?? { tokens: burst, filledAt: now };
    const filled = Math.min(burst, tokens + (now - filledAt) * perSecond / 1000);
    const isGranted = filled >= 1;
    this.#buckets.delete(source);
    this.#buckets.set(source, { tokens: isGranted ? filled - 1 : filled, filledAt: now });
    if (this.#buckets.size > maxSources) this.#buckets.delete(this.#buckets.keys().next().value!);
    return isGranted;
  }

  /** How many sources are remembered. */
  get size(): number {
    return this.#buckets.size;
  }
}
