import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";
import { parseSwitch } from "./cli/values.ts";

/** A tunnel without encryption, as far as it is up to this computer. */
export const plain: Command = defineEngineCommand({
  name: "plain",
  group: "Members",
  summary: "Let the tunnel with a peer go without encryption, for speed",
  details: [
    "It does once the peer has said the same of this computer, and the owners of all networks that you have in common allow it " +
    "(`set-plain`). Everybody on the way can read it then, relays too, yet nobody can change it: what is sent is still " +
    "authenticated. `list` and `peer` say `not encrypted`. Messages never go through such a tunnel.",
    "Where both processors have instructions for AES, encryption costs next to nothing, and there is nothing to be gained.",
    "The consent is for the key that the peer has proved: should the key change, the tunnel is encrypted again.",
  ],
  args: [
    { name: "peer", summary: "Client id, virtual IPv4 or IPv6 address, or nickname when only one peer has it" },
    { name: "state", summary: "on = without encryption where the peer agrees, off = never", choices: ["on", "off"] },
  ],
  examples: [
    { line: "plain nas on", does: "leave out encryption with nas, which has to do the same" },
    { line: "plain nas off", does: "encrypt again, at once" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { peer, state } = run.args;
    const wanted = parseSwitch(state);
    return act(run, `Setting encryption with ${peer} ${wanted ? "off" : "on"}`, async () => {
      await run.control.plain({ peer, wanted });
      return wanted ? { note: "once the peer agrees" } : {};
    });
  },
});
