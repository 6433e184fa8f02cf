import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { INTERRUPTED } from "./cli/run.ts";
import { status } from "./status.ts";

/** The whole screen: also what a line without a command means, where there is one. */
export const view: Command = defineCommand({
  name: "view",
  group: "This computer",
  summary: "Watch networks and members live on the whole screen, and act on them by keys",
  details: [
    "`?` shows the keys, `q` quits. Green is a direct tunnel, blinking while it is being made, cyan a relayed one, grey " +
    "offline; bold = traffic. It waits for an engine that does not run, and needs no colours (NO_COLOR).",
    "Where stdin or stdout is no terminal, with --json, and under the name hamachi, this is `status`.",
  ],
  options: { state: STATE_OPTION.state },
  examples: [
    { line: "", does: "in a terminal" },
    { line: "view --state ./bob", does: "that of another engine" },
  ],
  json: "That of `status`",
  output: resultOf("status"),
  run: async ({ context, options, json }) => {
    if (json || !context.isInteractive || context.program === "hamachi") {
      return await status.run(context, { args: {}, options: { state: options.state, json } });
    }
    await context.roles.runView({
      connect: () => context.connect(options.state),
      signal: context.signal,
      startCommand: `${context.program} up${options.state === undefined ? "" : ` --state ${options.state}`}`,
    });
    return context.signal.aborted ? INTERRUPTED : 0;
  },
});
