import * as v from "valibot";
import { UserError } from "../base/errors.ts";
import { type Command, defineCommand } from "./cli/command.ts";
import { CLIENT_ID, COUNT } from "./cli/output.ts";
import { renderFields } from "./text/fields.ts";
import { renderJson } from "./text/json.ts";

/** An account at a server, for its operator. */
export const serverAccount: Command = defineCommand({
  name: "server account",
  group: "Server",
  summary: "Show an account of a server, or give it another plan",
  details: [
    "To be run where the data folder is, by the user whom it belongs to. A server that runs takes a new plan over within two " +
    "seconds; relayed tunnels that exist keep their speed until they are made anew. What a plan allows: `server policy`.",
  ],
  args: [{ name: "id", summary: "Client id, `ddd-ddd-ddd`" }],
  options: {
    data: { value: "DIR", summary: "Folder of the server's keys and database", required: true },
    plan: { value: "PLAN", summary: "free or premium" },
  },
  examples: [{ line: "server account 090-123-456 --plan premium --data ./data", does: "give it the premium plan" }],
  json: "{id,nick,address4,plan,networkCount}",
  output: v.object({
    id: CLIENT_ID,
    nick: v.string(),
    address4: v.string(),
    plan: v.picklist(["free", "premium"]),
    networkCount: COUNT,
  }),
  run: async ({ context, args, options, json }) => {
    const plan = options.plan === undefined ? undefined : parsePlan(options.plan);
    const id = parseId(args.id);
    const account = await context.roles.showAccount({
      dataDir: options.data,
      id,
      ...(plan === undefined ? {} : { plan }),
    });
    if (json) context.print(renderJson(account));
    else {
      renderFields([
        ["client id", account.id],
        ["nickname", account.nick],
        ["address", account.address4],
        ["plan", account.plan],
        ["networks", String(account.networkCount)],
      ]).forEach(context.print);
    }
    return 0;
  },
});

function parsePlan(text: string): "free" | "premium" {
  if (text === "free" || text === "premium") return text;
  throw new UserError(`Cannot use --plan ${text}: it takes free or premium`, { exitCode: 2 });
}

function parseId(text: string): string {
  if (/^\d{3}-\d{3}-\d{3}$/.test(text)) return text;
  throw new UserError(`Cannot use the account ${text}: it takes a client id, such as 090-123-456`, { exitCode: 2 });
}
