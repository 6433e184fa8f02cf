import type { Endpoint } from "../../base/ip.ts";
import type { MappingView } from "./status.ts";
import type { MapperName, MappingGrant } from "./types.ts";

/** How often a gateway is asked whether it still has the mapping: routers restart, and few say so. */
export const CHECK_EVERY_MS = 60_000;

/** How soon it is asked again when no answer came. */
export const CHECK_AGAIN_MS = 15_000;

/** Fewest ms between two checks, however many hints come. */
const MIN_CHECK_GAP_MS = 2000;

/** Fewest ms between two renewals (RFC 6887 section 11.2.1). */
export const MIN_RENEWAL_GAP_MS = 4000;

/** A longer lifetime is taken for this one: a mapping that is really gone should be noticed within half of it. */
const MAX_LIFETIME_MS = 3_600_000;

/** A single failed test may be a lost datagram; it is repeated after this. */
export const TEST_AGAIN_MS = 1000;

/** A mapping that fails so many tests in a row leads nowhere. */
const MAX_FAILED_TESTS = 2;

/** A mapping that the gateway granted. Times are monotonic ms. */
export class Holding {
  /** By which protocol. */
  readonly by: MapperName;
  /** Address and port on the outside. */
  external: Endpoint;
  #lifetimeMs: number | null;
  #endsAt: number;
  #renewAt: number;
  #checkAt: number;
  #checkedAt: number;
  #testAt = Infinity;
  #isBusy = false;
  #isLost = false;
  #test: MappingView["test"] = "running";
  #failedTests = 0;
  #renewals = 0;

  /** `share`, 0 to 1, spreads the renewals of many clients (RFC 6887 section 11.2.1). */
  constructor(by: MapperName, grant: MappingGrant, now: number, share: number) {
    this.by = by;
    this.external = grant.external;
    this.#lifetimeMs = this.#endsAt = this.#renewAt = 0;
    this.#checkAt = now + CHECK_EVERY_MS;
    this.#checkedAt = now;
    this.#setLifetime(grant, now, share);
  }

  /** When something is due; null = an answer is waited for that always comes. */
  nextWakeAt(): number | null {
    const next = this.#isBusy ? this.#testAt : Math.min(this.#renewAt, this.#checkAt, this.#testAt);
    return next === Infinity ? null : next;
  }

  /** What is due now. The caller does it, and one of the methods below is told what came of it. */
  due(now: number): "expire" | "renew" | "check" | "test" | null {
    if (now >= this.#testAt) return "test";
    if (this.#isBusy) return null;
    if (now >= this.#endsAt) return "expire";
    if (now >= this.#renewAt) return this.#begin("renew");
    return now >= this.#checkAt ? this.#begin("check") : null;
  }

  #begin<T>(what: T): T {
    this.#isBusy = true;
    return what;
  }

  /** The gateway granted it again. */
  renewed(grant: MappingGrant, now: number, share: number): void {
    this.#isBusy = this.#isLost = false;
    this.#renewals++;
    this.external = grant.external;
    this.#checkedAt = now;
    this.#checkAt = now + CHECK_EVERY_MS;
    this.#setLifetime(grant, now, share);
  }

  /** The gateway did not answer. False = there is no time to ask again. */
  renewalFailed(now: number): boolean {
    this.#isBusy = false;
    const waitMs = this.#isLost ? CHECK_AGAIN_MS : (this.#endsAt - now) / 2;
    this.#renewAt = now + Math.max(MIN_RENEWAL_GAP_MS, waitMs);
    return this.#renewAt < this.#endsAt;
  }

  /** The gateway has it (true), has it no more, or did not answer (null). */
  checked(isThere: boolean | null, now: number): void {
    this.#isBusy = false;
    this.#checkedAt = now;
    this.#checkAt = now + (isThere === null ? CHECK_AGAIN_MS : CHECK_EVERY_MS);
    if (isThere !== false) return;
    this.#isLost = true;
    this.#renewAt = now;
  }

  /** Has it checked at `at`, unless it was a moment ago. */
  checkBy(at: number): void {
    this.#checkAt = Math.min(this.#checkAt, Math.max(at, this.#checkedAt + MIN_CHECK_GAP_MS));
  }

  /** A test from outside begins. */
  testing(): void {
    this.#testAt = Infinity;
    if (this.#test !== "reachable") this.#test = "running";
  }

  /** What a test from outside said, null = nothing; and what that makes of the mapping. */
  tested(isReachable: boolean | null, now: number): "usable" | "useless" | "open" {
    if (isReachable === true) {
      this.#test = "reachable";
      this.#failedTests = 0;
      return "usable";
    }
    if (isReachable === null) {
      this.#test = "unknown";
      this.#testAt = now + CHECK_EVERY_MS;
      return "usable";
    }
    if (++this.#failedTests >= MAX_FAILED_TESTS) return "useless";
    this.#test = "unreachable";
    this.#testAt = now + TEST_AGAIN_MS;
    return "open";
  }

  /** For a status display. */
  view(now: number): MappingView {
    return {
      by: this.by,
      external: this.external,
      test: this.#test,
      lifetimeMs: this.#lifetimeMs,
      endsInMs: this.#endsAt === Infinity ? null : Math.max(0, this.#endsAt - now),
      renewals: this.#renewals,
    };
  }

  /** Between 1/2 and 5/8 of the lifetime it is renewed. */
  #setLifetime({ lifetimeS }: MappingGrant, now: number, share: number): void {
    this.#lifetimeMs = lifetimeS === null ? null : Math.min(lifetimeS * 1000, MAX_LIFETIME_MS);
    this.#endsAt = this.#lifetimeMs === null ? Infinity : now + this.#lifetimeMs;
    this.#renewAt = this.#lifetimeMs === null
      ? Infinity
      : now + Math.max(MIN_RENEWAL_GAP_MS, this.#lifetimeMs * (1 / 2 + share / 8));
  }
}
