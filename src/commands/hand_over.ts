import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Make a member the owner of a network. */
export const handOver: Command = defineEngineCommand({
  name: "hand-over",
  aliases: ["owner"],
  group: "Powers",
  summary: "Make a member the owner of a network",
  details: ["Whoever hands it over stays in it as a member without privileges; only the new owner can give it back."],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
  ],
  examples: [
    { line: 'hand-over "game night" bob', does: "give it to bob" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member } = run.args;
    return act(run, `Handing ${network} over to ${member}`, () => run.control.handOver({ network, member }));
  },
});
