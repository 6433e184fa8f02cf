import { UserError } from "../base/errors.ts";
import { type Command, defineCommand } from "./cli/command.ts";
import { ANY_RECORD } from "./cli/output.ts";
import { suggest } from "./cli/suggest.ts";
import { renderJson } from "./text/json.ts";

/** Makes the command that describes what the others print for programs. */
export function schemaAbout(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "schema",
    group: "Help",
    summary: "Print the JSON Schema of what commands print with --json",
    details: [
      "JSON Schema 2020-12, for one line of a command's output; without a command for all, one property each. The same is in " +
      "docs/schema/buri.schema.json. Records may get further properties in later versions.",
    ],
    args: [
      { name: "command", summary: "Its name", optional: true, completes: "commands" },
      { name: "subcommand", summary: "Its second word", optional: true },
    ],
    examples: [
      { line: "schema list", does: "what a line of `list --json` is" },
      { line: "schema > buri.schema.json", does: "for all commands" },
    ],
    json: "The schema, on one line",
    output: ANY_RECORD,
    run: async ({ context, args, json }) => {
      // Only here is anything of it needed.
      const { publishedSchema, schemaOf } = await import("./cli/json_schema.ts");
      const all = publishedSchema(commands());
      const { command: first, subcommand: second } = args;
      const name = first === undefined ? null : named(commands(), second === undefined ? first : `${first} ${second}`);
      const schema = name === null ? all : schemaOf(all, name);
      if (json) context.print(renderJson(schema));
      else JSON.stringify(schema, null, 2).split("\n").forEach(context.print);
      return 0;
    },
  });
}

/** The whole name of a command that prints JSON. @throws {UserError} exit 2 */
function named(commands: readonly Command[], name: string): string {
  const described = commands.filter(({ output }) => output !== null);
  const found = described.find((command) => command.name === name || command.aliases.includes(name));
  if (found !== undefined) return found.name;
  const meant = suggest(name, described.flatMap((command) => [command.name, ...command.aliases]));
  throw new UserError(`Cannot describe ${name}: there is no such command`, {
    exitCode: 2,
    ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
  });
}
