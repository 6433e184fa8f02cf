import type { Clock } from "../base/clock.ts";
import type { ControlSession } from "./server_link.ts";

/** How to come to a better connection while one is open. */
export interface BetterWay {
  /** When to try next, in monotonic ms; null = there is nothing better. */
  at(): number | null;
  /** Connects and logs in; null where no better way is open. */
  open(signal: AbortSignal): Promise<ControlSession | null>;
}

/** Looks for a better connection while one is open, and ends that one when it has found one. */
export class Bettering {
  readonly #better: BetterWay;
  readonly #clock: Clock;
  readonly #session: ControlSession;
  readonly #abort = new AbortController();
  #running: Promise<ControlSession | null> | null = null;
  #found: ControlSession | null = null;
  #cancel = () => {};

  /** Begins to look. `session` is the connection that is open. */
  constructor(better: BetterWay, clock: Clock, session: ControlSession) {
    this.#better = better;
    this.#clock = clock;
    this.#session = session;
    this.plan();
  }

  /** The time of `better.at()` may have changed. */
  plan(): void {
    this.#cancel();
    const at = this.#better.at();
    if (at === null || this.#running !== null || this.#abort.signal.aborted) return;
    this.#cancel = this.#clock.after(Math.max(0, at - this.#clock.now()), () => void this.#try());
  }

  /**
   * The connection has ended; gives the better one, if there is one.
   *
   * @param isReplaced the server says that there is a newer login: then it is worth waiting for
   */
  async end(isReplaced: boolean): Promise<ControlSession | null> {
    this.#cancel();
    if (!isReplaced) this.#abort.abort();
    const found = await this.#running ?? this.#found;
    this.#abort.abort();
    return found;
  }

  async #try(): Promise<void> {
    this.#running = this.#better.open(this.#abort.signal).catch(() => null);
    this.#found = await this.#running;
    this.#running = null;
    if (this.#found === null) this.plan();
    else this.#session.close();
  }
}
