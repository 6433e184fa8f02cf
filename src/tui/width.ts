/**
 * How many columns text takes on a terminal.
 *
 * Terminals differ on sequences that join several code points into one picture. What `safe()` leaves has no joiners and no
 * variation selectors; `drawable` takes away the rest on which they differ, so that one count holds for all of them.
 *
 * @module
 */

import { eastAsianWidth } from "get-east-asian-width";
import { safe } from "../base/safe.ts";

/** A tower of marks would cover the lines above and below. */
const TOO_MANY_MARKS = /([\p{Mn}\p{Me}]{2})[\p{Mn}\p{Me}]+/gu;

/** A mark without a base would stand on whatever is left of it. */
const LEADING_MARKS = /^[\p{Mn}\p{Me}]+/u;

/** Skin tones: one picture with their base on some terminals, two on others. */
const EMOJI_MODIFIERS = /\p{Emoji_Modifier}/gu;

/** Marks, and the middle and end letters of Hangul, which stand in the cell of the letter before them. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\u1160-\u11ff\ud7b0-\ud7ff]$/u;

const ONLY_ASCII = /^[ -~]*$/;

const ELLIPSIS = "…";

const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

/** `text` on one line, without what steers a terminal and without what terminals draw differently. */
export function drawable(text: string): string {
  if (ONLY_ASCII.test(text)) return text;
  return safe(text).normalize("NFC").replace(EMOJI_MODIFIERS, "").replace(LEADING_MARKS, "")
    .replace(TOO_MANY_MARKS, "$1");
}

/** What a reader takes for one character each. */
export function graphemes(text: string): string[] {
  return ONLY_ASCII.test(text) ? [...text] : Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Columns that `text`, which is drawable, takes: 2 for wide characters and emoji, 0 for marks (UAX 11). */
export function textWidth(text: string): number {
  if (ONLY_ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (!ZERO_WIDTH.test(character)) width += eastAsianWidth(character.codePointAt(0) as number);
  }
  return width;
}

/** The longest start of drawable `text` within `width` columns; cut text ends with an ellipsis. */
export function cutToWidth(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return "";
  let kept = "";
  let left = width - 1;
  for (const grapheme of graphemes(text)) {
    left -= textWidth(grapheme);
    if (left < 0) break;
    kept += grapheme;
  }
  return kept + ELLIPSIS;
}

/** `text` made drawable, in exactly `width` columns: cut, or filled with blanks. */
export function fitted(text: string, width: number, align: "left" | "right" = "left"): string {
  const cut = cutToWidth(drawable(text), width);
  const blanks = " ".repeat(Math.max(0, width - textWidth(cut)));
  return align === "left" ? cut + blanks : blanks + cut;
}
