import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderNat } from "./text/nat.ts";

/** The network of this computer. */
export const netcheck: Command = defineEngineCommand({
  name: "netcheck",
  group: "This computer",
  summary: "Look at the network of this computer: UDP, NAT, ports",
  details: [
    "Asks the server from several sockets how it sees them, which takes about two seconds, and says how the NAT before " +
    "this computer behaves, in the words of RFC 4787.",
  ],
  examples: [{ line: "netcheck", does: "show it" }, { line: "netcheck --json", does: "for a program" }],
  json:
    "{udp,observed,local,isTranslated,mapping,filtering,keepsPort,portStep,portRange,hairpin,ipv6,portMapping:{by,endpoint,answers}}; mapping and " +
    "filtering are endpointIndependent, addressDependent or addressAndPortDependent, null = unknown",
  output: resultOf("netcheck"),
  run: async ({ context, control, json }) => {
    const nat = await control.netcheck();
    if (json) context.print(renderJson(nat));
    else renderNat(nat).forEach(context.print);
    return 0;
  },
});
