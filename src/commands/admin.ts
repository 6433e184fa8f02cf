import { UserError } from "../base/errors.ts";
import { PRIVILEGE_NAMES, type PrivilegeName } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { DONE } from "./cli/output.ts";

/** Makes members administrators. */
export const admin: Command = defineEngineCommand({
  name: "admin",
  group: "Powers",
  summary: "Let a member help to run a network",
  details: [
    "The privileges: password (`set-pass`), access (`set-access`), approve (`approve`, `reject`), evict, ban (`ban`, " +
    "`unban`), messages (`welcome`, `announce`).",
  ],
  args: [
    { name: "network", summary: "Its id or name" },
    { name: "member", summary: "Client id, or virtual address or nickname of a member that is listed" },
    { name: "privileges", summary: "Some of them with commas between, all (the default) or none", optional: true },
  ],
  examples: [
    { line: 'admin "game night" bob approve,evict', does: "let bob say who is in" },
    { line: 'admin "game night" bob none', does: "make him a member like any other" },
  ],
  json: "{ok:true}",
  output: DONE,
  run: (run) => {
    const { network, member, privileges = "all" } = run.args;
    const chosen = { network, member, privileges: parsePrivileges(privileges) };
    return act(run, `Setting privileges of ${member} in ${network}`, () => run.control.setAdmin(chosen));
  },
});

/** Throws `UserError` with exit code 2. */
function parsePrivileges(text: string): PrivilegeName[] {
  if (text === "all") return [...PRIVILEGE_NAMES];
  if (text === "none") return [];
  const words = new Set(text.split(","));
  const found = PRIVILEGE_NAMES.filter((name) => words.has(name));
  if (found.length === words.size) return found;
  throw new UserError(`Cannot give the privileges ${JSON.stringify(text)}`, {
    exitCode: 2,
    hint: `It takes all, none, or some of ${PRIVILEGE_NAMES.join(",")}.`,
  });
}
