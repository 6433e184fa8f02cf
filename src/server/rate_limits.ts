/**
 * How often somebody may do what costs the server work or guesses a secret.
 *
 * @module
 */
import { toHex } from "../base/bytes.ts";
import { type Endpoint, ipv4Of } from "../base/ip.ts";

/** Who stands behind an address: an IPv6 customer has a whole /64. */
export function sourceOf(endpoint: Endpoint): string {
  return toHex(ipv4Of(endpoint) === null ? endpoint.address.subarray(0, 8) : endpoint.address);
}

/** Counts events by key over the last `windowMs`, exactly. */
export class EventWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #times = new Map<string, number[]>();
  #sweptAt = 0;

  /** At most `limit` events of a key in any stretch of `windowMs`. */
  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** How many keys are held. */
  get size(): number {
    return this.#times.size;
  }

  /** Whether one more event of `key` is within the limit. */
  hasRoom(key: string, now: number): boolean {
    return this.#recent(key, now).length < this.#limit;
  }

  /** Counts one event. */
  add(key: string, now: number): void {
    this.#times.set(key, [...this.#recent(key, now), now]);
    this.#sweep(now);
  }

  #recent(key: string, now: number): number[] {
    return (this.#times.get(key) ?? []).filter((time) => time > now - this.#windowMs);
  }

  /** Once per window every key without a recent event is forgotten, so that memory follows the rate of events. */
  #sweep(now: number): void {
    if (now < this.#sweptAt + this.#windowMs) return;
    this.#sweptAt = now;
    for (const key of this.#times.keys()) {
      if (this.#recent(key, now).length === 0) this.#times.delete(key);
    }
  }
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Who tries to join what, from where. */
export interface JoinAttempt {
  /** The account. */
  clientId: number;
  /** Name key of the network, whether or not there is one. */
  nameKey: string;
  /** See {@linkcode sourceOf}. */
  source: string;
}

/**
 * Limits on guessing network passwords. Only failures count, so that nobody is kept out by others' successes; members are
 * not affected at all, for they need no password any more.
 */
export class PasswordTries {
  readonly #windows: readonly [EventWindow, (attempt: JoinAttempt) => string][] = [
    [new EventWindow(5, MINUTE_MS), ({ clientId, nameKey }) => `${clientId} ${nameKey}`],
    [new EventWindow(20, MINUTE_MS), ({ source }) => source],
    [new EventWindow(100, MINUTE_MS), ({ nameKey }) => nameKey],
  ];

  /** Whether this attempt may be looked at. */
  mayTry(attempt: JoinAttempt, now: number): boolean {
    return this.#windows.every(([window, keyOf]) => window.hasRoom(keyOf(attempt), now));
  }

  /** The password was wrong, or there was no such network. */
  failed(attempt: JoinAttempt, now: number): void {
    for (const [window, keyOf] of this.#windows) window.add(keyOf(attempt), now);
  }
}

/** New accounts of one source in an hour: more than a large household, fewer than an address pool. */
const MAX_REGISTRATIONS_PER_HOUR = 1000;

/** Limits how many accounts a source makes. */
export function registrationLimit(): EventWindow {
  return new EventWindow(MAX_REGISTRATIONS_PER_HOUR, HOUR_MS);
}

const MAX_ANNOUNCEMENTS_PER_MINUTE = 10;

/** Limits how often all members of a network are told something. */
export function announcementLimit(): EventWindow {
  return new EventWindow(MAX_ANNOUNCEMENTS_PER_MINUTE, MINUTE_MS);
}

const MAX_MESSAGES_PER_DAY = 50;

/** Limits how much one client writes to another through the server. */
export function messageLimit(): EventWindow {
  return new EventWindow(MAX_MESSAGES_PER_DAY, 24 * HOUR_MS);
}

const MAX_UNAUTHENTICATED = 1000;
const MAX_UNAUTHENTICATED_PER_SOURCE = 20;

/** Limits on connections that have not logged in yet (PROTOCOL.md section 3). */
export class UnauthenticatedConnections {
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** Whether one more from `source` may stay; if so it counts until {@linkcode UnauthenticatedConnections.release}. */
  admit(source: string): boolean {
    const count = this.#counts.get(source) ?? 0;
    if (this.#total >= MAX_UNAUTHENTICATED || count >= MAX_UNAUTHENTICATED_PER_SOURCE) return false;
    this.#counts.set(source, count + 1);
    this.#total++;
    return true;
  }

  /** One that was admitted has logged in or gone; to be called once for each. */
  release(source: string): void {
    const count = this.#counts.get(source)!;
    if (count === 1) this.#counts.delete(source);
    else this.#counts.set(source, count - 1);
    this.#total--;
  }
}

/** Clients that a server logs in a second without getting behind. */
const LOGINS_PER_SECOND = 20;

/** A herd comes back within so many seconds. */
const MAX_RETRY_SECONDS = 30;

/**
 * In how many seconds at most a client that is turned away should come back, 1 to 30, when it is the `count`-th of late
 * (from 1): a herd spreads out, and a single client whose server was held up for a moment waits no longer than that.
 */
export function retrySpreadSeconds(count: number): number {
  return Math.min(MAX_RETRY_SECONDS, Math.ceil(count / LOGINS_PER_SECOND));
}
