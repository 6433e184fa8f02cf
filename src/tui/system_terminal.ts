import { type Key, KeyReader } from "./keys.ts";
import type { Size } from "./screen.ts";
import type { Terminal, TerminalEvent, TerminalUse } from "./terminal.ts";

/** Terminals send a key's sequence at once; an ESC that stays alone this long was the Escape key. */
const ESCAPE_KEY_AFTER_MS = 50;

const BRACKETED_PASTE = ["\u001b[?2004h", "\u001b[?2004l"] as const;

/** What is sent to take the terminal and to give it back: alternate screen, no cursor, no automatic line wrap. */
const SEQUENCES: Readonly<Record<TerminalUse, readonly [string, string]>> = {
  screen: [
    `\u001b[?1049h\u001b[?25l\u001b[?7l${BRACKETED_PASTE[0]}`,
    `\u001b[0m\u001b[?7h\u001b[?25h${BRACKETED_PASTE[1]}\u001b[?1049l`,
  ],
  line: [`\u001b[?25l${BRACKETED_PASTE[0]}`, `\u001b[0m\u001b[?25h${BRACKETED_PASTE[1]}`],
};

/** Where no size can be asked for. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

const HAS_JOB_CONTROL = Deno.build.os !== "windows";

/** Takes the terminal that stdin and stdout are. */
export function openTerminal(use: TerminalUse): Terminal {
  return new SystemTerminal(use);
}

class SystemTerminal implements Terminal {
  readonly hasColor = !Deno.noColor && Deno.env.get("TERM") !== "dumb";
  readonly #sequences: readonly [string, string];
  readonly #keys = new KeyReader();
  readonly #events: TerminalEvent[] = [];
  readonly #buffer = new Uint8Array(4096);
  #wake: () => void = () => {};
  #isReading = false;
  #isTaken = false;
  #escapeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(use: TerminalUse) {
    this.#sequences = SEQUENCES[use];
    this.#listen("add");
    this.#take();
  }

  size(): Size {
    try {
      return Deno.consoleSize();
    } catch {
      return DEFAULT_SIZE;
    }
  }

  write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
    } catch {
      this.#put({ on: "hungUp" }); // a terminal that takes nothing more is gone
    }
  }

  async next(): Promise<TerminalEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      if (!this.#isReading) void this.#read();
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  suspend(): void {
    // To the whole group: a shell takes its terminal back only when all of what it started has stopped.
    if (HAS_JOB_CONTROL) Deno.kill(0, "SIGTSTP");
  }

  close(): void {
    clearTimeout(this.#escapeTimer);
    this.#listen("remove");
    this.#giveBack();
  }

  #take(): void {
    Deno.stdin.setRaw(true);
    this.#isTaken = true;
    this.write(this.#sequences[0]);
  }

  readonly #giveBack = (): void => {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    this.write(this.#sequences[1]);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // the terminal is gone, and nothing is left to give back
    }
  };

  /** However the process ends, short of SIGKILL, its terminal is given back. */
  #listen(verb: "add" | "remove"): void {
    for (const name of ["unload", "error", "unhandledrejection"]) {
      if (verb === "add") globalThis.addEventListener(name, this.#giveBack);
      else globalThis.removeEventListener(name, this.#giveBack);
    }
    const signal = verb === "add" ? Deno.addSignalListener : Deno.removeSignalListener;
    signal("SIGWINCH", this.#onResize);
    if (!HAS_JOB_CONTROL) return;
    signal("SIGHUP", this.#onHangUp);
    signal("SIGTSTP", this.#onStop);
    signal("SIGCONT", this.#onContinue);
  }

  readonly #onResize = (): void => this.#put({ on: "resized" });
  readonly #onHangUp = (): void => this.#put({ on: "hungUp" });

  readonly #onStop = (): void => {
    this.#giveBack();
    Deno.kill(Deno.pid, "SIGSTOP");
  };

  readonly #onContinue = (): void => {
    if (this.#isTaken) this.#giveBack(); // stopped by a SIGSTOP from elsewhere: the shell has reset the terminal since
    this.#take();
    this.#put({ on: "resumed" });
  };

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      const count = await Deno.stdin.read(this.#buffer);
      clearTimeout(this.#escapeTimer);
      if (count === null) this.#put({ on: "hungUp" });
      else this.#putKeys(this.#keys.feed(this.#buffer.subarray(0, count)));
    } catch {
      this.#put({ on: "hungUp" });
    } finally {
      this.#isReading = false;
    }
    if (this.#keys.isWaiting) {
      this.#escapeTimer = setTimeout(() => this.#putKeys(this.#keys.flush()), ESCAPE_KEY_AFTER_MS);
    }
    this.#wake(); // nothing may have come of the bytes; then `next` reads on
  }

  #putKeys(keys: Key[]): void {
    for (const key of keys) this.#put({ on: "key", key });
  }

  #put(event: TerminalEvent): void {
    this.#events.push(event);
    this.#wake();
  }
}
