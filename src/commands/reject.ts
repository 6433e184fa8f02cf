import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Send away a member that waits for approval. */
export const reject: Command = defineEngineCommand({
  name: "reject",
  group: "Powers",
  summary: "Send away a member that waits for approval",
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
  ],
  examples: [
    { line: 'reject "game night" 090-123-456', does: "send it away; it may ask again" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member } = run.args;
    return act(run, `Rejecting ${member} from ${network}`, () => run.control.reject({ network, member }));
  },
});
