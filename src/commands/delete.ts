import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";

/** Deletes an own network. */
export const deleteNetwork: Command = defineEngineCommand({
  name: "delete",
  group: "Networks",
  summary: "Delete a network that this computer owns",
  args: [{ name: "network", summary: "Its id or name" }],
  examples: [{ line: 'delete "game night"', does: "delete it, for all its members" }],
  json: "{ok:true}",
  run: (run) => act(run, `Deleting ${run.args.network}`, () => run.control.delete({ network: run.args.network })),
});
