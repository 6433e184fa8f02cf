import * as v from "valibot";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderList } from "./text/list.ts";

/** All networks with their members. */
export const list: Command = defineEngineCommand({
  name: "list",
  group: "Networks",
  summary: "List the networks of this computer and their members",
  details: [
    "Before each network and member stands a mark: * online, blank offline, x unreachable, ? waits for approval, ! error.",
    "A nickname is cut after 25 bytes; `peer` shows the whole of it.",
  ],
  examples: [
    { line: "list", does: "list them" },
    { line: "list --json", does: "list them for a program" },
  ],
  json:
    "[{id,name,online,memberCount,capacity,subnet,subscription,owner:{id,nick,isSelf},type,status,approve,plainTunnels,privileges,problem," +
    "members:[{id,nick,address4,address6,status,role,alias,path,transport,endpoint,rttMs,suite,bytesIn,bytesOut,encrypted,message}]}]",
  output: v.array(resultOf("network")),
  run: async ({ context, control, json }) => {
    const networks = await control.list();
    if (json) {
      context.print(renderJson(networks));
      return 0;
    }
    renderList(networks).forEach(context.print);
    if (networks.length === 0) {
      context.complain(`No networks yet. Make one with: ${context.program} create NAME PASSWORD`);
    }
    return 0;
  },
});
