import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";

/** Joins a network. */
export const join: Command = defineEngineCommand({
  name: "join",
  aliases: ["do-join"],
  group: "Networks",
  summary: "Join a network",
  details: ["A wrong password and an unknown network give the same answer, unless the server lists its networks."],
  args: [
    { name: "network", summary: "Its name" },
    { name: "password", summary: 'Its password; "" or none = it has none', optional: true },
  ],
  examples: [
    { line: 'join "game night" s3same', does: "join with the password" },
    { line: 'join playground ""', does: "join a network that needs none" },
  ],
  json: "{ok:true,pending}; pending = the owner has to approve first",
  run: (run) => {
    const { network, password = "" } = run.args;
    return act(run, `Joining ${network}`, async () => {
      const { pending } = await run.control.join({ network, password });
      return { ...(pending ? { note: "request sent" } : {}), json: { pending } };
    });
  },
});
