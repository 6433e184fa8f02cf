import { utf8 } from "../../base/bytes.ts";

/** Characters that take two columns in a terminal: East Asian scripts and emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u;
/** Characters that take none: marks set on the one before. */
const ZERO = /\p{M}/u;

/** Columns that `text` takes in a terminal, as near as one gets without asking it. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** `text` with blanks up to `width` columns; a longer one stays whole. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

/**
 * The shortest start of `text`, whole characters and no blank at its end, that has at least `bytes` bytes of UTF-8; all of
 * it when there is none.
 */
export function cutAtBytes(text: string, bytes: number): string {
  let kept = "";
  for (const character of text) {
    if (utf8(kept).length >= bytes && !kept.endsWith(" ")) break;
    kept += character;
  }
  return kept;
}
