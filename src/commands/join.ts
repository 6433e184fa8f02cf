import * as v from "valibot";
import { EngineUnreachableError } from "../ipc/mod.ts";
import { type Command, defineCommand, STATE_OPTION, withEngine } from "./cli/command.ts";
import {
  ENGINE_OPTIONS,
  ENGINE_READY,
  type ForegroundRun,
  joinByLink,
  JOINED,
  requireLink,
  runEngine,
} from "./cli/foreground.ts";
import { act } from "./cli/outcome.ts";

/** Joins a network. */
export const join: Command = defineCommand({
  name: "join",
  aliases: ["do-join"],
  group: "Networks",
  summary: "Join a network, by its name or by an invite",
  details: [
    "A wrong password and an unknown network give the same answer, unless the server lists its networks.",
    "The link of an invite needs nothing else: where no engine runs, this becomes `up` with the server of the link, in the " +
    "foreground, and joins. The other options are for that.",
  ],
  args: [
    { name: "network", summary: "Its name, or the link that `invite` printed", completes: "nothing" },
    {
      name: "password",
      summary: 'Its password; "" or none = it has none',
      optional: true,
      secret: { notWith: "buri://" },
    },
  ],
  options: { ...STATE_OPTION, ...ENGINE_OPTIONS },
  examples: [
    { line: 'join "game night" s3same', does: "join with the password" },
    { line: "join 'buri://203.0.113.5:12975/#KEY&join=TICKET' --nick bob", does: "join by an invite" },
    { line: 'join playground ""', does: "join a network that needs none" },
  ],
  json: "{ok:true,pending}, by an invite with network; pending = the owner has to approve first",
  output: v.union([JOINED, ENGINE_READY]),
  run: (run) => {
    const { network, password = "" } = run.args;
    if (network.startsWith("buri://")) return joinInvited(run, network);
    return withEngine(run.context, run.options.state, ({ control }) =>
      act(run, `Joining ${network}`, async () => {
        const { pending } = await control.join({ network, password });
        return { ...(pending ? { note: "request sent" } : {}), json: { pending } };
      }));
  },
});

async function joinInvited(run: ForegroundRun, link: string): Promise<number> {
  requireLink(link);
  try {
    return await withEngine(run.context, run.options.state, ({ control }) => joinByLink(run, control, link));
  } catch (error) {
    if (!(error instanceof EngineUnreachableError) || error.reason !== "notRunning") throw error;
    return await runEngine(run, link);
  }
}
