import { UserError } from "../base/errors.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Makes a network. */
export const create: Command = defineEngineCommand({
  name: "create",
  group: "Networks",
  summary: "Make a network, which this computer then owns",
  args: [
    { name: "network", summary: "Its name, 4 to 64 bytes, blanks allowed", completes: "nothing" },
    {
      name: "password",
      summary: 'Its password; "" or none = who knows the name may join',
      optional: true,
      secret: { twice: true },
    },
  ],
  options: {
    type: {
      value: "TYPE",
      choices: ["mesh", "hub"],
      summary: "mesh = all reach all (the default), hub = members reach hubs only, see `hub`",
    },
  },
  examples: [
    { line: 'create "game night" s3same', does: "make a network with a password" },
    { line: "create playground", does: "make one that needs no password" },
    { line: "create branches s3same --type hub", does: "make one whose members reach only its hubs" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, password = "" } = run.args;
    const type = parseType(run.options.type ?? "mesh");
    return act(run, `Creating ${network}`, () => run.control.create({ network, password, type }));
  },
});

/** Throws `UserError` with exit code 2. */
function parseType(text: string): "mesh" | "hub-and-spoke" {
  if (text === "mesh") return "mesh";
  if (text === "hub" || text === "hub-and-spoke") return "hub-and-spoke";
  throw new UserError(`Cannot use --type ${text}: it takes mesh or hub`, { exitCode: 2 });
}
