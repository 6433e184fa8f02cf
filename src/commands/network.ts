import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderNetwork } from "./text/views.ts";

/** One network. */
export const network: Command = defineEngineCommand({
  name: "network",
  group: "Networks",
  summary: "Show a network: its owner and who may join",
  args: [{ name: "network", summary: "Network id or name" }],
  examples: [{ line: 'network "game night"', does: "show the network of this name" }],
  json: "One record of `list --json`",
  output: resultOf("network"),
  run: async ({ context, control, args, json }) => {
    const view = await control.network({ network: args.network });
    if (json) context.print(renderJson(view));
    else renderNetwork(view).forEach(context.print);
    return 0;
  },
});
