import * as v from "valibot";
import { type Command, defineCommand } from "./cli/command.ts";
import { Interrupted, type ServerOptions } from "./cli/context.ts";
import { LOG_OPTIONS, loggerOf } from "./cli/logging.ts";
import { PORT, ready } from "./cli/output.ts";
import { runRole } from "./cli/role.ts";
import { INTERRUPTED } from "./cli/run.ts";
import { checkCidr, formatHostPort, parseAddress, parseHostPort, parsePort, parseSuites } from "./cli/values.ts";
import { renderJson } from "./text/json.ts";

/** The mediation server in the foreground. */
export const server: Command = defineCommand({
  name: "server",
  group: "Server",
  summary: "Run a mediation server in the foreground",
  details: [
    "Prints `buri server ready HOST:PORT` when it serves. Port 0 means any free port. Started as root it gives up root as " +
    "soon as its ports are open. Ends by Ctrl-C with exit code 130, by SIGTERM with 0.",
  ],
  options: {
    data: { value: "DIR", summary: "Folder of the server's keys and database", required: true },
    listen: { value: "HOST:PORT", summary: "Where clients connect (default 0.0.0.0:12975)" },
    udp: { value: "PORT", summary: "First port for address discovery (default 12975)" },
    udp2: { value: "PORT", summary: "Second port for address discovery (default 12976)" },
    address2: {
      value: "ADDRESS",
      summary: "Another public address of this machine: clients see more of their NATs by it",
    },
    relay: { value: "PORT", summary: "Port of its relay (default 17771)" },
    tls: {
      value: "PORT",
      summary: "Port for clients that only TLS gets through to; off = none (default 443 where it is free)",
    },
    pool: { value: "CIDR", summary: "Block of virtual addresses (default: a random /16 of 10/8, drawn once)" },
    policy: { value: "FILE", summary: "What it allows to whom, see `server policy` (default: everything)" },
    suite: { value: "1,2", summary: "Suites of the cryptography it offers (default 2)" },
    ...LOG_OPTIONS,
  },
  examples: [
    { line: "server --data ./data --listen 203.0.113.5:12975", does: "serve on this address" },
    { line: "server --data ./data --pool 10.77.0.0/16", does: "give out addresses of this block" },
  ],
  json: "{ready:true,host,port,udpPort,udp2Port,relayPort,tlsPort}, once",
  output: ready({
    host: v.string(),
    port: PORT,
    udpPort: PORT,
    udp2Port: PORT,
    relayPort: PORT,
    tlsPort: v.nullable(PORT),
  }),
  run: async ({ context, options, json }) => {
    const serverOptions: ServerOptions = {
      dataDir: options.data,
      listen: parseHostPort("--listen", options.listen ?? "0.0.0.0:12975"),
      udpPort: parsePort("--udp", options.udp ?? "12975"),
      udp2Port: parsePort("--udp2", options.udp2 ?? "12976"),
      ...(options.address2 === undefined ? {} : { address2: parseAddress("--address2", options.address2) }),
      relayPort: parsePort("--relay", options.relay ?? "17771"),
      ...(options.tls === "off" ? {} : { tls: tlsOption(options.tls) }),
      ...(options.pool === undefined ? {} : { pool: checkCidr("--pool", options.pool) }),
      ...(options.policy === undefined ? {} : { policyFile: options.policy }),
      suites: parseSuites("--suite", options.suite ?? "2"),
      log: loggerOf(context, options),
    };
    const start = () => context.roles.startServer(serverOptions);
    const isInterrupted = await runRole(context, start, (server) => {
      const { host, port, udpPort, udp2Port, relayPort, tlsPort } = server;
      context.print(
        json
          ? renderJson({ ready: true, host, port, udpPort, udp2Port, relayPort, tlsPort })
          : `buri server ready ${formatHostPort(host, port)}`,
      );
    });
    const { reason } = context.signal;
    const isTerminated = reason instanceof Interrupted && reason.signalName === "SIGTERM";
    return isInterrupted && !isTerminated ? INTERRUPTED : 0;
  },
});

/** The port of the web is often another's or not permitted: only who names a port insists on it. */
function tlsOption(text: string | undefined): { port: number; isOptional: boolean } {
  return text === undefined ? { port: 443, isOptional: true } : { port: parsePort("--tls", text), isOptional: false };
}
