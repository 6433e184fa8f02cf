import { type Line, span } from "../screen.ts";
import { graphemes } from "../width.ts";
import { BINDINGS } from "./bindings.ts";
import type { Mode, Model } from "./model.ts";
import { shownKey } from "./foot.ts";

/** What there is to say instead of a list. */
export function renderEmpty(model: Model, columns: number): Line[] {
  return ["", ...emptyWords(model)].flatMap((words) => wrap(words, columns - 2)).map((words) => [span(` ${words}`)]);
}

function emptyWords(model: Model): string[] {
  const { engine } = model;
  if (engine.at === "connecting") return ["Looking for the engine …"];
  if (engine.at === "unreachable") {
    if (engine.reason === "notPermitted") {
      return ["You do not have permission to control the engine.", "Run this as the user who runs the engine."];
    }
    if (engine.reason === "failed") return ["The engine cannot be reached:", engine.detail];
    return [
      "The engine is not running. In another terminal, start it with",
      "",
      `  ${model.startCommand}`,
      "",
      "and the first time with --server INVITE behind it. This screen then connects by itself.",
    ];
  }
  if (model.filter !== "") return ["Nothing found. Escape shows all again."];
  if (engine.status.status === "offline") return ["Logged out. O logs in."];
  return ["No networks yet. n joins one, c creates one."];
}

/** Breaks at blanks; a line that begins with blanks is not broken. */
function wrap(words: string, columns: number): string[] {
  if (words.startsWith(" ")) return [words];
  const lines = [""];
  for (const word of words.split(" ")) {
    const last = lines.at(-1) as string;
    if (last === "") lines[lines.length - 1] = word;
    else if (graphemes(last).length + 1 + graphemes(word).length <= columns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** All keys and marks. */
export function renderHelp(mode: Extract<Mode, { at: "help" }>, rows: number): Line[] {
  const lines = BINDINGS.map(({ keys, help }): Line => [
    span(`  ${keys.map(shownKey).join(" ").padEnd(14)}`, { bold: true }),
    span(help),
  ]);
  const marks: Line[] = [
    [],
    [span("  * online   x unreachable   ? waits   ! error")],
    [span("  direct", { color: "green" }), span("   "), span("relay", { color: "cyan" }), span("   bold = traffic")],
  ];
  const all = [...lines, ...marks];
  return all.slice(Math.min(mode.top, Math.max(0, all.length - rows)));
}
