import { type Endpoint, endpointKey, formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { PathBook, type PathEffect, type PathEvent } from "../../src/nat/mod.ts";

/** How one endpoint behaves. */
export interface Link {
  rttMs: number;
  /** Share of probes that go unanswered. */
  loss: number;
  isUp: boolean;
}

/** Something the book asked for, with its time. */
export type Logged = { at: number; what: string };

export const at = (text: string): Endpoint => parseEndpoint(text)!;

/** A PathBook in a world of links, driven by its own wake-ups. */
export class PathSimulation {
  now = 0;
  readonly log: Logged[] = [];
  readonly book: PathBook;
  readonly #links = new Map<string, Link>();
  readonly #random: Random;
  #answers: { at: number; endpoint: Endpoint; probeId: bigint; rttMs: number }[] = [];
  #trafficEveryMs: number | null = null;
  #trafficAt = 0;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
    this.book = new PathBook(seededRandom(seed + 1));
  }

  link(text: string, link: Partial<Link> = {}): Link {
    const whole = { rttMs: 20, loss: 0, isUp: true, ...link };
    this.#links.set(endpointKey(at(text)), whole);
    return whole;
  }

  /** Packets flow from now on, or do not (null). */
  traffic(everyMs: number | null): void {
    this.#trafficEveryMs = everyMs;
    this.#trafficAt = this.now;
  }

  step(event: PathEvent): PathEffect[] {
    const effects = this.book.step(event, this.now);
    for (const effect of effects) this.#carryOut(effect);
    return effects;
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.#answers.sort((a, b) => a.at - b.at);
      const answerAt = this.#answers[0]?.at ?? Infinity;
      const trafficAt = this.#trafficEveryMs === null ? Infinity : this.#trafficAt;
      const wakeAt = this.book.nextWakeAt() ?? Infinity;
      const next = Math.min(answerAt, trafficAt, wakeAt);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (next === answerAt) this.step({ on: "probeAnswered", ...this.#answers.shift()! });
      else if (next === trafficAt) {
        this.#trafficAt += this.#trafficEveryMs!;
        this.step({ on: "traffic" });
      } else this.step({ on: "tick" });
    }
    this.now = end;
  }

  /** The endpoint in use, as text. */
  get inUse(): string | null {
    const current = this.book.current;
    return current === null ? null : formatEndpoint(current.endpoint);
  }

  /** Times of what was logged as `what` from `since` on. */
  times(what: string, since = 0): number[] {
    return this.log.filter((entry) => entry.what === what && entry.at >= since).map((entry) => entry.at);
  }

  #carryOut(effect: PathEffect): void {
    const where = "endpoint" in effect && effect.endpoint !== null ? ` ${formatEndpoint(effect.endpoint)}` : "";
    this.log.push({ at: this.now, what: `${effect.do}${where}` });
    if (effect.do !== "probe") return;
    const link = this.#links.get(endpointKey(effect.endpoint));
    if (link === undefined || !link.isUp || this.#random.unit() < link.loss) return;
    const { endpoint, probeId } = effect;
    this.#answers.push({ at: this.now + link.rttMs, endpoint, probeId, rttMs: link.rttMs });
  }
}
