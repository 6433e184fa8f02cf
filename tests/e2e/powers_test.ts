/** Powers over networks with real engines and a real server on loopback, packets in memory. */
import assert from "node:assert/strict";
import { ControlError } from "../../src/ipc/schema.ts";
import { EngineWorld, until, type WorldMember } from "../support/engine_world.ts";

const isCode = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;

const GAMES = { network: "games" };
const BOB = { ...GAMES, member: "bob" };

const pathOf = async (member: WorldMember, peer: string) => {
  try {
    return (await member.control.peer({ peer })).path;
  } catch (error) {
    if (error instanceof ControlError && error.code === "peerNotFound") return null;
    throw error;
  }
};

/** Ann, who owns the network "games" with this password, and Bob in it. */
async function pair(world: EngineWorld, password = ""): Promise<[WorldMember, WorldMember]> {
  const [ann, bob] = [await world.member("ann"), await world.member("bob")];
  await ann.control.create({ ...GAMES, password });
  await bob.control.join({ ...GAMES, password });
  return [ann, bob];
}

for (const power of ["evict", "ban"] as const) {
  for (const path of ["direct", "relay"] as const) {
    Deno.test(`${power} ends a ${path} tunnel at both ends within 2 s`, async () => {
      await using world = await EngineWorld.make();
      const [ann, bob] = await pair(world);
      if (path === "relay") { for (const [from, to] of [[ann, bob], [bob, ann]] as const) from.block(to); }
      await ann.ping("bob");
      await until("the path", async () => await pathOf(ann, "bob") === path && await pathOf(bob, "ann") === path);
      const begun = performance.now();
      if (power === "evict") await ann.control.evict(BOB);
      else await ann.control.ban({ ...BOB, forMs: 3_600_000, reason: "spam" });
      await until(
        "the end at both",
        async () => await pathOf(ann, "bob") === null && await pathOf(bob, "ann") === null,
      );
      assert.ok(performance.now() - begun < 2_000);
      await assert.rejects(ann.control.peer({ peer: "bob" }), isCode("peerNotFound"));
      assert.deepEqual(await bob.control.list(), []);
      const again = bob.control.join({ ...GAMES, password: "" });
      if (power === "evict") return assert.deepEqual(await again, { pending: false });
      await assert.rejects(again, isCode("banned"));
      const [ban] = await ann.control.bans(GAMES);
      assert.deepEqual([ban!.nick, ban!.reason], ["bob", "spam"]);
      await ann.control.unban({ ...GAMES, member: ban!.id });
      await bob.control.join({ ...GAMES, password: "" });
    });
  }
}

Deno.test("a member that waits is shown as such, and has a tunnel once it is approved", async () => {
  await using world = await EngineWorld.make();
  const ann = await world.member("ann");
  const bob = await world.member("bob");
  await ann.control.create({ ...GAMES, password: "pass" });
  await ann.control.setAccess({ ...GAMES, locked: null, approve: "manual" });
  assert.deepEqual(await bob.control.join({ ...GAMES, password: "pass" }), { pending: true });
  await until("bob to wait", async () => (await ann.control.list())[0]!.members[0]?.status === "unapproved");
  assert.deepEqual((await bob.control.list())[0]!.members, []);
  await ann.control.approve(BOB);
  assert.notEqual((await bob.ping("ann"))[0]!.rttMs, null);
  await assert.rejects(ann.control.reject(BOB), isCode("notAwaitingApproval"));
});

