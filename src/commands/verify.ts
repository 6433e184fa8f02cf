import { fromBase64Url, toHex } from "../base/bytes.ts";
import { ProtocolError, UserError } from "../base/errors.ts";
import { ed25519Fingerprint } from "../crypto/mod.ts";
import { ControlError, type KeyView } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { reportRefusal } from "./cli/outcome.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { shownNick } from "./text/members.ts";
import { renderQrCode } from "./text/qr_code.ts";

/** Keys of peers, for people who check them. */
export const verify: Command = defineEngineCommand({
  name: "verify",
  group: "Members",
  summary: "Compare, install or accept the key of a peer",
  details: [
    "Tell each other the words, by telephone or face to face: they are the same at both ends unless somebody stands between " +
    "you. The QR code on stderr holds your own fingerprint, for the other to scan and to --install.",
    "A key is pinned when its first tunnel proves it; another one is refused from then on, until you accept it by name.",
  ],
  args: [{ name: "peer", summary: "Client id, virtual IPv4 or IPv6 address, or nickname when only one peer has it" }],
  options: {
    install: { value: "KEY", summary: "Pin this key before the first contact: a fingerprint, or the key in base64url" },
    "accept-new": { summary: "Accept a changed key, or that the peer speaks a lower suite than before" },
  },
  examples: [
    { line: "verify bob", does: "show the words to compare" },
    { line: "verify bob --install 9f86…0a08", does: "pin what bob told you himself" },
    { line: "verify bob --accept-new", does: "bob has a new computer, and has told you so" },
  ],
  json:
    "{id,nick,address4,state,pinned,told,own,words}; fingerprints in hex, null = unknown; state pinned, unpinned or changed",
  output: resultOf("verify"),
  run: async ({ context, control, args, options, json }) => {
    const install = options.install === undefined ? null : parseKey(options.install);
    try {
      const key = await control.verify({ peer: args.peer, install, acceptNew: options["accept-new"] });
      if (json) context.print(renderJson(key));
      else show(key).forEach(context.print);
      if (!json) renderQrCode(key.own).forEach(context.complain);
      return key.state === "changed" ? 1 : 0;
    } catch (error) {
      if (!(error instanceof ControlError) || context.signal.aborted) throw error;
      reportRefusal({ context, json }, `Verifying ${args.peer}`, error);
      return 1;
    }
  },
});

/** As hexadecimal, with or without blanks and colons, or the key itself. @throws {UserError} exit 2 */
function parseKey(text: string): string {
  const hex = text.replaceAll(/[\s:]/g, "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  try {
    const key = fromBase64Url(text);
    if (key.length === 32) return toHex(ed25519Fingerprint(key));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  throw new UserError("Cannot install this key: it is neither a fingerprint of 64 hexadecimal digits nor a key", {
    exitCode: 2,
    hint: "The peer finds its own with `buri verify`, under `your own`.",
  });
}

const STATES: Readonly<Record<KeyView["state"], string>> = {
  pinned: "pinned",
  unpinned: "not pinned: no tunnel has proved it yet",
  changed: "CHANGED: the server tells of another key, or suite, than the one pinned. No tunnel is made",
};

function show({ id, nick, address4, state, pinned, told, own, words }: KeyView): string[] {
  const lines = [
    `peer         : ${shownNick(nick)} (${id}, ${address4})`,
    `key          : ${STATES[state]}`,
    `fingerprint  : ${grouped(state === "changed" ? pinned : pinned ?? told)}`,
    ...(state === "changed" ? [`new one      : ${grouped(told)}`] : []),
    `your own     : ${grouped(own)}`,
    `words        : ${words ?? "none, for the peer has no key of suite 2"}`,
  ];
  if (state !== "changed") return lines;
  return [...lines, "Ask the peer whether it has a new key. If so, compare the words, then add --accept-new."];
}

function grouped(hex: string | null): string {
  return hex?.replaceAll(/(.{4})(?!$)/g, "$1 ") ?? "none";
}
