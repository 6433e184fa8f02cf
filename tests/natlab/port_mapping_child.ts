/**
 * A home computer that maps its UDP port and tells on standard output what comes of it. Run in a namespace of the
 * laboratory; ends on SIGTERM.
 *
 *     port_mapping_child.ts INTERNAL_PORT LIFETIME_S HELPER FAMILY
 *
 * HELPER is the `address:port` of somebody outside who sends an empty datagram to every endpoint that a datagram to it names;
 * FAMILY is 4 or 6.
 */
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { createLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startPortMapping, systemGateway } from "../../src/transport/port_mapping/mod.ts";
import { hostnameOf } from "../../src/transport/stream.ts";
import { systemClock } from "../../src/transport/system.ts";

const [internalPort = "", lifetimeS = "", helperText = "", family = ""] = Deno.args;
const helper = parseEndpoint(helperText)!;
const socket = Deno.listenDatagram({ transport: "udp", hostname: "::", port: Number(internalPort) });
const arrivals = new Set<() => void>();

async function receive(): Promise<void> {
  for await (const [bytes] of socket) {
    if (bytes.length === 0) { for (const arrived of arrivals) arrived(); }
    else console.log(`received ${fromUtf8(bytes)}`);
  }
}

/** Three requests, as any of them may be lost. */
async function isReachable(endpoint: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const arrived = () => resolve(true);
  arrivals.add(arrived);
  const to = { transport: "udp" as const, hostname: `::ffff:${hostnameOf(helper)}`, port: helper.port };
  const ask = () => void socket.send(utf8(endpoint), to);
  const timers = [0, 80, 160].map((ms) => setTimeout(ask, ms));
  timers.push(setTimeout(() => resolve(false), 600));
  return await promise.finally(() => {
    timers.forEach((timer) => clearTimeout(timer));
    arrivals.delete(arrived);
  });
}

const mapping = startPortMapping({
  internalPort: Number(internalPort),
  protocol: "udp",
  gateway: () => systemGateway(family === "6" ? 6 : 4),
  verify: (endpoint) => isReachable(formatEndpoint(endpoint)),
  onMapping: (endpoint) => console.log(`mapping ${endpoint === null ? "none" : formatEndpoint(endpoint)}`),
  clock: systemClock(),
  random: systemRandom(),
  log: createLogger({ level: "debug", json: false, write: (line) => console.error(line) }),
  lifetimeS: Number(lifetimeS),
});

let last = "";
const poll = setInterval(() => {
  const { mapping: held, answers } = mapping.status();
  const words = Object.entries(answers).map(([name, { answer }]) => `${name}=${answer}`);
  const line = `status by=${held?.by ?? "none"} test=${held?.test ?? "none"} renewals=${held?.renewals ?? 0} ${
    words.join(" ")
  }`;
  if (line !== last) console.log(line);
  last = line;
}, 50);

Deno.addSignalListener("SIGTERM", async () => {
  clearInterval(poll);
  await mapping.stop();
  console.log("stopped");
  Deno.exit(0);
});
await receive();
