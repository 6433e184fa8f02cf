import type { Key } from "../../src/tui/keys.ts";
import type { Size } from "../../src/tui/screen.ts";
import type { Terminal, TerminalEvent } from "../../src/tui/terminal.ts";

/** A terminal in memory: a test sends its events and reads what was written. */
export class FakeTerminal implements Terminal {
  readonly hasColor = true;
  /** What was written, one entry per call. */
  readonly written: string[] = [];
  /** What it was asked besides, in order. */
  readonly calls: string[] = [];
  #size: Size;
  readonly #events: TerminalEvent[] = [];
  #wake: () => void = () => {};
  #awaited: { text: RegExp; found: () => void } | null = null;

  constructor(size: Size = { columns: 60, rows: 12 }) {
    this.#size = size;
  }

  size(): Size {
    return this.#size;
  }

  write(text: string): void {
    this.written.push(text);
    if (this.#awaited?.text.test(text)) this.#awaited.found();
  }

  async next(): Promise<TerminalEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  suspend(): void {
    this.calls.push("suspend");
  }

  close(): void {
    this.calls.push("close");
  }

  /** Presses keys. */
  press(...keys: Key[]): void {
    this.#put(...keys.map((key): TerminalEvent => ({ on: "key", key })));
  }

  /** Makes it another size. */
  resize(size: Size): void {
    this.#size = size;
    this.#put({ on: "resized" });
  }

  /** Takes it away. */
  hangUp(): void {
    this.#put({ on: "hungUp" });
  }

  /** Resolves when something with `text` is written from now on, or was already. */
  shows(text: RegExp): Promise<void> {
    if (text.test(this.written.join(""))) return Promise.resolve();
    return new Promise((found) => this.#awaited = { text, found });
  }

  #put(...events: TerminalEvent[]): void {
    this.#events.push(...events);
    this.#wake();
  }
}
