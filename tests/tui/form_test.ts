import assert from "node:assert/strict";
import { type Form, formOnKey, type FormStep, renderForm, startForm } from "../../src/tui/form.ts";
import { lineText, lineWidth } from "../../src/tui/screen.ts";
import { keys } from "./scenes.ts";

const NAME = { kind: "text", label: "Network" } as const;
const SECRET = { kind: "secret", label: "Password" } as const;
const TWICE = { ...SECRET, twice: true };
const SURE = { kind: "confirm", label: "Delete it" } as const;

function press(form: Form, ...presses: string[]): FormStep {
  let step: FormStep = { at: "asking", form };
  for (const key of keys(...presses)) {
    assert.ok(step.at === "asking", "the form takes no more keys");
    step = formOnKey(step.form, key);
  }
  return step;
}

function shown(step: FormStep, width = 60): string {
  assert.ok(step.at === "asking");
  return lineText(renderForm(step.form, width)).trimEnd();
}

Deno.test("formOnKey asks one question after another", () => {
  const step = press(startForm([NAME, SECRET]), "game night", "enter", "s3same", "enter");
  assert.deepEqual(step, { at: "answered", answers: ["game night", "s3same"] });
});

Deno.test("formOnKey edits as a shell's line does", () => {
  const edits: [string[], string][] = [
    [["bobb", "backspace"], "bob"],
    [["bob", "home", "x"], "xbob"],
    [["bob", "left", "delete", "x"], "box"],
    [["one two", "ctrl-w", "2"], "one 2"],
    [["one", "ctrl-u", "two"], "two"],
    [["one", "ctrl-a", "right", "ctrl-k"], "o"],
    [["漢字", "backspace", "e\u0301", "backspace"], "漢"],
  ];
  for (const [presses, answer] of edits) {
    assert.deepEqual(press(startForm([NAME]), ...presses, "enter"), { at: "answered", answers: [answer] });
  }
});

Deno.test("formOnKey takes no empty name and leaves by Escape, Ctrl-C and Ctrl-D", () => {
  assert.equal(press(startForm([NAME]), "enter").at, "asking");
  for (const key of ["escape", "ctrl-c", "ctrl-d"]) assert.equal(press(startForm([NAME]), "ab", key).at, "cancelled");
});

Deno.test("formOnKey takes the first line of a paste, without what steers a terminal", () => {
  const pasted = formOnKey(startForm([SECRET]), { kind: "pasted", text: "s3\u001b[2Jsame\nrm -rf /\n" });
  assert.ok(pasted.at === "asking");
  assert.deepEqual(press(pasted.form, "enter"), { at: "answered", answers: ["s3[2Jsame"] });
});

Deno.test("renderForm never shows a secret, nor how long it is", () => {
  assert.equal(shown(press(startForm([SECRET]), "s3same")), shown({ at: "asking", form: startForm([SECRET]) }));
  assert.equal(shown(press(startForm([SECRET]), "s3same")), "Password:");
});

Deno.test("formOnKey asks a new password twice, an empty one once", () => {
  assert.equal(shown(press(startForm([TWICE]), "s3same", "enter")), "Once more:");
  assert.deepEqual(press(startForm([TWICE]), "s3", "enter", "s3", "enter"), { at: "answered", answers: ["s3"] });
  assert.deepEqual(press(startForm([TWICE]), "enter"), { at: "answered", answers: [""] });
  const differing = press(startForm([TWICE]), "s3", "enter", "s4", "enter");
  assert.equal(shown(differing), "They differ, so once again. Password:");
  assert.ok(differing.at === "asking");
  assert.deepEqual(press(differing.form, "s5", "enter", "s5", "enter"), { at: "answered", answers: ["s5"] });
});

Deno.test("formOnKey takes y alone for yes", () => {
  assert.equal(shown({ at: "asking", form: startForm([SURE]) }), "Delete it? [y/N]");
  assert.deepEqual(press(startForm([SURE]), "y"), { at: "answered", answers: ["yes"] });
  assert.equal(press(startForm([SURE]), "x").at, "asking");
  for (const key of ["n", "N", "enter", "escape"]) assert.equal(press(startForm([SURE]), key).at, "cancelled", key);
});

Deno.test("renderForm keeps the cursor of a long answer in sight", () => {
  const step = press(startForm([NAME]), "a".repeat(50), "漢".repeat(50), "end");
  assert.ok(step.at === "asking");
  for (const width of [20, 21, 40, 41]) {
    const line = renderForm(step.form, width);
    assert.ok(lineWidth(line) <= width, `${lineWidth(line)} of ${width}`);
    assert.match(lineText(line), /漢 $/);
  }
});
