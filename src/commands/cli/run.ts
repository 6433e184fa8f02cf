import { UserError } from "../../base/errors.ts";
import { ControlError, EngineUnreachableError } from "../../ipc/mod.ts";
import { renderJson } from "../text/json.ts";
import { canAsk, fillInput } from "./asking.ts";
import type { Command } from "./command.ts";
import { type Context, Interrupted, type ProgramName } from "./context.ts";
import { renderCommandHelp } from "./help.ts";
import { type ActingRun, reportRefusal } from "./outcome.ts";
import { parseInput } from "./parse.ts";
import { suggest } from "./suggest.ts";

/** Exit code of a command that was interrupted: 128 + SIGINT, as shells have it. */
export const INTERRUPTED = 130;

/** Words for help that are not a command's name. */
const HELP_WORDS = ["-h", "--help", "?"];

/**
 * Finds the command that `words` begin with, runs it, and resolves to the exit code: 0 ok, 1 failed, 2 usage, 3 engine not
 * running, 4 not permitted, 130 interrupted. Never rejects. The first of `commands` is what a line without one means.
 *
 * @param packedLink the invite inside this program, which is what an empty line means where there is one
 */
export async function runCommandLine(
  words: readonly string[],
  commands: readonly Command[],
  context: Context,
  packedLink: () => string | null = () => null,
): Promise<number> {
  try {
    const link = words.length === 0 ? packedLink() : null;
    if (link !== null) words = ["join", link];
  } catch (error) {
    return explain(error, commands[0] as Command, { context, json: false });
  }
  const found = findCommand(words, commands);
  if (found === undefined) return complainUnknown(words[0] ?? "", commands, context);
  const { command, rest } = found;
  const beforeData = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (beforeData.some((word) => word === "-h" || word === "--help")) {
    for (const line of renderCommandHelp(context.program, command)) context.print(line);
    return 0;
  }
  const run = { context, json: beforeData.includes("--json") };
  try {
    return await command.run(context, await fillInput(command, parseInput(command, rest, canAsk(run)), run));
  } catch (error) {
    if (context.signal.aborted || error instanceof Interrupted) return INTERRUPTED;
    return explain(error, command, run);
  }
}

function findCommand(words: readonly string[], commands: readonly Command[]) {
  const first = words[0];
  const named = (name: string) => commands.find((one) => one.name === name || one.aliases.includes(name));
  if (first !== undefined && HELP_WORDS.includes(first)) words = ["help", ...words.slice(1)];
  else if (first === undefined || first.startsWith("-")) return { command: commands[0] as Command, rest: words };
  for (const length of [2, 1]) {
    const command = named(words.slice(0, length).join(" "));
    if (command !== undefined) return { command, rest: words.slice(length) };
  }
  return undefined;
}

function complainUnknown(word: string, commands: readonly Command[], context: Context): number {
  const shown = commands.filter(({ hidden }) => !hidden);
  const meant = suggest(word, shown.flatMap((command) => [command.name, ...command.aliases]));
  context.complain(`Cannot run ${word}: there is no such command`);
  context.complain(meant === undefined ? `See \`${context.program} help\`.` : `Did you mean ${meant}?`);
  return 2;
}

const UNREACHABLE_SENTENCES: Readonly<Record<ProgramName, Record<EngineUnreachableError["reason"], string>>> = {
  buri: {
    notRunning: "Buri does not seem to be running.",
    notPermitted: "You do not have permission to control the Buri engine.",
  },
  hamachi: {
    notRunning: "Hamachi does not seem to be running.",
    notPermitted: "You do not have permission to control the hamachid daemon.",
  },
};

/** Tells a person, and with `--json` a program too, what went wrong. Resolves to the exit code. */
function explain(error: unknown, command: Command, { context, json }: ActingRun): number {
  if (error instanceof ControlError) {
    reportRefusal({ context, json }, command.name, error);
    return 1;
  }
  const { code, reason, hint, exitCode } = describe(error, context.program);
  if (json) context.print(renderJson({ ok: false, code, reason, ...(hint === undefined ? {} : { hint }) }));
  context.complain(reason);
  if (hint !== undefined) context.complain(hint);
  return exitCode;
}

interface Fault {
  code: string;
  reason: string;
  hint: string | undefined;
  exitCode: number;
}

function describe(error: unknown, program: ProgramName): Fault {
  if (error instanceof EngineUnreachableError) {
    const reason = UNREACHABLE_SENTENCES[program][error.reason];
    if (error.reason === "notPermitted") {
      return { code: error.reason, reason, hint: "Run it as the user who runs the engine.", exitCode: 4 };
    }
    return {
      code: error.reason,
      reason,
      hint: `Start it with \`${program} up\`, or name its folder with --state.`,
      exitCode: 3,
    };
  }
  if (error instanceof UserError) {
    return {
      code: USER_ERROR_CODES[error.exitCode],
      reason: error.message,
      hint: error.hint,
      exitCode: error.exitCode,
    };
  }
  const reason = error instanceof Error ? error.message : String(error);
  return { code: "internal", reason: `Cannot go on: ${reason}`, hint: undefined, exitCode: 1 };
}

const USER_ERROR_CODES: Readonly<Record<UserError["exitCode"], string>> = {
  1: "failed",
  2: "usage",
  3: "notRunning",
  4: "notPermitted",
};
