/**
 * Writes docs/COMMANDS.md from the table of commands. A test says whether it is current.
 *
 * @module
 */

import { type Command, COMMAND_GROUPS } from "../src/commands/cli/command.ts";
import { optionText, synopsis } from "../src/commands/cli/help.ts";
import { COMMANDS } from "../src/commands/mod.ts";

/** What stands above it is written by hand. */
const MARKER = "<!-- All below this line is made by `deno task docs` from the table in src/commands/mod.ts. -->\n";

/** The document, its hand-written part taken from `current`. */
export function renderCommandsDoc(current: string, commands: readonly Command[]): string {
  const [handWritten, generated] = current.split(MARKER);
  if (generated === undefined) throw new Error("Cannot make docs/COMMANDS.md: its marker line is gone");
  const groups = COMMAND_GROUPS.map((group) => {
    const sections = commands.filter((command) => command.group === group && !command.hidden).map(renderSection);
    return `\n## ${group}\n${sections.join("")}`;
  });
  return handWritten + MARKER + groups.join("");
}

function renderSection(command: Command): string {
  const options = Object.entries(command.options).filter(([name]) => name !== "json" && name !== "state");
  const items = [
    ...command.args.map(({ name, summary }) => [`<${name}>`, summary]),
    ...options.map(([name, spec]) => [optionText(name, spec), spec.summary]),
  ].map(([name, summary]) => `- \`${name}\`: ${summary}`);
  const also = command.aliases.map((alias) => `\`${alias}\``).join(", ");
  const width = Math.max(...command.examples.map(({ line }) => line.length));
  return [
    `### \`buri ${synopsis(command)}\``,
    `${command.summary}.${also === "" ? "" : ` Also: ${also}.`}`,
    ...command.details,
    ...(items.length === 0 ? [] : [items.join("\n")]),
    fenced(command.examples.map(({ line, does }) => `buri ${line.padEnd(width)}  # ${does}`)),
    `JSON: ${command.json.replace(/[[{].*[\]}]/, "`$&`")}.`,
  ].map((block) => `\n${block}\n`).join("");
}

function fenced(lines: readonly string[]): string {
  return ["```sh", ...lines, "```"].join("\n");
}

if (import.meta.main) {
  const path = new URL("../docs/COMMANDS.md", import.meta.url);
  await Deno.writeTextFile(path, renderCommandsDoc(await Deno.readTextFile(path), COMMANDS));
}
