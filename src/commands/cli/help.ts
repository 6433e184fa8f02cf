import { VERSION } from "../../base/version.ts";
import { type Command, COMMAND_GROUPS, type OptionSpec } from "./command.ts";
import type { ProgramName } from "./context.ts";

/**
 * The first line of help, which ends with the version, engine or no engine. Programs that drive the Linux client look for
 * that client's name before these words, and take numbers of 3 and above for new enough.
 */
export function banner(program: ProgramName): string {
  const product = program === "hamachi" ? "Buri, in place of Hamachi" : "Buri";
  return `${product}, a zero-config virtual private networking utility, ver ${VERSION}`;
}

/** All commands by group. */
export function renderOverview(program: ProgramName, all: readonly Command[]): string[] {
  const commands = all.filter(({ hidden }) => !hidden);
  const width = Math.max(...commands.map((command) => synopsis(command).length));
  const groups = COMMAND_GROUPS.flatMap((group) => {
    const members = commands.filter((command) => command.group === group);
    return ["", group, ...members.map((command) => `  ${synopsis(command).padEnd(width)}  ${command.summary}`)];
  });
  return [
    banner(program),
    "",
    `usage: ${program} [command]`,
    ...groups,
    "",
    `Without a command: \`view\` in a terminal, else \`status\`. More on one of them: ${program} help COMMAND`,
  ];
}

/** One command in full. */
export function renderCommandHelp(program: ProgramName, command: Command): string[] {
  return [
    `usage: ${program} ${synopsis(command)} [options]`,
    ...(command.aliases.length > 0 ? [`also: ${command.aliases.join(", ")}`] : []),
    "",
    `${command.summary}.`,
    ...command.details.flatMap((paragraph) => ["", ...wrap(paragraph)]),
    ...table("Arguments", command.args.map((spec) => [`<${spec.name}>`, spec.summary])),
    ...table("Options", Object.entries(command.options).map(([name, spec]) => [optionText(name, spec), spec.summary])),
    ...table("Examples", command.examples.map(({ line, does }) => [`${program} ${line}`, does])),
    ...table("JSON", [[command.json, ""]]),
  ];
}

/** `create <network> [<password>]`. */
export function synopsis(command: Command): string {
  const words = command.args.map((spec) => {
    const word = `<${spec.name}>${spec.repeated ? "…" : ""}`;
    return spec.optional ? `[${word}]` : word;
  });
  const required = Object.entries(command.options).filter(([, spec]) => spec.required);
  return [command.name, ...words, ...required.map(([name, spec]) => optionText(name, spec))].join(" ");
}

/** `-c, --count N`. */
export function optionText(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  return `${short}--${name}${spec.value === undefined ? "" : ` ${spec.value}`}`;
}

const PARAGRAPH_WIDTH = 80;

function wrap(paragraph: string): string[] {
  const lines: string[] = [];
  for (const word of paragraph.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > PARAGRAPH_WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function table(title: string, rows: readonly (readonly [string, string])[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([left]) => left.length));
  return ["", `${title}:`, ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd())];
}
