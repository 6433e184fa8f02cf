import { confirm } from "./cli/asking.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Deletes an own network. */
export const deleteNetwork: Command = defineEngineCommand({
  name: "delete",
  group: "Networks",
  summary: "Delete a network that this computer owns",
  args: [{ name: "network", summary: "Its id or name" }],
  options: { yes: { short: "y", summary: "Do not ask whether you mean it, as is done at a terminal" } },
  examples: [{ line: 'delete "game night"', does: "delete it, for all its members" }],
  json: "{ok:true}",
  output: DONE,
  run: async (run) => {
    const { network } = run.args;
    await confirm(run, run.options.yes, `Delete "${network}" for all its members`);
    return await act(run, `Deleting ${network}`, () => run.control.delete({ network }));
  },
});
