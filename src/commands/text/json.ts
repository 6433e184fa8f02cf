import { safe } from "../../base/safe.ts";

/** One line of JSON whose strings keep every character, yet which steers no terminal: what `safe()` removes is escaped. */
export function renderJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^ -~]/gu,
    (character) => safe(character) === character ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");
}
