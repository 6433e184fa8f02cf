import { safe } from "../base/safe.ts";
import type { Color, Line, Size, Span, Style } from "./screen.ts";
import { textWidth } from "./width.ts";

const ESC = "\u001b[";

/** SGR parameters (ECMA-48 8.3.117). */
const COLORS: Readonly<Record<Color, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, grey: 90 };

const ONLY_ASCII = /^[ -~]*$/;

/** Turns frames into what a terminal must be sent, row by row, only where a row has changed. */
export class Painter {
  readonly #hasColor: boolean;
  #shown: string[] = [];
  #size: Size = { columns: 0, rows: 0 };

  /** `hasColor`: false leaves colours and blinking out, and keeps bold and reverse. */
  constructor(hasColor: boolean) {
    this.#hasColor = hasColor;
  }

  /** Forgets what the terminal shows: the next frame is sent whole. */
  forget(): void {
    this.#size = { columns: 0, rows: 0 };
  }

  /**
   * The text that makes a terminal of `size` show `lines`, "" when it does already. A row is overwritten and then cleared
   * behind its end, never before, and the whole comes as one synchronized update: nothing flickers.
   */
  paint(lines: readonly Line[], size: Size): string {
    const isWhole = size.columns !== this.#size.columns || size.rows !== this.#size.rows;
    const rows = Array.from({ length: size.rows }, (_, at) => paintLine(lines[at] ?? [], this.#hasColor));
    const changed = rows.flatMap((row, at) =>
      !isWhole && row === this.#shown[at] ? [] : [`${ESC}${at + 1};1H${row}${ESC}0m${ESC}K`]
    );
    this.#shown = rows;
    this.#size = size;
    if (changed.length === 0) return "";
    return `${ESC}?2026h${isWhole ? `${ESC}2J` : ""}${changed.join("")}${ESC}?2026l`;
  }
}

/** One line as a terminal takes it, from the column 1 on. Text goes through `safe()` here, whoever made it. */
export function paintLine(line: Line, hasColor: boolean): string {
  let column = 1;
  let painted = "";
  for (const piece of line) {
    const width = textWidth(piece.text);
    painted += `${ESC}${sgr(piece.style, hasColor)}m${placed(piece, column, width)}`;
    column += width;
  }
  return painted;
}

/**
 * Where a terminal counts a character's width otherwise, only that piece of text suffers: its place is cleared first, and
 * what follows begins in its own column.
 */
function placed({ text }: Span, column: number, width: number): string {
  if (ONLY_ASCII.test(text)) return text;
  return `${" ".repeat(width)}${ESC}${column}G${safe(text)}${ESC}${column + width}G`;
}

function sgr({ color, bold, reverse, blink }: Style, hasColor: boolean): string {
  const parameters = [
    0,
    ...(bold ? [1] : []),
    ...(reverse ? [7] : []),
    ...(blink && hasColor ? [5] : []),
    ...(color !== undefined && hasColor ? [COLORS[color]] : []),
  ];
  return parameters.join(";");
}
