/**
 * Writes docs/COMMANDS.md and docs/schema/buri.schema.json from the table of commands. Tests say whether they are current.
 *
 * @module
 */

import { type Command, COMMAND_GROUPS } from "../src/commands/cli/command.ts";
import { optionText, synopsis } from "../src/commands/cli/help.ts";
import { publishedSchema } from "../src/commands/cli/json_schema.ts";
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

/** The schema of what commands print with `--json`, as a document. */
export function renderSchemaDoc(commands: readonly Command[]): string {
  return `${JSON.stringify(publishedSchema(commands), null, 2)}\n`;
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
  const docs = new URL("../docs/", import.meta.url);
  const reference = new URL("COMMANDS.md", docs);
  await Deno.writeTextFile(reference, renderCommandsDoc(await Deno.readTextFile(reference), COMMANDS));
  await Deno.mkdir(new URL("schema/", docs), { recursive: true });
  await Deno.writeTextFile(new URL("schema/buri.schema.json", docs), renderSchemaDoc(COMMANDS));
}
