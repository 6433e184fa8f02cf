import { formOnKey } from "../form.ts";
import type { Key } from "../keys.ts";
import { editField, fieldText } from "../text_field.ts";
import { liveBindings } from "./bindings.ts";
import type { Action, Intent, Mode, Model, Step } from "./model.ts";
import { selectedRow } from "./rows.ts";

/** What a key does, wherever keys go at the moment. */
export function onKey(model: Model, key: Key): Step {
  const { mode } = model;
  switch (mode.at) {
    case "list":
      return onListKey(model, key);
    case "details":
      return closes(key, ["enter", "i"]) ? toList(model) : onListKey(model, key);
    case "help":
      return onHelpKey(model, mode, key);
    case "filter":
      return onFilterKey(model, mode, key);
    case "form":
      return onFormKey(model, mode, key);
  }
}

/** The name under which the table of bindings knows a key. */
function nameOf(key: Key): string {
  return key.kind === "named" ? key.name : key.kind === "typed" ? key.text : "";
}

function toList(model: Model): Step {
  return { model: { ...model, mode: { at: "list" } } };
}

function closes(key: Key, further: readonly string[]): boolean {
  return ["escape", "q", ...further].includes(nameOf(key));
}

function onListKey(model: Model, key: Key): Step {
  const binding = liveBindings(model).find(({ keys }) => keys.includes(nameOf(key)));
  return binding === undefined ? { model } : binding.press(model, selectedRow(model));
}

function onHelpKey(model: Model, mode: Extract<Mode, { at: "help" }>, key: Key): Step {
  const name = nameOf(key);
  if (name === "ctrl-c") return { model, action: { do: "quit" } };
  if (closes(key, ["?", "h", "enter"])) return toList(model);
  const by = ["down", "j", "pagedown"].includes(name) ? 1 : ["up", "k", "pageup"].includes(name) ? -1 : 0;
  return { model: { ...model, mode: { ...mode, top: Math.max(0, mode.top + by) } } };
}

/** The list follows while one types; Escape takes the filter away. */
function onFilterKey(model: Model, mode: Extract<Mode, { at: "filter" }>, key: Key): Step {
  const name = nameOf(key);
  if (key.kind === "named" && (name === "escape" || name === "ctrl-c")) return toList({ ...model, filter: "" });
  if (key.kind === "named" && (name === "enter" || name === "up" || name === "down")) return toList(model);
  const field = editField(mode.field, key) ?? mode.field;
  return { model: { ...model, filter: fieldText(field), mode: { ...mode, field } } };
}

function onFormKey(model: Model, mode: Extract<Mode, { at: "form" }>, key: Key): Step {
  const step = formOnKey(mode.form, key);
  switch (step.at) {
    case "asking":
      return { model: { ...model, mode: { ...mode, form: step.form } } };
    case "cancelled":
      return toList(model);
    case "answered":
      return { ...toList(model), action: actionOf(mode.intent, step.answers) };
  }
}

function actionOf(intent: Intent, [first = "", password = ""]: readonly string[]): Action {
  if (intent.do === "send") return { ...intent, text: first };
  return intent.do === "create" || intent.do === "join" ? { do: intent.do, network: first, password } : intent;
}
