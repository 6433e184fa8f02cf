import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderStatus } from "./text/views.ts";

/** The state of this computer: also what a line without a command means. */
export const status: Command = defineEngineCommand({
  name: "status",
  group: "This computer",
  summary: "Show the state of this computer",
  examples: [
    { line: "", does: "show it" },
    { line: "status --json", does: "show it to a program" },
  ],
  json:
    "{version,pid,status,id,address4,address6,nick,account,server,device,problem}; status is offline, logging in or logged in",
  output: resultOf("status"),
  run: async ({ context, control, json }) => {
    const view = await control.status();
    if (json) context.print(renderJson(view));
    else renderStatus(view).forEach(context.print);
    return 0;
  },
});
