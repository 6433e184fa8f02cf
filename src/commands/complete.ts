import { safe } from "../base/safe.ts";
import type { NetworkView } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";

/** A person waits at the prompt: late words are worth nothing. */
const TIMEOUT_MS = 1000;

/** Names for the scripts that `completion` prints. */
export const complete: Command = defineEngineCommand({
  name: "__complete",
  hidden: true,
  group: "Help",
  summary: "Print the names that a shell may complete, one a line",
  details: ["What is typed before the word stands behind it, for the sake of --state."],
  args: [
    { name: "kind", summary: "networks or peers", choices: ["networks", "peers"] },
    { name: "word", summary: "What is typed of it" },
    { name: "before", summary: "The words before it", optional: true, repeated: true },
  ],
  examples: [{ line: "__complete networks ''", does: "print all networks" }],
  json: "None",
  output: null,
  run: async ({ context, control, connection, args }) => {
    const timer = setTimeout(() => connection.close(), TIMEOUT_MS);
    try {
      const networks = await control.list();
      const names = args.kind === "networks" ? networks.map(({ name }) => name) : peerNames(networks, args.word);
      // A name that cannot be shown as it is cannot be typed either.
      for (const name of names) if (name !== "" && name === safe(name).trim()) context.print(name);
    } finally {
      clearTimeout(timer);
    }
    return 0;
  },
});

/** Nicknames that name one peer alone, ids of the others; for a `word` of digits, ids and addresses. */
function peerNames(networks: readonly NetworkView[], word: string): string[] {
  const members = new Map(networks.flatMap((network) => network.members.map((member) => [member.id, member])));
  const byNick = Map.groupBy(members.values(), ({ nick }) => nick);
  const isNumber = /^\d/.test(word);
  return [...members.values()].flatMap(({ id, nick, address4, status }) => {
    if (status === "unapproved") return [id];
    if (isNumber) return [id, address4];
    return nick === safe(nick).trim() && nick !== "" && byNick.get(nick)?.length === 1 ? [nick] : [id];
  });
}
