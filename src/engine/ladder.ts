/**
 * Which way to take to the server where not every way is open: pure.
 *
 * The ways are rungs, the best first. One after the other is tried, the next one at once when all before it have failed, else
 * after a while beside them; the first that opens wins. The rung that worked last is tried first, so that a client behind a
 * strict firewall waits only once. From a lower rung the better ones are tried again now and then, while the connection
 * stays.
 *
 * @module
 */

/** What a connection is made of. */
export type Way = "tcp" | "tls" | "proxy";

/** One way to the server. */
export interface Rung {
  /** `proxy` is TLS through an HTTP proxy. */
  way: Way;
  /** TCP port of the server. */
  port: number;
}

/** So long a rung is tried alone; then the next one is tried beside it. */
export const NEXT_RUNG_MS = 3000;

/** How often better rungs are tried. */
export const BETTER_EVERY_MS = 180_000;

/** After a change of own addresses the new network gets so long to settle. */
const SETTLE_MS = 2000;

/** The port of the web, which strict firewalls leave open. */
const WEB_PORT = 443;

/**
 * The rungs to a server whose control port is `port`, best first.
 *
 * @param tlsPort what the server told: 0 = it has no port for TLS alone; null = not told yet
 */
export function rungsOf(port: number, tlsPort: number | null, hasProxy: boolean): Rung[] {
  const tlsPorts = [...new Set([tlsPort === null ? WEB_PORT : tlsPort, port])].filter((each) => each !== 0);
  const through = (way: Way): Rung[] => tlsPorts.map((each) => ({ way, port: each }));
  return [{ way: "tcp", port }, ...through("tls"), ...(hasProxy ? through("proxy") : [])];
}

/** Names a rung, in memory and in logs. */
export function rungName({ way, port }: Rung): string {
  return `${way}:${port}`;
}

/** One attempt to get up by any of some rungs. Times are monotonic ms. */
export class Climb {
  readonly #waiting: Rung[];
  #running = 0;
  #nextAt: number;

  /** Tries `order` one after the other, from `now` on. */
  constructor(order: readonly Rung[], now: number) {
    this.#waiting = [...order];
    this.#nextAt = now;
  }

  /** Whether nothing is being tried and nothing is left to try. */
  get hasFailed(): boolean {
    return this.#running === 0 && this.#waiting.length === 0;
  }

  /** When {@linkcode Climb.next} has something; null = not before a failure. */
  get wakeAt(): number | null {
    return this.#waiting.length === 0 ? null : this.#nextAt;
  }

  /** The rung to try now; null = none yet. */
  next(now: number): Rung | null {
    if (this.#waiting.length === 0 || now < this.#nextAt) return null;
    this.#running++;
    this.#nextAt = now + NEXT_RUNG_MS;
    return this.#waiting.shift()!;
  }

  /** A rung that was tried has failed. */
  failed(now: number): void {
    this.#running--;
    if (this.#running === 0) this.#nextAt = now;
  }
}

/** What is known of the rungs to one server. */
export class Ladder {
  #rungs: readonly Rung[];
  #lastName: string | null;
  #betterAt: number | null = null;

  /** `lastName`: the {@linkcode rungName} of the one that worked last; null = none yet. */
  constructor(rungs: readonly Rung[], lastName: string | null) {
    this.#rungs = rungs;
    this.#lastName = lastName;
  }

  /** In which order to try. */
  get order(): Rung[] {
    const last = this.#rungs.filter((rung) => rungName(rung) === this.#lastName);
    return [...last, ...this.#rungs.filter((rung) => !last.includes(rung))];
  }

  /** The rungs that are better than the one in use. */
  get better(): Rung[] {
    const index = this.#rungs.findIndex((rung) => rungName(rung) === this.#lastName);
    return this.#rungs.slice(0, Math.max(0, index));
  }

  /** When to try the better rungs; null = there are none. */
  get betterAt(): number | null {
    return this.#betterAt;
  }

  /** The server told of other ports. */
  setRungs(rungs: readonly Rung[]): void {
    this.#rungs = rungs;
    if (this.better.length === 0) this.#betterAt = null;
  }

  /** There is a login by this rung. */
  worked(rung: Rung, now: number): void {
    this.#lastName = rungName(rung);
    this.#betterAt = this.better.length === 0 ? null : now + BETTER_EVERY_MS;
  }

  /** The better rungs are being tried. */
  triesBetter(now: number): void {
    if (this.#betterAt !== null) this.#betterAt = now + BETTER_EVERY_MS;
  }

  /** An own address came, went or changed: perhaps this is another network. */
  addressChanged(now: number): void {
    if (this.#betterAt !== null) this.#betterAt = Math.min(this.#betterAt, now + SETTLE_MS);
  }
}
