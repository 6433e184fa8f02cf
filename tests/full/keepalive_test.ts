import assert from "node:assert/strict";
import { writeKernelFile } from "../../src/ffi/posix_linux.ts";
import { LabBuri } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab } from "../../src/lab/lab.ts";
import { needs } from "../support/needs.ts";
import "../support/load_native.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const PERIODS = 10;
const SYSCTL = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout";
/** A tunnel counts as active for so long after a packet, and is then probed twice a second. */
const ACTIVE_MS = 12_000;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** After each of ten idle periods longer than the mapping lives, the first ping must come back at once and directly. */
async function idle(lifetimeSeconds: number): Promise<number[]> {
  const folder = Deno.makeTempDirSync({ prefix: "buri-keepalive-" });
  Deno.chmodSync(folder, 0o755);
  await using lab = new Lab();
  try {
    const internet = new Internet(lab);
    const program = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as [string, ...string[]];
    const buri = new LabBuri({ lab, folder, program });
    const server = internet.addPublicHost("server");
    const invite = await buri.server(server.host, server.addresses[0]!);
    const homes = [internet.addHome("one", "PR"), internet.addHome("other", "PR")];
    for (const { routers: [router] } of homes) {
      router!.namespace.run(() => {
        for (const path of [SYSCTL, `${SYSCTL}_stream`]) writeKernelFile(path, String(lifetimeSeconds));
      });
    }
    const [one, other] = await Promise.all(homes.map(({ host }) => buri.up(host, invite)));
    await one!.must("create", "idle", "");
    await other!.must("join", "idle", "");
    await one!.must("ping", other!.address4, "--count", "20", "--interval", "0.2");
    const rtts: number[] = [];
    for (let period = 0; period < PERIODS; period++) {
      await pause(lifetimeSeconds * 1_000 + ACTIVE_MS);
      const from = period % 2 === 0 ? [one!, other!] as const : [other!, one!] as const;
      const { stdout } = await from[0].command("ping", from[1].address4, "--count", "1", "--json");
      const { rttMs, path } = JSON.parse(stdout.trim().split("\n").at(-1)!);
      assert.notEqual(rttMs, null, `${lifetimeSeconds} s, period ${period}: no answer`);
      assert.equal(path, "direct", `${lifetimeSeconds} s, period ${period}`);
      rtts.push(rttMs);
    }
    return rtts;
  } finally {
    await lab.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test(
  needs("an idle tunnel never dies behind NATs that forget after 15, 30, 60 or 120 s", "linux", "root", "netns"),
  async () => {
    const lifetimes = (Deno.env.get("BURI_TEST_LIFETIMES") ?? "15,30,60,120").split(",").map(Number);
    const results = await Promise.all(lifetimes.map(idle));
    for (const [index, rtts] of results.entries()) {
      assert.equal(rtts.length, PERIODS);
      assert.ok(Math.max(...rtts) < 1_000, `${lifetimes[index]} s: ${rtts} ms`);
    }
  },
);
