import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Let a banned client join again. */
export const unban: Command = defineEngineCommand({
  name: "unban",
  group: "Powers",
  summary: "Let a banned client join again",
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
  ],
  examples: [
    { line: 'unban "game night" 090-123-456', does: "end the ban of this client; `bans` lists their ids" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member } = run.args;
    return act(run, `Unbanning ${member} in ${network}`, () => run.control.unban({ network, member }));
  },
});
