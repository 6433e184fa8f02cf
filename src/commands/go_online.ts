import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Shows this computer online in a network. */
export const goOnline: Command = defineEngineCommand({
  name: "go-online",
  group: "Networks",
  summary: "Be online in a network again",
  args: [{ name: "network", summary: "Its id or name" }],
  examples: [{ line: 'go-online "game night"', does: "be reachable there" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) =>
    act(run, `Going online in ${run.args.network}`, () => run.control.goOnline({ network: run.args.network })),
});
