/** Time from outside: whatever decides takes a Clock, so that a test or a simulation can own time. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start; for intervals. */
  now(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z; for people and files. May jump. */
  wallMs(): number;
  /** Calls `fn` once, `ms` from now; the returned function cancels it and may be called at any time. */
  after(ms: number, fn: () => void): () => void;
}

interface Timer {
  dueAt: number;
  fn: () => void;
}

/** A clock that moves only when told to; timers run in order of their due time, equal ones in order of arming. */
export class FakeClock implements Clock {
  #now = 0;
  #wallMs: number;
  readonly #timers = new Set<Timer>();

  /** Starts at 0 ms monotonic and `wallMs` on the wall. */
  constructor(wallMs: number = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#now;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { dueAt: this.#now + Math.max(0, ms), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are armed. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  /** Moves time on and runs every timer that comes due on the way, also those armed meanwhile. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#move(next.dueAt);
      next.fn();
    }
    this.#move(end);
  }

  #move(now: number): void {
    this.#wallMs += now - this.#now;
    this.#now = now;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (first === undefined || timer.dueAt < first.dueAt)) first = timer;
    }
    return first;
  }
}
