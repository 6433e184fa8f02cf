import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { INTERRUPTED } from "./cli/run.ts";
import { renderJson } from "./text/json.ts";
import { renderEvent } from "./text/messages.ts";

/** What happens, as it happens. */
export const events: Command = defineEngineCommand({
  name: "events",
  group: "Messages",
  summary: "Show what happens, as it happens: members, paths, messages",
  details: ["It goes on until it is interrupted, or the engine ends."],
  examples: [
    { line: "events", does: "watch" },
    { line: "events --json", does: "feed a program, one event a line" },
  ],
  json: "One {at,kind,…} a line: at is milliseconds since 1970, kind is status {status}, network {network,change}, " +
    "member {network,change,member}, path {member,path,transport,endpoint}, message {message}, delivery {message,delivery}, " +
    "notice {network,notice,from,text,sentAt} or lost {count}; a message is that of `inbox`",
  output: resultOf("events"),
  run: async ({ context, control, json }) => {
    try {
      for await (const event of control.events({ kinds: null }, context.signal)) {
        if (!context.print(json ? renderJson(event) : renderEvent(event))) break;
      }
    } catch (error) {
      if (!context.signal.aborted) throw error; // else the connection was cut before the last events came
    }
    return context.signal.aborted ? INTERRUPTED : 0;
  },
});
