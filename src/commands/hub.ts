import { UserError } from "../base/errors.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Makes members hubs. */
export const hub: Command = defineEngineCommand({
  name: "hub",
  group: "Powers",
  summary: "Connect a member of a hub-and-spoke network to all others",
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
    { name: "state", summary: "on (the default), or off = to hubs only", optional: true, choices: ["on", "off"] },
  ],
  examples: [
    { line: "hub branches bob", does: "let everybody reach bob" },
    { line: "hub branches bob off", does: "let only hubs reach him" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member, state = "on" } = run.args;
    if (state !== "on" && state !== "off") {
      throw new UserError(`Cannot set a hub to ${JSON.stringify(state)}: it takes on or off`, { exitCode: 2 });
    }
    const wanted = { network, member, hub: state === "on" };
    return act(
      run,
      `Setting ${member} as a ${wanted.hub ? "hub" : "spoke"} of ${network}`,
      () => run.control.setHub(wanted),
    );
  },
});
