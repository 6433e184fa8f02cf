import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";
import { parseSwitch } from "./cli/values.ts";

/** Whether a network allows tunnels without encryption. */
export const setPlain: Command = defineEngineCommand({
  name: "set-plain",
  group: "Powers",
  summary: "Allow tunnels without encryption in a network, or forbid them",
  details: [
    "For the owner alone. By itself it changes nothing: two members leave out encryption only where each has named the other " +
    "with `plain`, and every network that they have in common allows it. When it is forbidden their tunnels are encrypted again.",
  ],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "state", summary: "on = allowed, off = forbidden, as at first", choices: ["on", "off"] },
  ],
  examples: [
    { line: "set-plain lab on", does: "leave it to the members of lab" },
    { line: "set-plain lab off", does: "have everything encrypted" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, state } = run.args;
    const allowed = parseSwitch(state);
    const doing = `${allowed ? "Allowing" : "Forbidding"} tunnels without encryption in ${network}`;
    return act(run, doing, () => run.control.setPlain({ network, allowed }));
  },
});
