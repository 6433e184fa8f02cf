import { safe } from "../base/safe.ts";
import type { BanView } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { padTo } from "./text/columns.ts";
import { renderJson } from "./text/json.ts";
import { shownNick, shownTime } from "./text/members.ts";

/** Who is banned from a network. */
export const bans: Command = defineEngineCommand({
  name: "bans",
  group: "Powers",
  summary: "List the clients that are banned from a network",
  args: [{ name: "network", summary: "Its id or name" }],
  examples: [{ line: 'bans "game night"', does: "list them" }],
  json: "[{id,nick,until,reason}]; until in milliseconds since 1970, null = for good",
  output: resultOf("bans"),
  run: async ({ context, control, args, json }) => {
    const found = await control.bans({ network: args.network });
    if (json) context.print(renderJson(found));
    else found.map(banLine).forEach(context.print);
    return 0;
  },
});

function banLine({ id, nick, until, reason }: BanView): string {
  const end = until === null ? "for good" : `until ${shownTime(until)}`;
  return `${id}  ${padTo(shownNick(nick), 24)}  ${end.padEnd(28)}  ${safe(reason)}`.trimEnd();
}
