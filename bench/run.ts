/**
 * Measures ways from one computer to another beside each other: TCP with one stream both ways, and round trips. Both
 * computers are network namespaces on this one, so that all of it shares the machine's processors.
 *
 * @module
 */
import { EchoSocket } from "../src/ffi/icmp_linux.ts";
import { Lab, type LabHost } from "../src/lab/lab.ts";

const LINK = "link0";
const PING_TIMEOUT_MS = 1000;
/** The first round trips wake everything up and are not counted. */
const WARM_UP_PINGS = 20;
const TCP_STREAM = new URL("./tcp_stream.ts", import.meta.url).pathname;

/** Where it is measured. */
export interface Bench {
  lab: Lab;
  a: LabHost;
  b: LabHost;
  /** Their addresses on the link between them. */
  addresses: { a: string; b: string };
}

/** A way from `a` to `b`. */
export interface Subject {
  name: string;
  /** Sets it up; `address` is how `a` then reaches `b`. `stop` may tell something about it. */
  start(bench: Bench): Promise<{ address: string; stop(): Promise<Record<string, unknown>> }>;
}

/** What was measured of one subject. Throughputs are medians, in bits per second; round trips in milliseconds. */
export interface Result {
  name: string;
  forwardBps: number;
  reverseBps: number;
  /** Of the first subject's throughput in the same direction. */
  forwardRatio: number;
  reverseRatio: number;
  rttP50Ms: number;
  rttP99Ms: number;
  /** What the subject told when it stopped. */
  notes: Record<string, unknown>;
}

/** How much to measure. */
export interface RunOptions {
  /** Length of each TCP stream. */
  seconds: number;
  /** Streams per subject and direction; subjects take turns, so that a busy minute hits all alike. */
  rounds: number;
  /** Round trips per subject. */
  pings: number;
}

/** Measures all subjects; the first is what the others are compared with. @throws {Error} without the right to namespaces */
export async function measure(subjects: readonly Subject[], options: RunOptions): Promise<Result[]> {
  await using lab = new Lab();
  const bench = createBench(lab);
  const running = [];
  for (const subject of subjects) running.push({ subject, ...await subject.start(bench) });
  const streams = running.map(() => ({ forward: [] as number[], reverse: [] as number[] }));
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, { address }] of running.entries()) {
      streams[index]!.forward.push(await stream(bench, address, options.seconds, "send"));
      streams[index]!.reverse.push(await stream(bench, address, options.seconds, "receive"));
    }
  }
  const results: Result[] = [];
  for (const [index, { subject, address, stop }] of running.entries()) {
    const rtts = roundTrips(bench.a, address, options.pings);
    const [forwardBps, reverseBps] = [median(streams[index]!.forward), median(streams[index]!.reverse)];
    results.push({
      name: subject.name,
      forwardBps,
      reverseBps,
      forwardRatio: forwardBps / (results[0]?.forwardBps ?? forwardBps),
      reverseRatio: reverseBps / (results[0]?.reverseBps ?? reverseBps),
      rttP50Ms: quantile(rtts, 0.5),
      rttP99Ms: quantile(rtts, 0.99),
      notes: await stop(),
    });
  }
  return results;
}

function createBench(lab: Lab): Bench {
  const bench = { lab, a: lab.addHost("a"), b: lab.addHost("b"), addresses: { a: "192.0.2.1", b: "192.0.2.2" } };
  lab.connect(bench.a, LINK, bench.b, LINK);
  for (const side of ["a", "b"] as const) {
    const { netlink } = bench[side];
    netlink.addAddress(netlink.findLink(LINK)!.index, `${bench.addresses[side]}/24`);
  }
  return bench;
}

/** Bits per second of one TCP stream; by iperf3 where it is installed. */
async function stream(bench: Bench, address: string, seconds: number, verb: "send" | "receive"): Promise<number> {
  const isIperf = await hasIperf();
  const own = [Deno.execPath(), "run", "-A", TCP_STREAM] as const;
  const server = bench.lab.spawn(bench.b, isIperf ? ["iperf3", "-s", "-1"] : [...own, "serve", address]);
  const client: [string, ...string[]] = isIperf
    ? ["iperf3", "-J", "-c", address, "-t", `${seconds}`, ...(verb === "receive" ? ["-R"] : [])]
    : [...own, verb, address, `${seconds}`];
  try {
    const output = await runUntilItWorks(bench, client);
    return isIperf ? JSON.parse(output).end.sum_received.bits_per_second : Number(output);
  } finally {
    await server.stop();
  }
}

/** The server needs a moment to listen. */
async function runUntilItWorks({ lab, a }: Bench, command: [string, ...string[]]): Promise<string> {
  for (let triesLeft = 20;; triesLeft--) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    const { code, stdout, stderr } = await lab.spawn(a, command).ended;
    if (code === 0) return stdout;
    if (triesLeft === 0) throw new Error(`Cannot run ${command.join(" ")}: ${stderr || stdout}`);
  }
}

async function hasIperf(): Promise<boolean> {
  try {
    return (await new Deno.Command("iperf3", { args: ["--version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Round trips in milliseconds, sorted. @throws {Error} when one gets lost */
function roundTrips(host: LabHost, address: string, count: number): number[] {
  using socket = host.namespace.run(() => new EchoSocket(address, Deno.pid));
  const times: number[] = [];
  for (let index = -WARM_UP_PINGS; index < count; index++) {
    const time = socket.ping(PING_TIMEOUT_MS, () => performance.now());
    if (time === null) throw new Error(`Cannot reach ${address}: no answer within ${PING_TIMEOUT_MS} ms`);
    if (index >= 0) times.push(time);
  }
  return times.sort((one, other) => one - other);
}

function median(values: number[]): number {
  return quantile(values.toSorted((one, other) => one - other), 0.5);
}

/** The value below which the given part of the sorted `values` lies. */
function quantile(values: number[], part: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;
}

/** The results as lines for people. */
export function formatTable(results: readonly Result[]): string {
  const header = ["", "TCP a→b", "of bare", "TCP b→a", "of bare", "RTT p50", "RTT p99"];
  const rows = results.map((result) => [
    result.name,
    `${(result.forwardBps / 1e9).toFixed(2)} Gbit/s`,
    result.forwardRatio.toFixed(3),
    `${(result.reverseBps / 1e9).toFixed(2)} Gbit/s`,
    result.reverseRatio.toFixed(3),
    `${result.rttP50Ms.toFixed(3)} ms`,
    `${result.rttP99Ms.toFixed(3)} ms`,
  ]);
  const table = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd();
  return table.map(line).join("\n");
}
