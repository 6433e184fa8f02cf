/** Keys that are no text. Control with a letter is `ctrl-` and the letter. */
export type KeyName =
  | "up"
  | "down"
  | "left"
  | "right"
  | "home"
  | "end"
  | "pageup"
  | "pagedown"
  | "delete"
  | "backspace"
  | "tab"
  | "backtab"
  | "enter"
  | "escape"
  | `ctrl-${string}`;

/** One press: a named key; a character as typed; or what was pasted, with all its lines. */
export type Key =
  | { readonly kind: "named"; readonly name: KeyName }
  | { readonly kind: "typed"; readonly text: string }
  | { readonly kind: "pasted"; readonly text: string };

/** Final bytes of CSI and SS3 sequences, and the numbers of `CSI n ~` (xterm, VT220). */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  M: "enter",
  Z: "backtab",
  "1~": "home",
  "3~": "delete",
  "4~": "end",
  "5~": "pageup",
  "6~": "pagedown",
  "7~": "home",
  "8~": "end",
};

const ESC = "\u001b";
const PASTE_START = "\u001b[200~";
const PASTE_END = "\u001b[201~";

/** More is no key and no paste that a field would take. */
const MAX_HELD_LENGTH = 65536;
const MAX_SEQUENCE_LENGTH = 32;

// deno-lint-ignore no-control-regex -- what a terminal sends begins with ESC
const SEQUENCE = /^\u001b(?:\[([0-9;:<=>?]*)[ -/]*([@-~])|O([@-~]))/;
// deno-lint-ignore no-control-regex -- what a terminal sends begins with ESC
const UNFINISHED = /^\u001b(?:\[[0-9;:<=>?]*[ -/]*|O)?$/;

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Makes keys of the bytes that a terminal in raw mode sends. */
export class KeyReader {
  readonly #decoder = new TextDecoder();
  #held = "";

  /** Whether the start of a sequence is held, which may be the Escape key alone. */
  get isWaiting(): boolean {
    return this.#held !== "";
  }

  /** The keys that `bytes` complete. Sequences that mean nothing here are dropped. */
  feed(bytes: Uint8Array): Key[] {
    this.#held += this.#decoder.decode(bytes, { stream: true });
    const keys: Key[] = [];
    while (this.#held !== "") {
      const taken = takeKey(this.#held);
      if (taken === null) break;
      this.#held = this.#held.slice(taken.length);
      keys.push(...taken.keys);
    }
    if (this.#held.length > MAX_HELD_LENGTH) this.#held = "";
    return keys;
  }

  /** Nothing has come for a while: a held ESC was the Escape key. A paste goes on. */
  flush(): Key[] {
    if (this.#held === "" || this.#held.startsWith(PASTE_START)) return [];
    this.#held = "";
    return [{ kind: "named", name: "escape" }];
  }
}

interface Taken {
  keys: Key[];
  /** UTF-16 units that they took. */
  length: number;
}

/** The key that `text` begins with, or null when more must come to know. */
function takeKey(text: string): Taken | null {
  if (text.startsWith(PASTE_START)) {
    const end = text.indexOf(PASTE_END);
    if (end < 0) return null;
    const pasted = text.slice(PASTE_START.length, end);
    return { keys: [{ kind: "pasted", text: pasted }], length: end + PASTE_END.length };
  }
  if (text.startsWith(ESC)) return takeSequence(text);
  const code = text.charCodeAt(0);
  if (code < 0x20 || code === 0x7f) return { keys: [{ kind: "named", name: controlName(code) }], length: 1 };
  // deno-lint-ignore no-control-regex -- text ends where a control character begins
  const run = /^[^\u0000-\u001f\u007f]+/.exec(text)?.[0] ?? "";
  const typed = Array.from(segmenter.segment(run), ({ segment }): Key => ({ kind: "typed", text: segment }));
  return { keys: typed, length: run.length };
}

function takeSequence(text: string): Taken | null {
  const found = SEQUENCE.exec(text);
  if (found === null) {
    if (text.length <= MAX_SEQUENCE_LENGTH && UNFINISHED.test(text)) return null;
    return { keys: [{ kind: "named", name: "escape" }], length: 1 };
  }
  const [whole, parameters = "", final, single] = found;
  // Shift and the like come as `CSI 1 ; 2 A`: the key counts, not what is held with it.
  const name = SEQUENCES[single ?? (final === "~" ? `${parameters.split(";")[0]}~` : final ?? "")];
  return { keys: name === undefined ? [] : [{ kind: "named", name }], length: whole.length };
}

function controlName(code: number): KeyName {
  switch (code) {
    case 0x08:
    case 0x7f:
      return "backspace";
    case 0x09:
      return "tab";
    case 0x0a:
    case 0x0d:
      return "enter";
    default:
      return `ctrl-${String.fromCharCode(code + 0x60)}`;
  }
}
