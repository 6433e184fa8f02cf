import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** The own nickname. */
export const setNick: Command = defineEngineCommand({
  name: "set-nick",
  group: "This computer",
  summary: "Set the nickname that others see",
  args: [{ name: "nickname", summary: "1 to 32 characters, at most 128 bytes" }],
  examples: [
    { line: "set-nick bob", does: "be bob" },
    { line: "set-nick -=a=-", does: "a nickname may begin with a dash" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => act(run, "Setting nickname", () => run.control.setNick({ nick: run.args.nickname })),
});
