/**
 * Turns words into arguments and options by a command's declaration.
 *
 * Why not a ready-made parser: nicknames, passwords and network names are free text, and programs that drive the Linux
 * client pass `-=a=-` or `""` without a `--` before it. commander refuses such a word as an unknown option, or, told not
 * to, takes a misspelt `--jsno` for data as readily; util.parseArgs splits it into five switches. Here a word is an option
 * only if the command declares it; a near miss of a declared one is a typo; anything else is data while an argument is open.
 *
 * @module
 */

import { UserError } from "../../base/errors.ts";
import type { Command, Input, OptionSpec } from "./command.ts";
import { suggest } from "./suggest.ts";

/** Throws `UserError` with exit code 2. After a `--` everything is data. `mayLack`: arguments may be missing, still. */
export function parseInput(command: Command, words: readonly string[], mayLack = false): Input {
  const { data, options } = splitWords(command, words);
  const args: Record<string, string | undefined> = {};
  for (const [at, spec] of command.args.entries()) {
    if (data[at] === undefined && !spec.optional && !mayLack) throw usage(command, `<${spec.name}> is missing`);
    args[spec.name] = data[at];
  }
  for (const [name, spec] of Object.entries(command.options)) {
    if (spec.required && options[name] === undefined) throw usage(command, `--${name} ${spec.value} is missing`);
    if (spec.value === undefined) options[name] ??= false;
  }
  return { args, options };
}

/** A mistake in what was typed. */
export function usage(command: Command, what: string): UserError {
  return new UserError(`Cannot run ${command.name}: ${what}`, {
    exitCode: 2,
    hint: `See \`buri help ${command.name}\`.`,
  });
}

function splitWords(command: Command, words: readonly string[]) {
  const data: string[] = [];
  const options: Record<string, string | boolean | undefined> = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--") {
      for (const rest of words.slice(at + 1)) takeData(command, data, rest);
      break;
    }
    const option = findOption(command, word);
    if (option === undefined) {
      refuseTypo(command, word);
      takeData(command, data, word);
      continue;
    }
    const { name, spec } = option;
    if (name in options) throw usage(command, `--${name} is given twice`);
    if (spec.value === undefined) {
      if (option.value !== undefined) throw usage(command, `--${name} takes no value`);
      options[name] = true;
      continue;
    }
    const value = option.value ?? words[++at];
    if (value === undefined) throw usage(command, `--${name} needs its ${spec.value}`);
    options[name] = value;
  }
  return { data, options };
}

interface FoundOption {
  name: string;
  spec: OptionSpec;
  /** What stood behind an `=`. */
  value?: string;
}

function findOption(command: Command, word: string): FoundOption | undefined {
  if (/^-[^-]$/.test(word)) {
    const found = Object.entries(command.options).find(([, spec]) => spec.short === word[1]);
    return found === undefined ? undefined : { name: found[0], spec: found[1] };
  }
  if (!word.startsWith("--")) return undefined;
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const spec = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (spec === undefined) return undefined;
  return equals < 0 ? { name, spec } : { name, spec, value: word.slice(equals + 1) };
}

function refuseTypo(command: Command, word: string): void {
  if (!word.startsWith("--")) return;
  const meant = suggest(word.split("=")[0] as string, Object.keys(command.options).map((name) => `--${name}`));
  if (meant !== undefined) throw usage(command, `${word} is not an option, did you mean ${meant}?`);
}

function takeData(command: Command, data: string[], word: string): void {
  if (data.length < command.args.length) {
    data.push(word);
    return;
  }
  if (command.args.at(-1)?.repeated) {
    data[data.length - 1] += ` ${word}`;
    return;
  }
  throw usage(
    command,
    word.startsWith("-") ? `${word} is not an option` : `${JSON.stringify(word)} is one word too many`,
  );
}
