import { UserError } from "../base/errors.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Who may join a network. */
export const setAccess: Command = defineEngineCommand({
  name: "set-access",
  group: "Powers",
  summary: "Lock or unlock a network, and choose how members are approved",
  args: [
    { name: "network", summary: "Its id or name" },
    {
      name: "lock",
      summary: "lock = nobody new may join, unlock = they may",
      optional: true,
      choices: ["lock", "unlock", "manual", "auto"],
    },
    {
      name: "approval",
      summary: "manual = new members wait for `approve`, auto = they do not",
      optional: true,
      choices: ["manual", "auto"],
    },
  ],
  examples: [
    { line: 'set-access "game night" lock', does: "let nobody new in" },
    { line: 'set-access "game night" unlock manual', does: "let in who is approved" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, lock, approval } = run.args;
    const words = [lock, approval].filter((word) => word !== undefined);
    const locked = chosen(words, "lock", "unlock");
    const manual = chosen(words, "manual", "auto");
    if (words.length === 0 || words.length !== [locked, manual].filter((choice) => choice !== null).length) {
      throw new UserError(`Cannot set the access of ${network} to ${JSON.stringify(words.join(" "))}`, {
        exitCode: 2,
        hint: "It takes lock or unlock, manual or auto, or one of each.",
      });
    }
    const approve = manual === null ? null : manual ? "manual" : "auto";
    return act(run, `Setting access of ${network}`, () => run.control.setAccess({ network, locked, approve }));
  },
});

/** Null where neither word is there. */
function chosen(words: readonly string[], yes: string, no: string): boolean | null {
  if (words.includes(yes)) return true;
  return words.includes(no) ? false : null;
}
