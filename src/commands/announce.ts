import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Tells all members of a network something. */
export const announce: Command = defineEngineCommand({
  name: "announce",
  group: "Powers",
  summary: "Tell all members of a network something",
  details: [
    "Those who are away are told when they come. It goes over the server, which can read it. `notices` shows what came.",
  ],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "text", summary: "One line, at most 1024 bytes" },
  ],
  examples: [{ line: 'announce "game night" "No game today."', does: "tell everybody" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, text } = run.args;
    return act(run, `Announcing to ${network}`, () => run.control.announce({ network, text }));
  },
});
