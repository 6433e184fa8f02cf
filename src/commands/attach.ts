import { ControlError } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { REFUSAL } from "./cli/output.ts";

const DETAILS = [
  "Hamachi's computers could belong to an account on the vendor's web site. A server of one's own has no web site: networks " +
  "belong to computers (`hand-over`), help is given by `admin`, and plans by `server account`. So this is always refused.",
];

/** Would attach this computer to a web account. */
export const attach: Command = attaching("attach", "Refused: there are no web accounts to attach this computer to");

/** The same with its networks. */
export const attachNet: Command = attaching("attach-net", "Refused: as `attach`, with the networks of this computer");

function attaching(name: "attach" | "attach-net", summary: string): Command {
  return defineEngineCommand({
    name,
    group: "This computer",
    summary,
    details: DETAILS,
    args: [{ name: "account", summary: "A mail address" }],
    examples: [{ line: `${name} bob@example.org`, does: "say that there are no accounts" }],
    json: "{ok:false,code,reason}",
    output: REFUSAL,
    run: (run) => act(run, `Attaching to ${run.args.account}`, () => Promise.reject(new ControlError("noAccounts"))),
  });
}

/** Would withdraw the wish to be attached. */
export const cancel: Command = defineEngineCommand({
  name: "cancel",
  group: "This computer",
  summary: "Refused: as there is no `attach`, there is nothing to withdraw",
  details: DETAILS,
  examples: [{ line: "cancel", does: "say that nothing is pending" }],
  json: "{ok:false,code,reason}",
  output: REFUSAL,
  run: (run) => act(run, "Cancelling attach", () => Promise.reject(new ControlError("nothingPending"))),
});
