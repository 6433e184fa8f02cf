import { type Form, formOnKey, openQuestion, renderAnswered, renderForm, startForm } from "./form.ts";
import { paintLine } from "./paint.ts";
import { fitLine, type Line } from "./screen.ts";
import type { Terminal } from "./terminal.ts";

const START_OF_LINE = "\r";
const CLEAR_TO_END = "\u001b[0m\u001b[K";

/**
 * Asks on the line the cursor is on, one question after another, and leaves what was asked and answered on the screen.
 * Resolves to one answer per question, or to null when the person wants none of it or `signal` aborts. The caller closes
 * the terminal.
 */
export async function ask(
  terminal: Terminal,
  questions: Form["questions"],
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const overwrite = (line: Line, ending = "") =>
    terminal.write(`${START_OF_LINE}${paintLine(line, terminal.hasColor)}${CLEAR_TO_END}${ending}`);
  const aborted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  let form = startForm(questions);
  for (;;) {
    const width = Math.max(1, terminal.size().columns - 1); // behind the last column some terminals begin the next line
    overwrite(fitLine(renderForm(form, width), width));
    const event = await Promise.race([terminal.next(), aborted]);
    if (event === null || event.on === "hungUp") return leave(terminal);
    if (event.on !== "key") continue;
    const step = formOnKey(form, event.key);
    if (step.at === "cancelled") return leave(terminal);
    const answers = step.at === "answered" ? step.answers : step.form.answers;
    if (answers.length > form.answers.length) {
      overwrite(renderAnswered(openQuestion(form), answers.at(-1) ?? ""), "\r\n");
    }
    if (step.at === "answered") return step.answers;
    form = step.form;
  }
}

function leave(terminal: Terminal): null {
  terminal.write("\r\n");
  return null;
}
