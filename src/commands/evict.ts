import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Take a member out of a network; it may join again. */
export const evict: Command = defineEngineCommand({
  name: "evict",
  group: "Powers",
  summary: "Take a member out of a network; it may join again",
  details: ["To keep somebody out see `ban`. Administrators reach neither the owner nor each other."],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
  ],
  examples: [
    { line: 'evict "game night" bob', does: "take bob out, and end his tunnels" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member } = run.args;
    return act(run, `Evicting ${member} from ${network}`, () => run.control.evict({ network, member }));
  },
});
