import * as v from "valibot";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { act } from "./cli/outcome.ts";
import { COUNT, done, TIME_OR_NEVER } from "./cli/output.ts";
import { INVITE_OPTIONS, inviteTerms } from "./cli/invite_terms.ts";
import { shownTime } from "./text/members.ts";

/** A program for a friend, who only has to start it. */
export const pack: Command = defineEngineCommand({
  name: "pack",
  group: "Networks",
  summary: "Write a copy of this program with an invite inside: whoever starts it joins",
  details: [
    "Started without arguments, the copy does what `join LINK` does. Whoever has the file may join, as often as the invite " +
    "says: send it as you would send a password. `invites` lists what is inside, `revoke` ends it.",
    "For another system name its program with --base, Linux's or Windows'. A program for macOS cannot be packed, since it " +
    "is signed: send a link there.",
  ],
  args: [{ name: "network", summary: "Its id or name" }],
  options: {
    out: { value: "FILE", summary: "What to write; there must be no such file (default: named for the network)" },
    base: { value: "FILE", summary: "Compiled program to copy (default: this one)" },
    ...INVITE_OPTIONS,
  },
  examples: [
    { line: 'pack "game night"', does: "for one friend with the same system" },
    { line: 'pack "game night" --base buri.exe --out play.exe', does: "for one with Windows" },
  ],
  json: "{ok:true,file,size,uses,expiresAt}; expiresAt in milliseconds since 1970, null = never",
  output: done({ file: v.string(), size: COUNT, uses: COUNT, expiresAt: TIME_OR_NEVER }),
  run: (run) => {
    const { context, control, args: { network }, options } = run;
    const terms = inviteTerms(options);
    const base = options.base ?? null;
    const out = options.out ?? defaultName(network, base);
    return act(run, `Packing ${network}`, async () => {
      let expiresAt: number | null = null;
      const makeLink = async () => {
        const made = await control.invite({ network, ...terms });
        expiresAt = made.expiresAt;
        return made.link;
      };
      const size = await context.roles.packProgram({ base, out, makeLink });
      const until = expiresAt === null ? "" : ` until ${shownTime(expiresAt)}`;
      const note = `${out}, good for ${terms.uses}${until}`;
      return { note, json: { file: out, size, uses: terms.uses, expiresAt } };
    });
  },
});

/** A name that every file system takes. */
function defaultName(network: string, base: string | null): string {
  const name = network.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "network";
  const isForWindows = base === null ? Deno.build.os === "windows" : base.toLowerCase().endsWith(".exe");
  return `buri-${name}${isForWindows ? ".exe" : ""}`;
}
