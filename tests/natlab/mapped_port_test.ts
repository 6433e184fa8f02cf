/** A router that maps ports makes a direct path where two NATs leave none, for real engines. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { LabBuri, type LabMember } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab } from "../../src/lab/lab.ts";
import { mappableAddress } from "../../src/lab/nat_kinds.ts";
import type { NatView, WhyView } from "../../src/ipc/mod.ts";
import { MAIN } from "../support/buri_process.ts";
import { until } from "../support/engine_world.ts";
import { needs } from "../support/needs.ts";

const PROGRAM = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as const;
const NEEDS = ["linux", "root", "netns", "nft", "miniupnpd"] as const;

const netcheck = async (member: LabMember): Promise<NatView> => JSON.parse(await member.must("netcheck", "--json"));

Deno.test(
  needs("two symmetric NATs, of which one maps ports, meet directly; the mapping goes with the engine", ...NEEDS),
  async () => {
    const folder = Deno.makeTempDirSync({ prefix: "buri-mapped-" });
    Deno.chmodSync(folder, 0o755);
    await using lab = new Lab();
    try {
      const internet = new Internet(lab);
      const buri = new LabBuri({ lab, program: PROGRAM, folder });
      const { host, addresses } = internet.addPublicHost("server");
      const invite = await buri.server(host, addresses[0]!);
      const [home1, home2] = [internet.addHome("home1", "PM"), internet.addHome("home2", "SY")];
      await home1.startMapper!();
      const mappings = () => {
        const args = ["list", "chain", "inet", "mapped", "prerouting_miniupnpd"];
        const { stdout } = home1.routers[0]!.namespace.run(() => new Deno.Command("nft", { args }).outputSync());
        return new TextDecoder().decode(stdout).match(/dnat/g)?.length ?? 0;
      };
      const [ann, bob] = await Promise.all([buri.up(home1.host, invite), buri.up(home2.host, invite)]);
      await ann.must("create", "games", "s3same");
      await bob.must("join", "games", "s3same");
      await until("the mapping", async () => (await netcheck(ann)).portMapping?.endpoint !== null);
      const { mapping, portMapping } = await netcheck(ann);
      assert.equal(mapping, "addressAndPortDependent");
      assert.deepEqual([portMapping?.by, portMapping?.endpoint?.split(":")[0]], [
        "pcp",
        mappableAddress(home1.publicAddress),
      ]);
      const silent = (await netcheck(bob)).portMapping;
      assert.deepEqual([silent?.by, silent?.endpoint], [null, null]);
      assert.equal(mappings(), 1);
      await until("a direct path", async () => {
        await bob.command("ping", ann.address4, "--count", "1");
        const why = JSON.parse(await bob.must("why", ann.address4, "--json")) as WhyView;
        return why.path === "direct" && why.candidates.some(({ kind, inUse }) => kind === "mapped" && inUse);
      });
      await ann.must("down");
      assert.equal(mappings(), 0);
    } finally {
      await lab.close();
      Deno.removeSync(folder, { recursive: true });
    }
  },
);
