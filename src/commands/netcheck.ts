import { UserError } from "../base/errors.ts";
import { silentLogger } from "../base/log.ts";
import { type EngineControl, EngineUnreachableError, type NatView } from "../ipc/mod.ts";
import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import type { Context } from "./cli/context.ts";
import { resultOf } from "./cli/output.ts";
import { renderJson } from "./text/json.ts";
import { renderNat } from "./text/nat.ts";

/** The network of this computer. */
export const netcheck: Command = defineCommand({
  name: "netcheck",
  group: "This computer",
  summary: "Look at the network of this computer: UDP, NAT, ports",
  details: [
    "Asks the server from several sockets how it sees them, which takes about two seconds, and says how the NAT before " +
    "this computer behaves, in the words of RFC 4787. Where no engine runs it logs in by itself, without a device, and out " +
    "again: at the server used last, or that of --server.",
  ],
  options: { ...STATE_OPTION, server: { value: "INVITE", summary: "Server to ask where no engine runs" } },
  examples: [
    { line: "netcheck", does: "show it" },
    { line: "netcheck --server buri://203.0.113.5:12975/#KEY", does: "before the first `up`" },
    { line: "netcheck --json", does: "for a program" },
  ],
  json: "{udp,observed,local,isTranslated,mapping,filtering,keepsPort,portStep,portRange,hairpin,ipv6," +
    "portMapping:{by,endpoint,answers}}; mapping and filtering are endpointIndependent, addressDependent or " +
    "addressAndPortDependent, null = unknown",
  output: resultOf("netcheck"),
  run: async ({ context, options, json }) => {
    const nat = await look(context, options.state, options.server);
    if (json) context.print(renderJson(nat));
    else renderNat(nat).forEach(context.print);
    return 0;
  },
});

async function look(context: Context, state: string | undefined, server: string | undefined): Promise<NatView> {
  let notRunning: unknown;
  try {
    const connection = await context.connect(state);
    return await connection.control.netcheck().finally(() => connection.close());
  } catch (error) {
    if (!(error instanceof EngineUnreachableError) || error.reason !== "notRunning") throw error;
    notRunning = error;
  }
  try {
    return await withOwnEngine(context, state, server, (control) => control.netcheck());
  } catch (error) {
    // Nobody has ever named a server here: what is missing is an engine, not an invite.
    const isUnknown = server === undefined && error instanceof UserError && error.exitCode === 2;
    throw isUnknown ? notRunning : error;
  }
}

/** An engine for as long as `ask` takes. */
async function withOwnEngine<T>(
  context: Context,
  state: string | undefined,
  server: string | undefined,
  ask: (control: EngineControl) => Promise<T>,
): Promise<T> {
  const engine = await context.roles.startEngine({
    stateDir: context.stateDir(state),
    ...(server === undefined ? {} : { server }),
    device: "none",
    suite: 2,
    log: silentLogger,
    signal: context.signal,
  });
  if (engine === null) throw new UserError("Cannot look: the engine was stopped meanwhile");
  try {
    return await ask(engine.control);
  } finally {
    await engine.stop();
  }
}
