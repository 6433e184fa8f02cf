import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Shows this computer offline in a network. */
export const goOffline: Command = defineEngineCommand({
  name: "go-offline",
  group: "Networks",
  summary: "Be offline in one network, staying a member",
  args: [{ name: "network", summary: "Its id or name" }],
  examples: [{ line: 'go-offline "game night"', does: "be unreachable there" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) =>
    act(run, `Going offline in ${run.args.network}`, () => run.control.goOffline({ network: run.args.network })),
});
