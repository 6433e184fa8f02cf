import type { Key } from "./keys.ts";
import { graphemes } from "./width.ts";

/** One line being typed, with the cursor between both parts. */
export interface TextField {
  /** Left of the cursor. */
  readonly before: string;
  /** Under and right of it. */
  readonly after: string;
}

/** Nothing typed yet. */
export const EMPTY_FIELD: TextField = { before: "", after: "" };

/** Longer than any name or password; keeps a mistaken paste small. */
const MAX_LENGTH = 512;

/** All that was typed. */
export function fieldText(field: TextField): string {
  return field.before + field.after;
}

/** The field after a key, or null when the key is not one for editing. Of a paste the first line is taken. */
export function editField(field: TextField, key: Key): TextField | null {
  if (key.kind === "named") return moveOrDelete(field, key.name);
  const [line = ""] = key.text.split(/[\r\n]/, 1);
  const text = line.replace(/\p{Cc}/gu, "");
  if (fieldText(field).length + text.length > MAX_LENGTH) return field;
  return { ...field, before: field.before + text };
}

function moveOrDelete({ before, after }: TextField, name: string): TextField | null {
  const [left, right] = [graphemes(before).at(-1) ?? "", graphemes(after)[0] ?? ""];
  const beforeLeft = before.slice(0, before.length - left.length);
  switch (name) {
    case "backspace":
      return { before: beforeLeft, after };
    case "delete":
      return { before, after: after.slice(right.length) };
    case "left":
      return { before: beforeLeft, after: left + after };
    case "right":
      return { before: before + right, after: after.slice(right.length) };
    case "home":
    case "ctrl-a":
      return { before: "", after: before + after };
    case "end":
    case "ctrl-e":
      return { before: before + after, after: "" };
    case "ctrl-u":
      return { before: "", after };
    case "ctrl-k":
      return { before, after: "" };
    case "ctrl-w":
      return { before: before.replace(/\S*\s*$/u, ""), after };
    default:
      return null;
  }
}
