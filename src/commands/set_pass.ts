import { UserError } from "../base/errors.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** A network's password. */
export const setPass: Command = defineEngineCommand({
  name: "set-pass",
  group: "Powers",
  summary: "Change the password of a network; its members stay",
  details: [
    "Only those who join from now on need the new one. Without a password the network is open to all who know its name, and " +
    "tunnels made from then on are no longer protected against the server itself, not even when it gets a password again.",
  ],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "password", summary: 'The new one; "" = none', optional: true, secret: { twice: true, required: true } },
  ],
  examples: [
    { line: 'set-pass "game night" n3wone', does: "ask newcomers for this password" },
    { line: 'set-pass playground ""', does: "ask them for none" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, password } = run.args;
    // Taking a password away cannot be undone, so that it must not come of a forgotten word.
    if (password === undefined) {
      throw new UserError("Cannot run set-pass: <password> is missing", { exitCode: 2, hint: 'For none write "".' });
    }
    return act(run, `Setting password of ${network}`, () => run.control.setPassword({ network, password }));
  },
});
