import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Stops the engine. */
export const down: Command = defineEngineCommand({
  name: "down",
  group: "This computer",
  summary: "Stop the engine; its device and routes go with it",
  examples: [{ line: "down", does: "stop it" }],
  json: "{ok:true}",
  output: DONE,
  run: (run) =>
    act(run, "Stopping Buri", async () => {
      await run.control.down();
      // So that whoever starts an engine next does not meet this one on its way out.
      await run.connection.ended;
    }),
});
