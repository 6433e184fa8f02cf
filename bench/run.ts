/**
 * Measures ways from one namespace to another beside each other: TCP with one stream both ways, and round trips.
 *
 * @module
 */
import type { BenchNetwork } from "./network.ts";

/** A way from `a` to `b`. */
export interface Subject {
  name: string;
  /** Sets it up; `address` is how `a` then reaches `b`. */
  start(network: BenchNetwork): Promise<{ address: string; stop(): Promise<Record<string, unknown>> }>;
}

/** What was measured of one subject. Throughputs are medians, in bits per second; round trips in milliseconds. */
export interface Result {
  name: string;
  forwardBps: number;
  reverseBps: number;
  /** Of the first subject's throughput, in the same direction. */
  forwardRatio: number;
  reverseRatio: number;
  rttP50Ms: number;
  rttP99Ms: number;
  /** What the subject said when it stopped. */
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

/** Measures all subjects; the first is what the others are compared with. */
export async function measure(network: BenchNetwork, subjects: Subject[], options: RunOptions): Promise<Result[]> {
  const running = [];
  for (const subject of subjects) running.push({ subject, ...await subject.start(network) });
  const streams = running.map(() => ({ forward: [] as number[], reverse: [] as number[] }));
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, { address }] of running.entries()) {
      streams[index]!.forward.push(await stream(network, address, options.seconds, false));
      streams[index]!.reverse.push(await stream(network, address, options.seconds, true));
    }
  }
  const results: Result[] = [];
  for (const [index, { subject, address, stop }] of running.entries()) {
    const rtts = await roundTrips(network, address, options.pings);
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

/** Bits per second of one TCP stream from `a` to `b`, or back; by iperf3 where it is installed. */
async function stream(network: BenchNetwork, address: string, seconds: number, isReverse: boolean): Promise<number> {
  const hasIperf = await isInstalled("iperf3");
  const own = ["run", "-A", new URL("./tcp_stream.ts", import.meta.url).pathname];
  const [program, server, client] = hasIperf
    ? ["iperf3", ["-s", "-1"], ["-c", address, "-J", "-t", `${seconds}`, ...(isReverse ? ["-R"] : [])]] as const
    : [Deno.execPath(), [...own, "serve", address], [
      ...own,
      isReverse ? "receive" : "send",
      address,
      `${seconds}`,
    ]] as const;
  const listener = network.command("b", program, [...server], { stdin: "null", stdout: "null", stderr: "null" })
    .spawn();
  try {
    const output = await retry(() => network.run("a", program, ...client));
    return hasIperf ? JSON.parse(output).end.sum_received.bits_per_second : Number(output);
  } finally {
    try {
      listener.kill();
    } catch {
      // It has ended: iperf3 serves one client.
    }
    await listener.status;
  }
}

/** The server needs a moment to listen. */
async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let triesLeft = 20;; triesLeft--) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    try {
      return await attempt();
    } catch (error) {
      if (triesLeft === 0) throw error;
    }
  }
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Round trips in milliseconds, sorted; the first few, which wake everything up, are left out. */
async function roundTrips(network: BenchNetwork, address: string, count: number): Promise<number[]> {
  const output = await network.run("a", "ping", "-c", `${count}`, "-i", "0.005", address);
  const times = [...output.matchAll(/time=([\d.]+) ms/g)].map((match) => Number(match[1]));
  return times.slice(10).sort((a, b) => a - b);
}

function median(values: number[]): number {
  return quantile([...values].sort((a, b) => a - b), 0.5);
}

/** The value below which the given part of the sorted `values` lies. */
function quantile(values: number[], part: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? NaN;
}

/** The results as lines for people. */
export function formatTable(results: Result[]): string {
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
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]!.length)));
  return [header, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd())
    .join("\n");
}
