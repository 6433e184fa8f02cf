import type { PingReply } from "../ipc/mod.ts";
import { type Command, defineEngineCommand } from "./cli/command.ts";
import { resultOf } from "./cli/output.ts";
import { INTERRUPTED } from "./cli/run.ts";
import { parseCount, parseSeconds } from "./cli/values.ts";
import { renderJson } from "./text/json.ts";
import { renderPing, renderPingSummary } from "./text/views.ts";

const DEFAULT_COUNT = 4;
const DEFAULT_INTERVAL_MS = 1000;
const TIMEOUT_MS = 2000;

/** Probes through the tunnel. */
export const ping: Command = defineEngineCommand({
  name: "ping",
  group: "Members",
  summary: "Measure the way to a peer through its tunnel",
  details: [
    "The probes are Buri's own: they show the path that packets take, and need no answer from the peer's firewall. " +
    "Exit code 1 when none was answered.",
  ],
  args: [{ name: "peer", summary: "Client id, virtual IPv4 or IPv6 address, or nickname when only one peer has it" }],
  options: {
    count: { value: "N", short: "c", summary: `How many to send, 0 = until interrupted (default ${DEFAULT_COUNT})` },
    interval: { value: "SECONDS", short: "i", summary: "Pause between two, at least 0.01 (default 1)" },
  },
  examples: [
    { line: "ping bob", does: `send ${DEFAULT_COUNT} probes` },
    { line: "ping 10.77.0.2 -c 0 -i 0.2", does: "five probes a second until Ctrl-C" },
  ],
  json: "One {sequence,rttMs,path,transport,endpoint} a line; rttMs null = lost",
  output: resultOf("ping"),
  run: async ({ context, control, args, options, json }) => {
    const count = parseCount("--count", options.count ?? String(DEFAULT_COUNT), 1_000_000);
    const intervalMs = options.interval === undefined
      ? DEFAULT_INTERVAL_MS
      : parseSeconds("--interval", options.interval);
    const params = { peer: args.peer, count: count === 0 ? null : count, intervalMs, timeoutMs: TIMEOUT_MS };
    const replies: PingReply[] = [];
    try {
      for await (const reply of control.ping(params, context.signal)) {
        replies.push(reply);
        if (!context.print(json ? renderJson(reply) : renderPing(args.peer, reply))) break;
      }
    } catch (error) {
      if (!context.signal.aborted) throw error; // else the connection was cut before the last replies came
    }
    const rtts = replies.flatMap((reply) => reply.rttMs ?? []);
    if (!json) context.print(renderPingSummary(replies.length, rtts));
    if (context.signal.aborted) return INTERRUPTED;
    return rtts.length > 0 ? 0 : 1;
  },
});
