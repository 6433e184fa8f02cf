import type { OpenInviteView } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { padTo } from "./text/columns.ts";
import { renderJson } from "./text/json.ts";
import { shownOwner, shownTime } from "./text/members.ts";

/** The links that still lead into a network. */
export const invites: Command = defineEngineCommand({
  name: "invites",
  group: "Networks",
  summary: "List the invites by which somebody may still join a network",
  details: [
    "Those you made; all of them for the owner and for administrators who may set the password. The links themselves are not " +
    "kept anywhere: only whoever was given one has it.",
  ],
  args: [{ name: "network", summary: "Its id or name" }],
  examples: [{ line: 'invites "game night"', does: "list them; `revoke` takes the first column" }],
  json: "[{id,by:{id,nick,isSelf},usesLeft,expiresAt}]; expiresAt in milliseconds since 1970, null = never",
  output: resultOf("invites"),
  run: async ({ context, control, args: { network }, json }) => {
    const found = await control.invites({ network });
    if (json) context.print(renderJson(found));
    else found.map(inviteLine).forEach(context.print);
    return 0;
  },
});

function inviteLine({ id, by, usesLeft, expiresAt }: OpenInviteView): string {
  const end = expiresAt === null ? "without an end" : `until ${shownTime(expiresAt)}`;
  const uses = usesLeft === 1 ? "once more" : `${usesLeft} times more`;
  return `${id}  ${padTo(shownOwner(by), 32)}  ${uses.padEnd(16)}  ${end}`.trimEnd();
}
