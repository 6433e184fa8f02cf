import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Leaves a network. */
export const leave: Command = defineEngineCommand({
  name: "leave",
  group: "Networks",
  summary: "Leave a network; its owner deletes it instead",
  args: [{ name: "network", summary: "Its id or name" }],
  examples: [{ line: 'leave "game night"', does: "leave it" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) => act(run, `Leaving ${run.args.network}`, () => run.control.leave({ network: run.args.network })),
});
