import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** End an invite before its time. */
export const revoke: Command = defineEngineCommand({
  name: "revoke",
  group: "Networks",
  summary: "End an invite, so that nobody joins by it any more",
  details: ["Whoever has joined by it stays; `evict` and `ban` are for them."],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "invite", summary: "Its id, as `invites` lists it" },
  ],
  examples: [{ line: 'revoke "game night" 0011223344556677', does: "the link leads nowhere from now on" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, invite } = run.args;
    return act(run, `Revoking an invite to ${network}`, () => run.control.revoke({ network, invite }));
  },
});
