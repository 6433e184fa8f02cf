/** `doctor` of real engines: faults that are really made, one after the other, and nothing found on a clean computer. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import type { FindingView } from "../../src/ipc/mod.ts";
import { LabBuri, type LabMember } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { MAIN } from "../support/buri_process.ts";
import { until } from "../support/engine_world.ts";
import { needs } from "../support/needs.ts";

const PROGRAM = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as const;

async function findings(member: LabMember): Promise<string[]> {
  const { stdout } = await member.command("doctor", "--json");
  return (JSON.parse(stdout) as FindingView[]).map(({ id }) => id);
}

function nft(host: LabHost, folder: string, rules: string): void {
  const file = `${folder}/rules.nft`;
  Deno.writeTextFileSync(file, rules);
  const { success } = host.namespace.run(() => new Deno.Command("nft", { args: ["-f", file] }).outputSync());
  assert.ok(success);
}

Deno.test(
  needs("doctor finds each fault that is made, and nothing before and after", "linux", "netns", "tun", "nft"),
  async () => {
    const folder = Deno.makeTempDirSync({ prefix: "buri-doctor-" });
    Deno.chmodSync(folder, 0o755);
    await using lab = new Lab();
    try {
      const internet = new Internet(lab);
      const buri = new LabBuri({ lab, program: PROGRAM, folder });
      const { host: server, addresses } = internet.addPublicHost("server");
      const invite = await buri.server(server, addresses[0]!);
      const { host } = internet.addHome("home1", "PR");
      const member = await buri.up(host, invite, ["--device", "buri0"]);
      await until("all to be well", async () => (await findings(member)).length === 0);
      assert.equal((await member.command("doctor")).stdout, "Nothing is wrong.\n");

      const device = host.netlink.links().find(({ kind }) => kind === "tun")!;
      host.netlink.changeLink(device.index, { mtu: device.mtu - 40 });
      assert.deepEqual(await findings(member), ["deviceMtu"]);
      host.netlink.changeLink(device.index, { mtu: device.mtu });

      const own = host.netlink.links().find(({ kind }) => kind === "veth")!;
      const destination = member.address4.replace(/\.\d+$/, ".0/24");
      host.netlink.addRoute({ destination, linkIndex: own.index });
      assert.deepEqual(await findings(member), ["addressClash"]);
      host.netlink.removeRoute({ destination, linkIndex: own.index });

      const accept = (more: string) =>
        `table inet filter { chain input { type filter hook input priority 0; policy drop;\n` +
        `ct state established,related accept\niifname { "lo"${more} } accept\n}\n}\n`;
      nft(host, folder, accept(""));
      assert.deepEqual(await findings(member), ["firewall"]);
      const { stdout } = await member.command("doctor");
      nft(host, folder, stdout.match(/nft (insert rule .*)$/m)![1]!);
      assert.deepEqual(await findings(member), [], "its own remedy mends it");

      nft(
        host,
        folder,
        "table inet wall { chain output { type filter hook output priority 0; ip protocol udp drop; }\n}\n",
      );
      await member.command("netcheck");
      await until("UDP to be missed", async () => (await findings(member)).includes("udpBlocked"), 30_000);
      nft(host, folder, "flush ruleset\n");

      host.netlink.changeLink(device.index, { isUp: false });
      assert.ok((await findings(member)).includes("deviceDown"));
      await member.must("logout");
      assert.ok((await findings(member)).includes("loggedOut"));
    } finally {
      await lab.close();
      Deno.removeSync(folder, { recursive: true });
    }
  },
);
