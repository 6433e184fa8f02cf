import assert from "node:assert/strict";
import { ask } from "../../src/tui/ask.ts";
import type { Form } from "../../src/tui/form.ts";
import { withoutSequences } from "../support/escape_sequences.ts";
import { FakeTerminal } from "../support/fake_terminal.ts";
import { keys } from "./scenes.ts";

const QUESTIONS: Form["questions"] = [{ kind: "text", label: "Network" }, { kind: "secret", label: "Password" }];

function forever(): AbortSignal {
  return new AbortController().signal;
}

Deno.test("ask leaves questions and answers on the screen, but no secret", async () => {
  const terminal = new FakeTerminal();
  terminal.press(...keys("office", "enter", "s3same", "enter"));
  assert.deepEqual(await ask(terminal, QUESTIONS, forever()), ["office", "s3same"]);
  const written = terminal.written.join("");
  assert.ok(!/s3same|s3s/.test(written));
  const left = written.split("\r\n").map((line) => withoutSequences(line.split("\r").at(-1) ?? ""));
  assert.deepEqual(left, ["Network: office", "Password: ", ""]);
});

Deno.test("ask gives up by Escape, by a terminal that goes away and by its signal", async () => {
  const escaped = new FakeTerminal();
  escaped.press(...keys("off", "escape"));
  assert.equal(await ask(escaped, QUESTIONS, forever()), null);
  const gone = new FakeTerminal();
  gone.hangUp();
  assert.equal(await ask(gone, QUESTIONS, forever()), null);
  const interruption = new AbortController();
  const asking = ask(new FakeTerminal(), QUESTIONS, interruption.signal);
  interruption.abort();
  assert.equal(await asking, null);
});

Deno.test("ask writes no line that is longer than the terminal is wide", async () => {
  const terminal = new FakeTerminal({ columns: 20, rows: 5 });
  terminal.press(...keys("a rather long name, longer than the screen", "escape"));
  await ask(terminal, QUESTIONS, forever());
  for (const text of terminal.written) {
    assert.ok(withoutSequences(text).trim().length < 20, JSON.stringify(text));
  }
});
