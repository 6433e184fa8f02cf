import { UserError } from "../base/errors.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Which addresses the device has. */
export const setIpMode: Command = defineEngineCommand({
  name: "set-ip-mode",
  group: "This computer",
  summary: "Choose whether the device has an IPv4 address, an IPv6 one or both",
  details: ["Peers are reached only by the kind of address that is there. The choice stays over restarts."],
  args: [{ name: "mode", summary: "ipv4, ipv6 or both", choices: ["ipv4", "ipv6", "both"] }],
  examples: [
    { line: "set-ip-mode ipv6", does: "take the IPv4 address and its route from the device" },
    { line: "set-ip-mode both", does: "have both, as at first" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { mode } = run.args;
    if (mode !== "ipv4" && mode !== "ipv6" && mode !== "both") {
      throw new UserError(`Cannot set the mode ${JSON.stringify(mode)}: it takes ipv4, ipv6 or both`, { exitCode: 2 });
    }
    return act(run, "Setting IP mode", () => run.control.setIpMode({ mode }));
  },
});
