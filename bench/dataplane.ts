import type { LabHost } from "../src/lab/lab.ts";
import type { LabProcess } from "../src/lab/lab_process.ts";
import type { Bench, Subject } from "./run.ts";

const PORT = 7000;
const START_TIMEOUT_MS = 20_000;
const END = new URL("./dataplane_end.ts", import.meta.url).pathname;

/** The link itself, without a tunnel. */
export const bareLink: Subject = {
  name: "bare link",
  start: ({ addresses }) => Promise.resolve({ address: addresses.b, stop: () => Promise.resolve({}) }),
};

/** Two data planes with fixed keys, in a process each. */
export const dataPlane: Subject = { name: "data plane", start };

async function start(bench: Bench) {
  const { a, b, addresses } = bench;
  const ends = await Promise.all([startEnd(bench, a, "a", addresses.b), startEnd(bench, b, "b", addresses.a)]);
  const stop = async () => {
    const [a, b] = await Promise.all(ends.map(stopEnd));
    return { a, b };
  };
  return { address: "10.98.0.2", stop };
}

async function startEnd({ lab }: Bench, host: LabHost, role: string, peer: string): Promise<LabProcess> {
  const process = lab.spawn(host, [Deno.execPath(), "run", "-A", END, role, `${PORT}`, `${peer}:${PORT}`]);
  await process.waitForLine(/^ready$/, START_TIMEOUT_MS);
  return process;
}

async function stopEnd(process: LabProcess): Promise<unknown> {
  await process.stop();
  const { stdout, stderr } = await process.ended;
  const report = stdout.split("\n").find((line) => line.startsWith("{"));
  if (report === undefined) throw new Error(`Cannot read the counters of an end: ${stderr.trim()}`);
  return JSON.parse(report);
}
