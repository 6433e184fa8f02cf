/**
 * Puts what was learnt on the disk. What the disk refuses stays in memory and is tried again until it is taken; meanwhile
 * `status` says so, for it would be lost with the engine.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { UserError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { ControlError } from "../ipc/mod.ts";

/** How often a disk that refused is tried again. */
const RETRY_MS = 10_000;

/** What a saver works with. */
export interface StateSaverOptions {
  /** Time. */
  clock: Clock;
  /** Where it tells that the disk refuses, and that it takes again. */
  log: Logger;
}

/** Saves the files of one engine. */
export class StateSaver {
  readonly #options: StateSaverOptions;
  /** Writes that are due, by the file they replace. */
  readonly #due = new Map<string, () => void>();
  #problem: string | null = null;
  #cancel = () => {};

  /** Nothing is due yet. */
  constructor(options: StateSaverOptions) {
    this.#options = options;
  }

  /** Why something is not on the disk, in one line; null = everything is. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Saves now or, if the disk refuses, as soon as it takes; `write` puts what is true when it runs into `file`. */
  save(file: string, write: () => void): void {
    this.#due.set(file, write);
    this.#saveDue();
  }

  /** Tries once more what the disk has refused, and then no longer. */
  stop(): void {
    if (this.#due.size > 0) this.#saveDue();
    this.#cancel();
    if (this.#due.size > 0) this.#options.log.error("lost: it could not be saved", { files: [...this.#due.keys()] });
  }

  #saveDue(): void {
    const { clock, log } = this.#options;
    this.#cancel();
    const wasRefused = this.#problem !== null;
    this.#problem = null;
    for (const [file, write] of this.#due) {
      try {
        write();
        this.#due.delete(file);
      } catch (error) {
        this.#problem ??= explain(error);
        if (!wasRefused) log.error("what was learnt could not be saved; it is tried again", { file, error });
      }
    }
    if (this.#due.size > 0) this.#cancel = clock.after(RETRY_MS, () => this.#saveDue());
    else if (wasRefused) log.info("what was learnt is saved now");
  }
}

/** Saves what somebody waits for, who would rather have nothing done than lose it. @throws {ControlError} `cannotSave` */
export function requireSaved(write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new ControlError("cannotSave", error instanceof Error ? error.message : String(error));
  }
}

function explain(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  const hint = error instanceof UserError && error.hint !== undefined ? ` ${error.hint}` : "";
  return `${reason}; it is lost when the engine ends.${hint}`;
}
