import { type Command, defineEngineCommand } from "./cli/command.ts";
import { reportRefusal } from "./cli/outcome.ts";
import { resultOf } from "./cli/output.ts";
import { INVITE_OPTIONS, inviteTerms } from "./cli/invite_terms.ts";
import { ControlError } from "../ipc/mod.ts";
import { renderJson } from "./text/json.ts";
import { shownTime } from "./text/members.ts";
import { renderQrCode } from "./text/qr_code.ts";

/** A link into a network. */
export const invite: Command = defineEngineCommand({
  name: "invite",
  group: "Networks",
  summary: "Make a link by which others join a network",
  details: [
    "The link holds the server, its key, the network and a secret of its own: whoever has it may join without the password, " +
    "so send it as you would send a password. It ends with its uses, its time, your membership, or a new password of the " +
    "network. Locks, bans and approval hold for those who come by it as for all.",
    "The link stands alone on stdout; the QR code and the rest are on stderr.",
  ],
  args: [{ name: "network", summary: "Its id or name" }],
  options: INVITE_OPTIONS,
  examples: [
    { line: 'invite "game night"', does: "for one friend, within a week" },
    { line: 'invite "game night" --uses 5 --expires 2h', does: "for five, this evening" },
  ],
  json: "{link,network,uses,expiresAt}; expiresAt in milliseconds since 1970, null = never",
  output: resultOf("invite"),
  run: async ({ context, control, args: { network }, options, json }) => {
    const terms = inviteTerms(options);
    try {
      const made = await control.invite({ network, ...terms });
      context.print(json ? renderJson(made) : made.link);
      if (!json) explain(made).forEach(context.complain);
      return 0;
    } catch (error) {
      if (!(error instanceof ControlError) || context.signal.aborted) throw error;
      reportRefusal({ context, json }, `Inviting to ${network}`, error);
      return 1;
    }
  },
});

function explain({ link, uses, expiresAt }: { link: string; uses: number; expiresAt: number | null }): string[] {
  const often = uses === 1 ? "once" : `${uses} times`;
  const until = expiresAt === null ? "without an end" : `until ${shownTime(expiresAt)}`;
  return [...renderQrCode(link), `Good ${often}, ${until}. It is for: buri join LINK`];
}
