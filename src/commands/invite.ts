import { UserError } from "../base/errors.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { reportRefusal } from "./cli/outcome.ts";
import { resultOf } from "./cli/output.ts";
import { parseCount, parseDuration } from "./cli/values.ts";
import { ControlError } from "../ipc/mod.ts";
import { renderJson } from "./text/json.ts";
import { shownTime } from "./text/members.ts";
import { renderQrCode } from "./text/qr_code.ts";

const MAX_USES = 65_535;
const DEFAULT_EXPIRY = "7d";

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
  options: {
    uses: { value: "N", summary: "How many may join by it, at most 65535 (default 1)" },
    expires: { value: "TIME", summary: `How long it lasts: 30m, 2h, 7d, or never (default ${DEFAULT_EXPIRY})` },
  },
  examples: [
    { line: 'invite "game night"', does: "for one friend, within a week" },
    { line: 'invite "game night" --uses 5 --expires 2h', does: "for five, this evening" },
  ],
  json: "{link,network,uses,expiresAt}; expiresAt in milliseconds since 1970, null = never",
  output: resultOf("invite"),
  run: async ({ context, control, args: { network }, options, json }) => {
    const uses = parseCount("--uses", options.uses ?? "1", MAX_USES);
    if (uses === 0) throw new UserError("Cannot make an invite for nobody: --uses is 0", { exitCode: 2 });
    const expires = options.expires ?? DEFAULT_EXPIRY;
    const forMs = expires === "never" ? null : parseDuration("--expires", expires);
    try {
      const made = await control.invite({ network, uses, forMs });
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
