import { safe } from "../base/safe.ts";
import type { NoticeView } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { shownTime } from "./text/members.ts";

/** Welcomes and announcements. */
export const notices: Command = defineEngineCommand({
  name: "notices",
  group: "Networks",
  summary: "Show welcomes and announcements of networks, the oldest first",
  examples: [{ line: "notices", does: "show the last 100" }],
  json: "[{network,kind,from,sentAt,text}]; kind is welcome or announcement, sentAt milliseconds since 1970",
  output: resultOf("notices"),
  run: async ({ context, control, json }) => {
    const found = await control.notices();
    if (json) context.print(renderJson(found));
    else found.map(noticeLine).forEach(context.print);
    return 0;
  },
});

function noticeLine({ network, kind, from, sentAt, text }: NoticeView): string {
  return `${shownTime(sentAt)}  ${safe(network)}, ${kind} from ${from}: ${safe(text)}`;
}
