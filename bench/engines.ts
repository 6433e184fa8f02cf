import type { LabHost } from "../src/lab/lab.ts";
import type { LabProcess } from "../src/lab/lab_process.ts";
import type { Bench, Subject } from "./run.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const START_TIMEOUT_MS = 20_000;
const DIRECT_TRIES = 100;
const POLL_MS = 200;

/** What it is all for: a server, and two engines that found each other through it and talk directly. */
export const engines: Subject = { name: "two engines", start };

async function start(bench: Bench) {
  const folder = await Deno.makeTempDir({ prefix: "buri-bench-" });
  const processes: LabProcess[] = [];
  const buri = (host: LabHost, ...args: string[]) => {
    const process = bench.lab.spawn(host, [Deno.execPath(), "run", "-A", MAIN, ...args]);
    processes.push(process);
    return process;
  };
  const ask = async (host: LabHost, ...args: string[]) => {
    const { code, stdout, stderr } = await buri(host, ...args).ended;
    if (code !== 0) throw new Error(`Cannot run buri ${args.join(" ")}: ${stderr || stdout}`);
    return stdout.trim();
  };

  const { a, b } = bench;
  const [server, stateA, stateB] = ["server", "a", "b"].map((name) => `${folder}/${name}`) as [string, string, string];
  await buri(b, "server", "--data", server, "--listen", `${bench.addresses.b}:12975`)
    .waitForLine(/^buri server ready/, START_TIMEOUT_MS);
  const invite = await ask(b, "server", "invite", "--data", server, "--host", `${bench.addresses.b}:12975`);
  for (const [host, state, nick] of [[a, stateA, "bench-a"], [b, stateB, "bench-b"]] as const) {
    await buri(host, "up", "--state", state, "--server", invite, "--nick", nick)
      .waitForLine(/^buri up ready/, START_TIMEOUT_MS);
  }
  await ask(a, "create", "bench", "secret", "--state", stateA);
  await ask(b, "join", "bench", "secret", "--state", stateB);
  const address = await directAddress(() => ask(a, "peer", "bench-b", "--json", "--state", stateA));
  const stop = async () => {
    const peer = JSON.parse(await ask(a, "peer", "bench-b", "--json", "--state", stateA));
    for (const process of processes.toReversed()) await process.stop();
    await Deno.remove(folder, { recursive: true });
    return { peer };
  };
  return { address, stop };
}

/** The peer's virtual address, once the tunnel to it is direct. */
async function directAddress(readPeer: () => Promise<string>): Promise<string> {
  for (let triesLeft = DIRECT_TRIES; triesLeft > 0; triesLeft--) {
    const { path, address4 } = JSON.parse(await readPeer());
    if (path === "direct") return address4;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error("Cannot measure the engines: they found no direct path");
}
