import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** What new members are told. */
export const welcome: Command = defineEngineCommand({
  name: "welcome",
  group: "Powers",
  summary: "Set what members of a network are told when they first come",
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "text", summary: 'One line, at most 1024 bytes; "" or none = nothing', optional: true },
  ],
  examples: [{ line: 'welcome "game night" "We start at nine."', does: "greet new members so" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, text = "" } = run.args;
    return act(run, `Setting welcome of ${network}`, () => run.control.setWelcome({ network, text }));
  },
});
