import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";
import { parseDuration } from "./cli/values.ts";

/** Keeps a client out of a network. */
export const ban: Command = defineEngineCommand({
  name: "ban",
  group: "Powers",
  summary: "Take a client out of a network and keep it out",
  details: ["A ban is on the client's account and its keys: another nickname or address does not help it."],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
    { name: "reason", summary: "Why; who is banned reads it", optional: true },
  ],
  options: { for: { value: "TIME", summary: "How long, such as 30m, 2h or 7d (default: for good)" } },
  examples: [
    { line: 'ban "game night" bob', does: "keep bob out" },
    { line: 'ban "game night" 090-123-456 "too loud" --for 2h', does: "keep a client out for two hours, and say why" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member, reason = "" } = run.args;
    const forMs = run.options.for === undefined ? null : parseDuration("--for", run.options.for);
    return act(run, `Banning ${member} from ${network}`, () => run.control.ban({ network, member, reason, forMs }));
  },
});
