/** What an onlooker in the middle can read of a tunnel, with real devices: nothing, until both ends have agreed to it. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { LabBuri, type LabMember } from "../../src/lab/buri.ts";
import { Capture } from "../../src/lab/capture.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { MAIN } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const TEXT = "a text that nobody else needs to see";
const WAIT_MS = 30_000;

Deno.test(
  needs("an onlooker reads a tunnel's packets only after both ends have agreed to it", "linux", "netns"),
  async () => {
    const folder = Deno.makeTempDirSync({ prefix: "buri-plain-" });
    Deno.chmodSync(folder, 0o755);
    await using lab = new Lab();
    try {
      const internet = new Internet(lab);
      const program = [Deno.execPath(), "run", "-A", "--cached-only", MAIN] as [string, ...string[]];
      const buri = new LabBuri({ lab, folder, program });
      const [server, ann, bob] = ["server", "ann", "bob"].map((name) => internet.addPublicHost(name));
      const invite = await buri.server(server!.host, server!.addresses[0]!);
      const up = (host: LabHost) => buri.up(host, invite, ["--device", "buri0"]);
      const [a, b] = await Promise.all([up(ann!.host), up(bob!.host)]);
      await a.must("create", "lab 1", "s3same");
      await a.must("set-plain", "lab 1", "on");
      await b.must("join", "lab 1", "s3same");
      const seen = async () => {
        const capture = await Capture.start(internet.host, [TEXT]);
        await send(lab, ann!.host, b.address4);
        const { found, lostCount } = await capture.stop();
        assert.equal(lostCount, 0);
        return found[TEXT];
      };
      await becomes(true, a, "bob");
      assert.equal(await seen(), 0);
      await a.must("plain", "bob", "on");
      await becomes(true, a, "bob");
      assert.equal(await seen(), 0, "one end alone");
      await b.must("plain", "ann", "on");
      await becomes(false, a, "bob");
      assert.ok(await seen() as number > 0);
      await a.must("plain", "bob", "off");
      await becomes(true, a, "bob");
      assert.equal(await seen(), 0);
    } finally {
      await lab.close();
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

/** Waits until packets flow, and are encrypted or not. */
async function becomes(encrypted: boolean, member: LabMember, peer: string): Promise<void> {
  for (const end = performance.now() + WAIT_MS;;) {
    const view = JSON.parse(await member.must("peer", peer, "--json"));
    if (view.encrypted === encrypted && view.path === "direct") return;
    assert.ok(performance.now() < end, JSON.stringify(view));
  }
}

/** A few datagrams with the text, to a port where nobody need listen. */
async function send(lab: Lab, from: LabHost, address4: string): Promise<void> {
  const line = `for n in 1 2 3; do echo -n '${TEXT}' > /dev/udp/${address4}/9; sleep 0.05; done`;
  const { code, stderr } = await lab.spawn(from, ["bash", "-c", line]).ended;
  assert.equal(code, 0, stderr);
}
