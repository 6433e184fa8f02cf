/** One background task: it must end soon after `signal` aborts, by returning or by throwing the signal's reason. */
export type Task = (signal: AbortSignal) => Promise<void>;

/**
 * Background promises with one owner. None is ever left unhandled: the first failure goes to `onFailure` (later ones are
 * mostly its echo and are dropped), and `stop()` ends with the last task.
 */
export class TaskGroup {
  readonly #abort = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #onFailure: (error: unknown, name: string) => void;
  #hasFailed = false;

  /** `onFailure` is called at most once; it usually logs and stops the owner. */
  constructor(onFailure: (error: unknown, name: string) => void) {
    this.#onFailure = onFailure;
  }

  /** Aborts when {@linkcode TaskGroup.stop} begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Starts `task`; `name` tells it apart in a failure. After `stop()` began nothing is started any more. */
  spawn(name: string, task: Task): void {
    if (this.signal.aborted) return;
    const running: Promise<void> = this.#run(name, task).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Aborts the signal and waits until every task has ended. Never throws; may be called again. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#running);
  }

  async #run(name: string, task: Task): Promise<void> {
    try {
      await task(this.signal);
    } catch (error) {
      const isEcho = this.signal.aborted && error === this.signal.reason;
      if (isEcho || this.#hasFailed) return;
      this.#hasFailed = true;
      this.#onFailure(error, name);
    }
  }
}
