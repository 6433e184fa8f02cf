import type { Random } from "../base/random.ts";

/** Longest wait between two tries of the control connection. */
const MAX_BACKOFF_MS = 60_000;

/** The wait before the first retry is below this. */
const BASE_BACKOFF_MS = 1_000;

/** What a wait depends on besides chance. */
export interface BackoffFacts {
  /** Tries that failed since the connection last held, at least 1. */
  failures: number;
  /** Longest extra wait, so that not all clients of a server come back at once; 0 where only this client fell out. */
  spreadMs: number;
  /** The server asked not to be bothered for so long; 0 = it said nothing. */
  retryAfterMs: number;
}

/**
 * How long to wait before the next try, in milliseconds: uniform in 0 .. min(60 s, 2^n s) ("full jitter", so that clients
 * who failed together do not try together), and what the server asked for on top.
 */
export function backoffMs(facts: BackoffFacts, random: Random): number {
  const ceiling = Math.min(MAX_BACKOFF_MS, BASE_BACKOFF_MS * 2 ** Math.min(facts.failures, 6));
  return Math.round(facts.retryAfterMs + random.unit() * ceiling + random.unit() * facts.spreadMs);
}
