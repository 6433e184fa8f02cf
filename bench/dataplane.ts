import type { BenchNetwork } from "./network.ts";
import type { Subject } from "./run.ts";

const DEVICE = "dp0";
const PORT = 7000;
const END = new URL("./dataplane_end.ts", import.meta.url).pathname;

/** The link itself, without a tunnel. */
export const bareLink: Subject = {
  name: "bare link",
  start: () => Promise.resolve({ address: "10.99.0.2", stop: () => Promise.resolve({}) }),
};

/** Two data planes with fixed keys, one process each. `options` go to both ends (see dataplane_end.ts). */
export function dataPlane(name: string, ...options: string[]): Subject {
  return { name, start: (network) => start(network, options) };
}

async function start(network: BenchNetwork, options: string[]) {
  const ends = await Promise.all([
    startEnd(network, "a", "10.99.0.2", options),
    startEnd(network, "b", "10.99.0.1", options),
  ]);
  const stop = async () => {
    const [a, b] = await Promise.all(ends.map((end) => end.stop()));
    return { a, b };
  };
  return { address: "10.98.0.2", stop };
}

async function startEnd(network: BenchNetwork, side: "a" | "b", peer: string, options: string[]) {
  const args = ["run", "-A", END, side, DEVICE, `${PORT}`, `${peer}:${PORT}`, ...options];
  const process = network.command(side, Deno.execPath(), args, { stdin: "piped", stdout: "piped" }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await lines.read();
  await network.ip(side, "addr", "add", side === "a" ? "10.98.0.1/16" : "10.98.0.2/16", "dev", DEVICE);
  // 45 segments of 1,348 bytes fill one send; without the limit TCP makes 48 of them, which need two.
  await network.ip(side, "link", "set", DEVICE, "mtu", "1400", "gso_max_size", "61000", "txqueuelen", "1000", "up");
  const stop = async (): Promise<Record<string, unknown>> => {
    await process.stdin.close();
    let report = "";
    for (let chunk = await lines.read(); !chunk.done; chunk = await lines.read()) report += chunk.value;
    await process.status;
    return JSON.parse(report);
  };
  return { stop };
}
