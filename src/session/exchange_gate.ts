/**
 * What a responder does with KE1 before it computes or stores anything (docs/PROTOCOL.md, section 8.1): an answer costs it an
 * exponentiation and a signature, and anybody can ask. In order, cheapest first:
 *
 *     3  the source's IP is that of a candidate the server named, or of a relay in use; else a cookie
 *     4  a token bucket per address and port; per SPI as well where a relay speaks for many peers
 *     5  the same KE1 again passes: its answer is ready
 *     6  one half-open exchange per SPI, another only with a cookie; 64 in all
 *     7  over a load threshold a cookie is demanded of everyone
 *
 * 1 (length and type) and 2 (known SPI, our role, no exchange just completed) come before, in peer_exchanges.ts.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { type Endpoint, endpointKey, equalEndpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { ExchangeCookies } from "./exchange_cookies.ts";
import type { Ke1Standing } from "./exchange_machine.ts";
import type { DropReason, ExpectedSources } from "./exchange_types.ts";
import { TokenBuckets } from "./token_buckets.ts";

/** Half-open exchanges in all. */
export const MAX_HALF_OPEN = 64;

/** From so many half-open exchanges on a cookie is demanded of everyone. */
export const LOAD_THRESHOLD = 32;

const KE1_LIMITS = { perSecond: 20, burst: 5, maxSources: 1024 };

/** A KE1 that has passed the first two rules. */
export interface Ke1 {
  /** Its source. */
  from: Endpoint;
  /** Our inbound SPI. */
  spi: number;
  /** 16 bytes; zeros are none. */
  cookie: Uint8Array;
  /** Ni, which the cookie is bound to. */
  nonceI: Uint8Array;
  /** How it stands to the exchange in hand. */
  standing: Ke1Standing;
  /** Where KE1 of this tunnel may come from. */
  sources: ExpectedSources;
}

/** What to do with a KE1. */
export type Ke1Verdict =
  | { admit: true }
  | { admit: false; reason: DropReason; cookie: Uint8Array | null };

/** Judges KE1s. */
export class ExchangeGate {
  readonly #cookies: ExchangeCookies;
  readonly #buckets = new TokenBuckets(KE1_LIMITS);

  /** Draws the first cookie secret at `now`, monotonic ms. */
  constructor(random: Random, now: number) {
    this.#cookies = new ExchangeCookies(random, now);
  }

  /** Judges a KE1 while `halfOpenCount` exchanges are half open. */
  judge(ke1: Ke1, halfOpenCount: number, now: number): Ke1Verdict {
    const { from, spi, sources, standing } = ke1;
    const hasCookie = this.#cookies.holds(ke1.cookie, from, spi, ke1.nonceI, now);
    if (!hasCookie && !isExpected(from, sources)) return this.#demandCookie(ke1, "source needs a cookie", now);
    if (!this.takeToken(from, spi, sources, now)) return refuse("too many from this source");
    if (standing === "repeated") return { admit: true };
    if (standing === "another is half open") {
      return hasCookie ? { admit: true } : this.#demandCookie(ke1, "another exchange is half open", now);
    }
    if (halfOpenCount >= MAX_HALF_OPEN) return refuse("too many half-open exchanges");
    if (halfOpenCount >= LOAD_THRESHOLD && !hasCookie) {
      return this.#demandCookie(ke1, "cookie demanded under load", now);
    }
    return { admit: true };
  }

  /** Rule 4, which repetitions of KE1b are subject to as well. */
  takeToken(from: Endpoint, spi: number, { relays }: ExpectedSources, now: number): boolean {
    const isRelay = relays.some((relay) => equalEndpoint(relay, from));
    return this.#buckets.take(isRelay ? `${endpointKey(from)} ${spi}` : endpointKey(from), now);
  }

  #demandCookie({ from, spi, nonceI }: Ke1, reason: DropReason, now: number): Ke1Verdict {
    return { admit: false, reason, cookie: this.#cookies.make(from, spi, nonceI, now) };
  }
}

function refuse(reason: DropReason): Ke1Verdict {
  return { admit: false, reason, cookie: null };
}

/** Candidates by IP alone: behind some NATs the port is another for each destination. */
function isExpected(from: Endpoint, { candidates, relays }: ExpectedSources): boolean {
  return candidates.some(({ address }) => equalBytes(address, from.address)) ||
    relays.some((relay) => equalEndpoint(relay, from));
}
