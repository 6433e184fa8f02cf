import * as v from "valibot";
import { ProtocolError, UserError } from "../../base/errors.ts";
import { ControlError, type EngineControl } from "../../ipc/mod.ts";
import { formatInvite, isNetworkInvite, type NetworkInvite, parseNetworkInvite } from "../../protocol/mod.ts";
import { renderJson } from "../text/json.ts";
import type { EngineOptions, RunningEngine } from "./context.ts";
import { LOG_OPTIONS, loggerOf } from "./logging.ts";
import { act, type ActingRun, type Outcome } from "./outcome.ts";
import { done, type OutputSchema, ready } from "./output.ts";
import { runRole } from "./role.ts";
import { parsePort, parseProxyOption, parseSuite } from "./values.ts";

/** Options of an engine in the foreground, besides its server and its state folder. */
export const ENGINE_OPTIONS = {
  nick: { value: "NAME", summary: "Set the nickname" },
  device: {
    value: "NAME",
    summary: "Name of the tunnel device; none = without one (default buri0 or the next free)",
  },
  port: { value: "UDPPORT", summary: "Local UDP port, for a router that forwards it (default: any)" },
  "no-port-mapping": { summary: "Ask no router to map the UDP port (PCP, NAT-PMP, UPnP)" },
  proxy: {
    value: "URL",
    summary: "HTTP proxy for networks that let nothing else out; none = without one (default: HTTPS_PROXY)",
  },
  suite: { value: "1|2", summary: "Suite of the cryptography; 1 is for servers that offer it (default 2)" },
  "accept-new": { summary: "Accept that a known server has the new key of its invite, or speaks a lower suite" },
  ...LOG_OPTIONS,
};

/** What a foreground engine prints once. */
export const ENGINE_READY: OutputSchema = ready({ address4: v.string(), address6: v.string() });

/** What joining prints; by an invite that still counts, with the network's name. */
export const JOINED: OutputSchema = done({ pending: v.boolean(), network: v.exactOptional(v.string()) });

/** What was given of them. */
export type EngineOptionValues = {
  readonly [Name in keyof typeof ENGINE_OPTIONS]: (typeof ENGINE_OPTIONS)[Name] extends { value: string }
    ? string | undefined
    : boolean;
};

/** A run of a command that has them. */
export interface ForegroundRun extends ActingRun {
  /** What was typed. */
  readonly options: EngineOptionValues & { readonly state: string | undefined };
}

/**
 * Runs the engine until it ends. With an invite to a network it joins that once it is ready, and ends where it may not.
 * Resolves to the exit code.
 *
 * @param invite to a server, or to a network on it; undefined = the server used last
 */
export async function runEngine(run: ForegroundRun, invite: string | undefined): Promise<number> {
  const { context, json } = run;
  const link = invite !== undefined && isNetworkInvite(invite) ? invite : null;
  const options = engineOptions(run, link === null ? invite : formatInvite(requireLink(link).server));
  let joined = Promise.resolve(0);
  const begin = (engine: RunningEngine) => {
    const { address4, address6 } = engine;
    context.print(json ? renderJson({ ready: true, address4, address6 }) : `buri up ready ${address4} ${address6}`);
    if (link !== null) joined = joinOrEnd(run, engine, link);
  };
  await runRole(context, () => context.roles.startEngine(options), begin);
  return await joined;
}

/** Joins by the link of an invite, and says so. */
export function joinByLink(run: ActingRun, control: EngineControl, link: string): Promise<number> {
  return act(run, "Joining by invite", async (): Promise<Outcome> => {
    try {
      const { network, pending } = await control.joinInvited({ link });
      return { note: pending ? `request sent to ${network}` : network, json: { network, pending } };
    } catch (error) {
      if (!(error instanceof ControlError) || !ALREADY_IN.includes(error.code)) throw error;
      return { note: error.message, json: { pending: false } };
    }
  });
}

/** A link is often started a second time, as the way in. */
const ALREADY_IN: readonly string[] = ["alreadyMember", "isOwner"];

async function joinOrEnd(run: ForegroundRun, engine: RunningEngine, link: string): Promise<number> {
  try {
    const code = await joinByLink(run, engine.control, link);
    if (code !== 0) await engine.stop();
    return code;
  } catch (error) {
    if (run.context.signal.aborted) return 0;
    await engine.stop();
    throw error;
  }
}

/** An invite to a network. @throws {UserError} exit 2 when it is none */
export function requireLink(link: string): NetworkInvite {
  try {
    return parseNetworkInvite(link);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new UserError(`Cannot read the invite: ${error.message}`, {
      exitCode: 2,
      hint: "Copy it whole, as `buri invite` prints it, in quotes.",
      cause: error,
    });
  }
}

function engineOptions({ context, options }: ForegroundRun, server: string | undefined): EngineOptions {
  const { nick, device, port, proxy } = options;
  return {
    stateDir: context.stateDir(options.state),
    ...(server === undefined ? {} : { server }),
    ...(options["accept-new"] ? { acceptNew: true } : {}),
    ...(nick === undefined ? {} : { nick }),
    ...(device === undefined ? {} : { device }),
    ...(port === undefined ? {} : { udpPort: parsePort("--port", port) }),
    ...(options["no-port-mapping"] ? { mapsPort: false } : {}),
    ...(proxy === undefined ? {} : { proxy: parseProxyOption("--proxy", proxy) }),
    suite: parseSuite("--suite", options.suite ?? "2"),
    log: loggerOf(context, options),
    signal: context.signal,
  };
}