Deno.test("welcome and announcements arrive once, also at those who were away, and stay over a restart", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = await pair(world);
  const texts = async (member: WorldMember) => (await member.control.notices()).map(({ text }) => text);
  await ann.control.setWelcome({ ...GAMES, text: "Be nice." });
  const eve = await world.member("eve");
  await eve.control.join({ ...GAMES, password: "" });
  await until("the welcome", async () => (await texts(eve)).length === 1);
  await bob.stop();
  await until("bob to be offline", async () => (await ann.control.peer({ peer: "bob" })).status === "offline");
  await ann.control.announce({ ...GAMES, text: "Party at nine" });
  await until("the announcement", async () => (await texts(eve)).length === 2);
  await eve.stop();
  await eve.start();
  await bob.start();
  await until("the announcement at bob", async () => (await texts(bob)).length > 0);
  assert.deepEqual(await texts(eve), ["Be nice.", "Party at nine"]);
  assert.equal((await texts(bob)).at(-1), "Party at nine");
});

Deno.test("a new password keeps the tunnels of members and lets newcomers have some with all of them", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = await pair(world, "first");
  await ann.ping("bob");
  const spis = [...ann.spis];
  await ann.control.setPassword({ ...GAMES, password: "second" });
  assert.notEqual((await ann.ping("bob"))[0]!.rttMs, null);
  assert.deepEqual(ann.spis, spis);
  const eve = await world.member("eve");
  await assert.rejects(eve.control.join({ ...GAMES, password: "first" }), isCode("invalidPassword"));
  await eve.control.join({ ...GAMES, password: "second" });
  // Bob knows the old password only, Eve the new one only: what they share is the secret that it protects.
  assert.notEqual((await eve.ping("bob"))[0]!.rttMs, null);
  await bob.stop();
  await bob.start();
  assert.notEqual((await bob.ping("ann"))[0]!.rttMs, null);
});

Deno.test("without its password a network lets everybody in, also beside members that were away meanwhile", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = await pair(world, "first");
  await bob.stop();
  await ann.control.setPassword({ ...GAMES, password: "" });
  await ann.control.setPassword({ ...GAMES, password: "third" });
  const eve = await world.member("eve");
  await eve.control.join({ ...GAMES, password: "third" });
  assert.notEqual((await eve.ping("ann"))[0]!.rttMs, null);
  await bob.start();
  assert.notEqual((await bob.ping("eve"))[0]!.rttMs, null);
});

Deno.test("spokes of a hub-and-spoke network reach its hubs and not each other", async () => {
  await using world = await EngineWorld.make();
  const ann = await world.member("ann");
  const bob = await world.member("bob");
  const eve = await world.member("eve");
  await ann.control.create({ ...GAMES, password: "", type: "hub-and-spoke" });
  for (const spoke of [bob, eve]) await spoke.control.join({ ...GAMES, password: "" });
  assert.notEqual((await bob.ping("ann"))[0]!.rttMs, null);
  await assert.rejects(bob.control.peer({ peer: "eve" }), isCode("peerNotFound"));
  await ann.control.setHub({ ...GAMES, member: "eve", hub: true });
  await until("eve to be seen", async () => (await bob.control.list())[0]!.members.length === 2);
  assert.notEqual((await bob.ping("eve"))[0]!.rttMs, null);
  const [network] = await bob.control.list();
  assert.deepEqual([network!.type, network!.members.map(({ role }) => role)], ["hub-and-spoke", ["owner", "hub"]]);
});

Deno.test("an administrator uses its privileges, and a new owner has all", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = await pair(world);
  await assert.rejects(bob.control.announce({ ...GAMES, text: "hi" }), isCode("notPermitted"));
  await ann.control.setAdmin({ ...BOB, privileges: ["messages"] });
  await until("the privilege", async () => (await bob.control.network(GAMES)).privileges.join() === "messages");
  await bob.control.announce({ ...GAMES, text: "hi" });
  await assert.rejects(bob.control.setPassword({ ...GAMES, password: "x" }), isCode("notPermitted"));
  await ann.control.handOver(BOB);
  await until("the owner", async () => (await bob.control.network(GAMES)).owner.isSelf);
  await bob.control.evict({ ...GAMES, member: "ann" });
  await until("ann's empty list", async () => (await ann.control.list()).length === 0);
});
