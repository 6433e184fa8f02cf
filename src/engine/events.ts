/**
 * What happens, told to whoever listens: commands, views, programs. Nobody who is slow holds up the engine.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { EngineEvent, EventFacts, EventKind } from "../ipc/chat_schema.ts";

/** Events that may wait for one listener; what is beyond is left out, and that is told. */
const MAX_WAITING = 1_000;

interface Listener {
  kinds: ReadonlySet<EventKind> | null;
  waiting: EngineEvent[];
  lostCount: number;
  wake: () => void;
}

/** The events of one engine. */
export class EventHub {
  readonly #clock: Clock;
  readonly #listeners = new Set<Listener>();

  /** `clock` dates the events. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something happened. A property, so that it can be handed on. */
  readonly emit = (facts: EventFacts): void => {
    const event = { at: Math.floor(this.#clock.wallMs()), ...facts };
    for (const listener of this.#listeners) {
      if (listener.kinds !== null && !listener.kinds.has(event.kind)) continue;
      if (listener.waiting.length < MAX_WAITING) listener.waiting.push(event);
      else listener.lostCount++;
      listener.wake();
    }
  };

  /** Events from now on, until `signal` aborts. `kinds`: null = all. */
  listen(kinds: readonly EventKind[] | null, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const listener: Listener = {
      kinds: kinds === null ? null : new Set(kinds),
      waiting: [],
      lostCount: 0,
      wake: () => {},
    };
    // At once, not at the first `next`: whoever has called this misses nothing.
    this.#listeners.add(listener);
    return this.#tell(listener, signal);
  }

  async *#tell(listener: Listener, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const onAbort = () => listener.wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        const event = listener.waiting.shift();
        if (event !== undefined) {
          yield event;
        } else if (listener.lostCount > 0) {
          const count = listener.lostCount;
          listener.lostCount = 0;
          yield { at: Math.floor(this.#clock.wallMs()), kind: "lost", count };
        } else {
          await new Promise<void>((resolve) => listener.wake = resolve);
        }
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#listeners.delete(listener);
    }
  }
}
