import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderWhy } from "./text/nat.ts";

/** Why the path to a peer is what it is. */
export const why: Command = defineEngineCommand({
  name: "why",
  group: "Members",
  summary: "Explain the path to a peer, and what would make it better",
  details: ["Shows every way that was tried, what came back, the cause in words, and the one thing that would help."],
  args: [{ name: "peer", summary: "Client id, virtual IPv4 or IPv6 address, or nickname when only one peer has it" }],
  examples: [
    { line: "why bob", does: "why packets to bob go through a relay" },
    { line: "why 10.77.0.2 --json", does: "for a program" },
  ],
  json: "{id,nick,path,cause,words,advice,own,peer,candidates:[{kind,endpoint,sent,answered,rttMs,inUse}]," +
    "isSearching,failedSearches}; own as netcheck prints it",
  output: resultOf("why"),
  run: async ({ context, control, args, json }) => {
    const view = await control.why({ peer: args.peer });
    if (json) context.print(renderJson(view));
    else renderWhy(view).forEach(context.print);
    return 0;
  },
});
