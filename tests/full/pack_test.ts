/** `pack` of the real executable: a friend starts the copy, without arguments, and is in. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { compile } from "../../scripts/compile.ts";
import { inRoot } from "../../scripts/root.ts";
import { LabBuri } from "../../src/lab/buri.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab } from "../../src/lab/lab.ts";
import { needs } from "../support/needs.ts";

const NEEDS = ["linux", "netns", "tun", "denort"] as const;

Deno.test(needs("a packed program joins when it is started without arguments", ...NEEDS), async () => {
  const folder = await Deno.makeTempDir({ prefix: "buri-packed-" });
  Deno.chmodSync(folder, 0o755);
  const base = Deno.env.get("DENORT_BIN");
  const compiled = await compile({ target: "linux-x64", base, entry: inRoot("main.ts"), outputFolder: folder });
  await using lab = new Lab();
  try {
    const internet = new Internet(lab);
    const buri = new LabBuri({ lab, program: [compiled.path], folder });
    const server = internet.addPublicHost("server");
    const invite = await buri.server(server.host, server.addresses[0]!);
    const ann = await buri.up(internet.addHome("home1", "PR").host, invite);
    await ann.must("create", "games", "s3same");
    const [copy, again] = [`${folder}/play`, `${folder}/again`];
    assert.match(await ann.must("pack", "games", "--out", copy), /^Packing games \.\. ok, .*play, good for 1 until /);
    await ann.must("pack", "games", "--base", copy, "--out", again);
    assert.equal(Deno.statSync(again).size, Deno.statSync(copy).size, "one invite, not two");
    const env = { BURI_STATE: `${folder}/friend` };
    const friend = lab.spawn(internet.addHome("home2", "PR").host, [copy], { env });
    await friend.waitForLine(/^buri up ready 10\./, 15_000);
    await friend.waitForLine(/^Joining by invite \.\. ok, games$/, 15_000);
    const [network] = JSON.parse(await ann.must("list", "--json"));
    const { address4 } = network.members[0];
    const [ping] = (await ann.must("ping", address4, "--count", "1", "--json")).split("\n");
    assert.ok(JSON.parse(ping!).rttMs > 0, ping);
    assert.equal(await friend.stop("SIGTERM"), 0);
  } finally {
    await lab.close();
    await Deno.remove(folder, { recursive: true });
  }
});
