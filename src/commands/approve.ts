import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Let a member in that waits for approval. */
export const approve: Command = defineEngineCommand({
  name: "approve",
  group: "Powers",
  summary: "Let a member in that waits for approval",
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
  ],
  examples: [
    { line: 'approve "game night" 090-123-456', does: "let in the client with this id" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member } = run.args;
    return act(run, `Approving ${member} in ${network}`, () => run.control.approve({ network, member }));
  },
});
