import type { Key } from "./keys.ts";
import type { Size } from "./screen.ts";

/** What a terminal tells. */
export type TerminalEvent =
  | { readonly on: "key"; readonly key: Key }
  /** It has another size now. */
  | { readonly on: "resized" }
  /** The program was suspended and goes on: what the screen showed is gone. */
  | { readonly on: "resumed" }
  /** It is gone. Nothing comes after it. */
  | { readonly on: "hungUp" };

/** How much of the terminal is taken: the line the cursor is on, or a screen of one's own. */
export type TerminalUse = "line" | "screen";

/** A terminal in raw mode, owned by one loop until `close`. */
export interface Terminal {
  /** Whether it is to be sent colours. */
  readonly hasColor: boolean;
  /** How large it is now. */
  size(): Size;
  /** Sends text as it is: escape sequences, and text that passed through `safe()`. */
  write(text: string): void;
  /** The next event. Asked again only when it has been answered. */
  next(): Promise<TerminalEvent>;
  /** Gives the terminal back, stops the program as Ctrl-Z does, and goes on with a `resumed`. */
  suspend(): void;
  /** Gives the terminal back as it was. May be called again. */
  close(): void;
}

/** Opens the terminal of this process. */
export type OpenTerminal = (use: TerminalUse) => Terminal;
