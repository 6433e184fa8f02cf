import { type Command, defineCommand, STATE_OPTION } from "./cli/command.ts";
import type { EngineOptions } from "./cli/context.ts";
import { LOG_OPTIONS, loggerOf } from "./cli/logging.ts";
import { runRole } from "./cli/role.ts";
import { parsePort, parseProxyOption, parseSuite } from "./cli/values.ts";
import { renderJson } from "./text/json.ts";

/** The engine in the foreground. */
export const up: Command = defineCommand({
  name: "up",
  group: "This computer",
  summary: "Run the engine in the foreground",
  details: [
    "Prints `buri up ready IPV4 IPV6` when it is logged in and its device is up. Ctrl-C, SIGTERM or `down` end it; what it " +
    "set up is undone. On its first start it makes keys and needs --server; later it remembers the server.",
  ],
  options: {
    state: STATE_OPTION.state,
    server: { value: "INVITE", summary: "Invite of the server, as `server invite` prints it" },
    nick: { value: "NAME", summary: "Set the nickname" },
    device: {
      value: "NAME",
      summary: "Name of the tunnel device; none = without one (default buri0 or the next free)",
    },
    port: { value: "UDPPORT", summary: "Local UDP port, for a router that forwards it (default: any)" },
    proxy: {
      value: "URL",
      summary: "HTTP proxy for networks that let nothing else out; none = without one (default: HTTPS_PROXY)",
    },
    suite: { value: "1|2", summary: "Suite of the cryptography; 1 is for servers that offer it (default 2)" },
    ...LOG_OPTIONS,
  },
  examples: [
    { line: "up --server buri://203.0.113.5:12975/#KEY --nick bob", does: "first start" },
    { line: "up", does: "every other start" },
    { line: "up --proxy http://bob:s3same@10.0.0.1:3128", does: "through a proxy where nothing else works" },
  ],
  json: "{ready:true,address4,address6}, once",
  run: async ({ context, options, json }) => {
    const { server, nick, device, port, proxy } = options;
    const engineOptions: EngineOptions = {
      stateDir: context.stateDir(options.state),
      ...(server === undefined ? {} : { server }),
      ...(nick === undefined ? {} : { nick }),
      ...(device === undefined ? {} : { device }),
      ...(port === undefined ? {} : { udpPort: parsePort("--port", port) }),
      ...(proxy === undefined ? {} : { proxy: parseProxyOption("--proxy", proxy) }),
      suite: parseSuite("--suite", options.suite ?? "2"),
      log: loggerOf(context, options),
      signal: context.signal,
    };
    await runRole(context, () => context.roles.startEngine(engineOptions), ({ address4, address6 }) => {
      context.print(json ? renderJson({ ready: true, address4, address6 }) : `buri up ready ${address4} ${address6}`);
    });
    return 0;
  },
});
