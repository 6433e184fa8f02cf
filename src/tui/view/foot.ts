import { renderForm } from "../form.ts";
import { type Line, type Size, span } from "../screen.ts";
import { fieldText } from "../text_field.ts";
import { type Binding, liveBindings } from "./bindings.ts";
import type { Model } from "./model.ts";
import { pingWords } from "./words.ts";

/** A lower screen has one line at its foot, which then is for what matters most. */
const TWO_FEET_FROM_ROWS = 12;

/** The last one or two lines: what is typed or has just happened, and the keys that do something now. */
export function renderFoot(model: Model, { columns, rows }: Size): Line[] {
  const words = footWords(model, columns);
  const hints = footHints(model);
  if (rows < TWO_FEET_FROM_ROWS) return [words ?? hints];
  return model.mode.at === "form" && model.mode.title !== ""
    ? [[span(model.mode.title, { bold: true })], words ?? []]
    : [words ?? [], hints];
}

/** What a person types, or should read now. */
function footWords(model: Model, columns: number): Line | null {
  const { mode, notice, filter, ping } = model;
  if (mode.at === "form") return renderForm(mode.form, columns);
  if (mode.at === "filter") {
    return [span("find: "), span(fieldText(mode.field)), { text: " ", style: { reverse: true } }];
  }
  if (notice !== null) return [span(notice.text, notice.isFailure ? { color: "red", bold: true } : { bold: true })];
  if (ping !== null) return [span(pingWords(ping))];
  return filter === "" ? null : [span(`find: ${filter}   (Esc shows all)`)];
}

function footHints(model: Model): Line {
  switch (model.mode.at) {
    case "form":
      return [span("Enter goes on, Esc leaves", { color: "grey" })];
    case "filter":
      return [span("blank = and, comma = or; Enter keeps it, Esc shows all", { color: "grey" })];
    case "help":
      return [span("Esc goes back", { color: "grey" })];
    default:
      return liveBindings(model).filter(({ hint }) => hint !== undefined).toSorted((a, b) => hintRank(a) - hintRank(b))
        .flatMap(({ keys, hint = "" }) => [
          span(shownKey(keys[0]), { bold: true }),
          span(` ${hint}  `, { color: "grey" }),
        ]);
  }
}

/** What does not fit is cut at the end, and these must not be. */
const FIRST_HINTS: readonly (string | undefined)[] = ["help", "quit", "approve", "reject"];

function hintRank({ hint }: Binding): number {
  const at = FIRST_HINTS.indexOf(hint);
  return at < 0 ? FIRST_HINTS.length : at;
}

const SHOWN_KEYS: Readonly<Record<string, string>> = {
  pageup: "PgUp",
  pagedown: "PgDn",
  escape: "Esc",
  "ctrl-c": "^C",
  "ctrl-l": "^L",
  "ctrl-z": "^Z",
};

/** How a key is written for a person. */
export function shownKey(name: string): string {
  return SHOWN_KEYS[name] ?? (name.length > 1 ? `${name[0]?.toUpperCase()}${name.slice(1)}` : name);
}
