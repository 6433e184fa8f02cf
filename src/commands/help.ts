import * as v from "valibot";
import { UserError } from "../base/errors.ts";
import { type Command, COMMAND_GROUPS, defineCommand } from "./cli/command.ts";
import { renderCommandHelp, renderOverview } from "./cli/help.ts";
import { suggest } from "./cli/suggest.ts";
import { renderJson } from "./text/json.ts";

const FLAG = v.exactOptional(v.literal(true));

const ARGUMENT = v.object({
  name: v.string(),
  summary: v.string(),
  optional: FLAG,
  repeated: FLAG,
  choices: v.exactOptional(v.array(v.string())),
  completes: v.exactOptional(v.string()),
  secret: v.exactOptional(v.object({ twice: FLAG, required: FLAG, notWith: v.exactOptional(v.string()) })),
});

const OPTION = v.object({
  summary: v.string(),
  value: v.exactOptional(v.string()),
  choices: v.exactOptional(v.array(v.string())),
  short: v.exactOptional(v.string()),
  required: FLAG,
});

const HELP = v.object({
  name: v.string(),
  aliases: v.array(v.string()),
  group: v.picklist(COMMAND_GROUPS),
  summary: v.string(),
  details: v.array(v.string()),
  args: v.array(ARGUMENT),
  options: v.record(v.string(), OPTION),
  examples: v.array(v.object({ line: v.string(), does: v.string() })),
  json: v.string(),
});

/** Makes the command that explains the others. */
export function helpAbout(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "help",
    group: "Help",
    summary: "Explain a command, or list all of them",
    args: [
      { name: "command", summary: "Its name", optional: true, completes: "commands" },
      { name: "subcommand", summary: "Its second word", optional: true },
    ],
    examples: [
      { line: "help join", does: "explain `join`" },
      { line: "-h", does: "list all commands" },
    ],
    json: "[{name,aliases,group,summary,details,args,options,examples,json}], of one command or all",
    output: v.array(HELP),
    run: ({ context, args, json }) => {
      const { command: first, subcommand: second } = args;
      const all = commands().filter(({ hidden }) => !hidden);
      const found = first === undefined ? all : [named(all, second === undefined ? first : `${first} ${second}`)];
      if (json) context.print(renderJson(found.map(({ run: _, output: __, ...help }) => help)));
      else if (first === undefined) renderOverview(context.program, all).forEach(context.print);
      else found.flatMap((command) => renderCommandHelp(context.program, command)).forEach(context.print);
      return Promise.resolve(0);
    },
  });
}

function named(commands: readonly Command[], name: string): Command {
  const found = commands.find((command) => command.name === name || command.aliases.includes(name));
  if (found !== undefined) return found;
  const meant = suggest(name, commands.flatMap((command) => [command.name, ...command.aliases]));
  throw new UserError(`Cannot explain ${name}: there is no such command`, {
    exitCode: 2,
    ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
  });
}
