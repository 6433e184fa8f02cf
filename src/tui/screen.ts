import { cutToWidth, drawable, textWidth } from "./width.ts";

/** Colours by meaning; a terminal's own palette says how they look. */
export type Color = "green" | "cyan" | "yellow" | "red" | "grey";

/** How a piece of text looks. */
export interface Style {
  /** Left out: the terminal's own. */
  readonly color?: Color;
  /** Stronger. */
  readonly bold?: boolean;
  /** Text and background change places. */
  readonly reverse?: boolean;
  /** Where there are colours. */
  readonly blink?: boolean;
}

/** A piece of a line in one style. Made by `span`, its text is drawable. */
export interface Span {
  /** Drawable. */
  readonly text: string;
  /** Its looks. */
  readonly style: Style;
}

/** One line of the screen. */
export type Line = readonly Span[];

/** Columns and rows of a terminal. */
export interface Size {
  /** Characters in a line, wide ones counted twice. */
  readonly columns: number;
  /** Lines. */
  readonly rows: number;
}

/** Text from anywhere in one style. */
export function span(text: string, style: Style = {}): Span {
  return { text: drawable(text), style };
}

/** Columns that a line takes. */
export function lineWidth(line: Line): number {
  return line.reduce((width, { text }) => width + textWidth(text), 0);
}

/** `line` in exactly `width` columns: cut, or filled with blanks in `style`. */
export function fitLine(line: Line, width: number, style: Style = {}): Line {
  const kept: Span[] = [];
  let left = width;
  for (const piece of line) {
    if (left <= 0) break;
    const text = cutToWidth(piece.text, left);
    kept.push({ text, style: piece.style });
    left -= textWidth(text);
  }
  return left > 0 ? [...kept, { text: " ".repeat(left), style }] : kept;
}

/** `line` with `style` over that of each piece. */
export function styled(line: Line, style: Style): Line {
  return line.map((piece) => ({ text: piece.text, style: { ...piece.style, ...style } }));
}

/** What a line says, without its looks. */
export function lineText(line: Line): string {
  return line.map(({ text }) => text).join("");
}
