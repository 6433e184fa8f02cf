/** An engine whose state folder is on a full disk: nothing is promised that would be lost, and nothing is lost. */
import assert from "node:assert/strict";
import { ControlError } from "../../src/ipc/mod.ts";
import { EngineWorld, until, type WorldMember } from "../support/engine_world.ts";
import { needs } from "../support/needs.ts";
import { fillDisk, run } from "../support/small_disk.ts";

/** Runs `body` with the state of "ann" on a disk of 1 MiB, and a way to fill it. */
async function onSmallDisk(body: (world: EngineWorld, filler: string) => Promise<void>): Promise<void> {
  const world = await EngineWorld.make();
  const disk = world.stateDir("ann");
  Deno.mkdirSync(disk, { mode: 0o700 });
  run("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", disk);
  const leave = {
    async [Symbol.asyncDispose]() {
      for (const member of world.members) await member.stop();
      run("umount", disk);
      await world[Symbol.asyncDispose]();
    },
  };
  await using _ = leave;
  await body(world, `${disk}/filler`);
}

function isCannotSave(error: unknown): boolean {
  return error instanceof ControlError && error.code === "cannotSave" && /space/.test(error.hint ?? "");
}

const GAMES = { network: "games", password: "s3same" };

Deno.test(
  needs("an engine on a full disk joins nothing whose secret it would lose, and changes no setting", "linux", "root"),
  async () => {
    await onSmallDisk(async (world, filler) => {
      const bob = await world.member("bob");
      await bob.control.create(GAMES);
      const ann = await world.member("ann");
      fillDisk(filler);
      await assert.rejects(ann.control.join(GAMES), isCannotSave);
      await assert.rejects(ann.control.setNick({ nick: "annika" }), isCannotSave);
      assert.deepEqual([await ann.control.list(), (await ann.control.status()).nick], [[], "ann"]);
      Deno.removeSync(filler);
      await ann.control.join(GAMES);
      await reaches(ann, "bob");
      await restart(ann);
      await reaches(ann, "bob");
    });
  },
);

Deno.test(needs("a secret that was lost is missed, said, and taken back by joining again", "linux"), async () => {
  await using world = await EngineWorld.make();
  const bob = await world.member("bob");
  await bob.control.create(GAMES);
  const ann = await world.member("ann");
  await ann.control.join(GAMES);
  await ann.stop();
  const [server] = [...Deno.readDirSync(`${ann.stateDir}/servers`)];
  Deno.removeSync(`${ann.stateDir}/servers/${server!.name}/secrets.json`);
  await ann.start();
  const problem = async () => (await ann.control.network(GAMES)).problem;
  await until("it is missed", async () => (await ann.control.list()).length === 1 && await problem() !== null);
  assert.equal((await ann.ping("bob", 1, 1_500))[0]!.rttMs, null, "nobody is reached without it");
  await assert.rejects(ann.control.join({ ...GAMES, password: "wrong" }), /invalid password/);
  assert.notEqual(await problem(), null);
  assert.deepEqual(await ann.control.join(GAMES), { pending: false });
  assert.equal(await problem(), null);
  await reaches(ann, "bob", 5_000);
  await restart(ann);
  assert.equal(await problem(), null);
  await assert.rejects(ann.control.join(GAMES), /already a member/);
});

async function restart(member: WorldMember): Promise<void> {
  await member.stop();
  await member.start();
  await until("the network", async () => (await member.control.list()).length === 1);
}

async function reaches(member: WorldMember, peer: string, withinMs = 15_000): Promise<void> {
  const answers = async () => ((await member.ping(peer, 1, 1_000).catch(() => []))[0]?.rttMs ?? null) !== null;
  await until(`${peer} answers`, answers, withinMs);
}
