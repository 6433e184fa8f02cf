import * as v from "valibot";
import { type Command, defineCommand } from "./cli/command.ts";
import { renderJson } from "./text/json.ts";

/** The invite of a server. */
export const serverInvite: Command = defineCommand({
  name: "server invite",
  group: "Server",
  summary: "Print the invite that `up --server` takes",
  details: [
    "It names the server and its keys, so that nobody can pose as the server. It is no secret: who has it can connect, but " +
    "networks keep their passwords.",
  ],
  options: {
    data: { value: "DIR", summary: "Folder of the server's keys and database", required: true },
    host: { value: "HOST:PORT", summary: "Where clients reach it (default: where it listens, if that is one address)" },
  },
  examples: [{ line: "server invite --data ./data --host vpn.example.org:12975", does: "print it for this name" }],
  json: "{invite}",
  output: v.object({ invite: v.string() }),
  run: async ({ context, options, json }) => {
    const { data: dataDir, host } = options;
    const invite = await context.roles.makeInvite({ dataDir, ...(host === undefined ? {} : { host }) });
    context.print(json ? renderJson({ invite }) : invite);
    return 0;
  },
});
