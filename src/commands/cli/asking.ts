import { UserError } from "../../base/errors.ts";
import type { Question } from "../../tui/mod.ts";
import type { ArgumentSpec, Command, Input } from "./command.ts";
import type { ActingRun } from "./outcome.ts";

/** The word that stands for a password on stdin. */
const FROM_STDIN = "-";

/** Whether a command may ask: never in a pipe, and never a program that reads JSON. */
export function canAsk({ context, json }: ActingRun): boolean {
  return context.isInteractive && !json;
}

/**
 * `input` with what the person is asked for: arguments that must be there, and passwords that were left out. A password `-`
 * is the next line of stdin, or asked for at a terminal. Rejects with `Interrupted`, or `UserError` where stdin is empty.
 */
export async function fillInput(command: Command, input: Input, run: ActingRun): Promise<Input> {
  const args = { ...input.args };
  const asked = command.args.filter((spec) => canAsk(run) && isWanted(spec, args));
  const [first, ...others] = asked.map(questionFor);
  const answers = first === undefined ? [] : await run.context.ask([first, ...others]);
  for (const [at, spec] of asked.entries()) args[spec.name] = answers[at];
  for (const { name, secret } of command.args) {
    if (secret === undefined || args[name] !== FROM_STDIN || asked.some((spec) => spec.name === name)) continue;
    args[name] = await readSecret(command, name, run);
  }
  return { ...input, args };
}

/** Asks whether the person means it, unless `isSure` says so or nobody can be asked. Rejects with `Interrupted`. */
export async function confirm(run: ActingRun, isSure: boolean, label: string): Promise<void> {
  if (!isSure && canAsk(run)) await run.context.ask([{ kind: "confirm", label }]);
}

function isWanted({ name, optional, secret }: ArgumentSpec, args: Input["args"]): boolean {
  if (secret === undefined) return args[name] === undefined && optional !== true;
  if (args[name] !== undefined) return args[name] === FROM_STDIN;
  const { notWith } = secret;
  return notWith === undefined || !Object.values(args).some((value) => value?.startsWith(notWith));
}

function questionFor({ name, secret }: ArgumentSpec): Question {
  const label = `${name[0]?.toUpperCase()}${name.slice(1)}`;
  if (secret === undefined) return { kind: "text", label };
  const { twice = false, required = false } = secret;
  return { kind: "secret", label: required ? label : `${label}, Enter for none`, twice, isRequired: required };
}

/** An empty line is no password; the end of the input without a line is a mistake. */
async function readSecret(command: Command, name: string, { context }: ActingRun): Promise<string> {
  const line = await context.readLine();
  if (line !== null) return line;
  throw new UserError(`Cannot run ${command.name}: - asks for the ${name} on stdin, and nothing came`, { exitCode: 2 });
}
