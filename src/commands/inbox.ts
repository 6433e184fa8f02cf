import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderMessage } from "./text/messages.ts";

/** Messages that one call shows: the latest. */
const LIMIT = 1_000;

/** Messages that came. */
export const inbox: Command = defineEngineCommand({
  name: "inbox",
  group: "Messages",
  summary: "Show messages that were not read yet",
  details: [
    "`unverified` means that only the server's word tells who wrote it: there was no tunnel with that peer yet, and no common " +
    "network with a password.",
  ],
  args: [{ name: "peer", summary: "A peer or a network: only messages from there", optional: true }],
  options: {
    all: { summary: `Also what was read, and own messages; the latest ${LIMIT}` },
    "mark-read": { summary: "What is shown counts as read from now on" },
  },
  examples: [
    { line: "inbox --mark-read", does: "read what is new" },
    { line: "inbox bob --all", does: "the whole conversation with bob" },
  ],
  json:
    "[{id,direction,from,to,network,text,sentAt,read,verified,deliveries}]; direction is in or out, from and to are {id,nick}, " +
    "to null = to a network, text null = unreadable, sentAt milliseconds since 1970, deliveries [{id,nick,state,reason}] with " +
    "state delivered, stored, waiting or failed",
  output: resultOf("inbox"),
  run: async ({ context, control, args, options, json }) => {
    const params = { with: args.peer ?? null, all: options.all, markRead: options["mark-read"], limit: LIMIT };
    const messages = await control.inbox(params);
    if (json) context.print(renderJson(messages));
    else messages.map(renderMessage).forEach(context.print);
    return 0;
  },
});
