import * as v from "valibot";
import type { PeerView } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { CLIENT_ID, COUNT } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderPeer } from "./text/views.ts";

/** The fields of a member that are published, and whether it is there. */
const PEER = v.object({
  id: CLIENT_ID,
  nick: v.string(),
  address4: v.string(),
  address6: v.string(),
  online: v.boolean(),
  path: v.nullable(v.picklist(["direct", "relay"])),
  transport: v.nullable(v.picklist(["udp", "tcp", "tls"])),
  endpoint: v.nullable(v.string()),
  rttMs: v.nullable(v.number()),
  suite: v.nullable(v.picklist([1, 2])),
  bytesIn: COUNT,
  bytesOut: COUNT,
  encrypted: v.nullable(v.boolean()),
  plainWanted: v.boolean(),
});

/** One peer. */
export const peer: Command = defineEngineCommand({
  name: "peer",
  group: "Members",
  summary: "Show a peer: its addresses and the path to it",
  args: [{ name: "peer", summary: "Client id, virtual IPv4 or IPv6 address, or nickname when only one peer has it" }],
  examples: [
    { line: "peer 090-123-456", does: "show the peer with this client id" },
    { line: "peer bob --json", does: "show the only peer called bob to a program" },
  ],
  json:
    "{id,nick,address4,address6,online,path,transport,endpoint,rttMs,suite,bytesIn,bytesOut,encrypted,plainWanted}; " +
    "path is direct or relay, transport udp, tcp or tls, null = unknown",
  output: PEER,
  run: async ({ context, control, args, json }) => {
    const view = await control.peer({ peer: args.peer });
    if (json) context.print(renderJson(peerRecord(view)));
    else renderPeer(view).forEach(context.print);
    return 0;
  },
});

/** The published record: members that are online but cannot be reached count as online, and the server as a relay. */
function peerRecord(view: PeerView) {
  const { id, nick, address4, address6, transport, endpoint, rttMs, suite, bytesIn, bytesOut, encrypted, plainWanted } =
    view;
  const online = view.status !== "offline" && view.status !== "unapproved";
  const path = view.path === "server" ? "relay" : view.path;
  return {
    id,
    nick,
    address4,
    address6,
    online,
    path,
    transport,
    endpoint,
    rttMs,
    suite,
    bytesIn,
    bytesOut,
    encrypted,
    plainWanted,
  };
}
