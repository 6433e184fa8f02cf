import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";

/** Makes a network. */
export const create: Command = defineEngineCommand({
  name: "create",
  group: "Networks",
  summary: "Make a network, which this computer then owns",
  args: [
    { name: "network", summary: "Its name, 4 to 64 bytes, blanks allowed" },
    { name: "password", summary: 'Its password; "" or none = who knows the name may join', optional: true },
  ],
  examples: [
    { line: 'create "game night" s3same', does: "make a network with a password" },
    { line: "create playground", does: "make one that needs no password" },
  ],
  json: "{ok:true}",
  run: (run) => {
    const { network, password = "" } = run.args;
    return act(run, `Creating ${network}`, () => run.control.create({ network, password }));
  },
});
