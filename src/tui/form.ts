/**
 * Questions to a person, one after another: pure, so that the same form runs in the full-screen view, on one line of the
 * terminal, and in a test without any.
 *
 *     asking ──answer──▶ asking the next ──last answer──▶ answered
 *        └──────Escape, Ctrl-C, Ctrl-D──────────────────▶ cancelled
 *
 * @module
 */

import type { Key } from "./keys.ts";
import { type Line, span } from "./screen.ts";
import { editField, EMPTY_FIELD, fieldText, type TextField } from "./text_field.ts";
import { drawable, graphemes, textWidth } from "./width.ts";

/** What is asked. */
export type Question =
  /** Must be answered with something. */
  | { readonly kind: "text"; readonly label: string }
  /** Not shown while it is typed; `twice`: typed again to be sure, unless it is empty; `isRequired`: it may not be. */
  | { readonly kind: "secret"; readonly label: string; readonly twice?: boolean; readonly isRequired?: boolean }
  /** The answer is `yes`; no is the same as cancelling. */
  | { readonly kind: "confirm"; readonly label: string };

/** A form that waits for the answer to its question `answers.length`. */
export interface Form {
  /** In the order in which they are asked. */
  readonly questions: readonly [Question, ...Question[]];
  /** To the first questions. */
  readonly answers: readonly string[];
  /** What is typed of the next answer. */
  readonly field: TextField;
  /** What a secret was the first time, when it is being typed again. */
  readonly first: string | null;
  /** Why the last answer was not taken, or "". */
  readonly complaint: string;
}

/** Where a key leads. */
export type FormStep =
  | { readonly at: "asking"; readonly form: Form }
  | { readonly at: "answered"; readonly answers: readonly string[] }
  | { readonly at: "cancelled" };

/** A form at its first question. */
export function startForm(questions: Form["questions"]): Form {
  return { questions, answers: [], field: EMPTY_FIELD, first: null, complaint: "" };
}

/** The question that waits. */
export function openQuestion(form: Form): Question {
  return form.questions[form.answers.length] ?? form.questions[0];
}

/** What a key does to a form. */
export function formOnKey(form: Form, key: Key): FormStep {
  const name = key.kind === "named" ? key.name : "";
  if (name === "escape" || name === "ctrl-c" || name === "ctrl-d") return { at: "cancelled" };
  const question = openQuestion(form);
  if (question.kind === "confirm") return confirmOnKey(form, key);
  if (name === "enter") return submit(form, question, fieldText(form.field));
  return { at: "asking", form: { ...form, field: editField(form.field, key) ?? form.field } };
}

/** The open question with what is typed, in at most `width` columns; the end of a long answer stays in sight. */
export function renderForm(form: Form, width: number): Line {
  const question = openQuestion(form);
  const label = form.complaint === "" ? labelOf(form, question) : `${form.complaint}. ${labelOf(form, question)}`;
  const head = span(`${label} `);
  if (question.kind !== "text") return [head, CURSOR];
  const room = Math.max(4, width - textWidth(head.text) - 1);
  const [left, under, right] = windowOf(form.field, room);
  return [head, span(left, { bold: true }), { text: under, style: { reverse: true } }, span(right, { bold: true })];
}

/** What is left on the screen of an answered question; of a secret only that it was answered. */
export function renderAnswered(question: Question, answer: string): Line {
  return [span(`${question.label}${mark(question)} `), span(question.kind === "text" ? answer : "")];
}

const CURSOR = { text: " ", style: { reverse: true } };

function labelOf(form: Form, question: Question): string {
  if (question.kind === "confirm") return `${question.label}? [y/N]`;
  return form.first === null ? `${question.label}:` : "Once more:";
}

function mark(question: Question): string {
  return question.kind === "confirm" ? "? yes" : ":";
}

function confirmOnKey(form: Form, key: Key): FormStep {
  if (key.kind === "typed" && /^[yY]$/.test(key.text)) return answered(form, "yes");
  const isNo = key.kind === "named" ? key.name === "enter" : /^[nN]$/.test(key.text);
  return isNo ? { at: "cancelled" } : { at: "asking", form };
}

function submit(form: Form, question: Exclude<Question, { kind: "confirm" }>, answer: string): FormStep {
  const asking = (changes: Partial<Form>): FormStep => ({
    at: "asking",
    form: { ...form, field: EMPTY_FIELD, complaint: "", ...changes },
  });
  if (answer === "" && (question.kind === "text" || question.isRequired)) return { at: "asking", form };
  if (question.kind === "text") return answered(form, answer);
  if (!question.twice) return answered(form, answer);
  if (form.first === null) return answer === "" ? answered(form, "") : asking({ first: answer });
  return answer === form.first
    ? answered(form, answer)
    : asking({ first: null, complaint: "They differ, so once again" });
}

function answered(form: Form, answer: string): FormStep {
  const answers = [...form.answers, answer];
  if (answers.length === form.questions.length) return { at: "answered", answers };
  return { at: "asking", form: { ...startForm(form.questions), answers } };
}

/** What is left of, under and right of the cursor, within `room` columns. */
function windowOf({ before, after }: TextField, room: number): [string, string, string] {
  const [under = " ", ...rest] = graphemes(drawable(after));
  let left = room - textWidth(under);
  let shownBefore = "";
  for (const grapheme of graphemes(drawable(before)).reverse()) {
    left -= textWidth(grapheme);
    if (left < 0) break;
    shownBefore = grapheme + shownBefore;
  }
  let shownAfter = "";
  for (const grapheme of rest) {
    left -= textWidth(grapheme);
    if (left < 0) break;
    shownAfter += grapheme;
  }
  return [shownBefore, under, shownAfter];
}
