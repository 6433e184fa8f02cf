/**
 * A program made for Hamachi's Linux client drives Buri by its text alone. The engines and the server are real; the path
 * that has to be a relayed one is so because nothing gets through between the two directly.
 */
import assert from "node:assert/strict";
import { EngineWorld, type WorldMember } from "../support/engine_world.ts";
import { LinuxClientDriver } from "../support/linux_client_driver.ts";
import { readField, type ReadMember, type ReadNetwork } from "../support/linux_client_reader.ts";

const NAME = "game night";
const PASSWORD = "s3same";
const LONG_NICK = "bob of the rather long nickname";
const NOT_RUNNING = /^Hamachi does not seem to be running\.$/m;
const ID = /^\d{3}-\d{3}-\d{3}$/;

const networkIn = (networks: ReadNetwork[], name: string) => networks.find((each) => each.name === name);
const membersIn = (networks: ReadNetwork[]) => networkIn(networks, NAME)?.memberList ?? [];
const marksIn = (networks: ReadNetwork[]) => membersIn(networks).map(({ mark }) => mark).toSorted().join("");

Deno.test("a program that drives Hamachi's Linux client logs in, creates, joins, lists, evicts, sets and logs out by text", async () => {
  await using world = await EngineWorld.make([1, 2]);
  const ui = new LinuxClientDriver(world.folder, world.stateDir("ann"));
  assert.match(await ui.run("list"), NOT_RUNNING);
  assert.ok(await ui.isNewEnough(), "without an engine");
  const ann = await world.member("ann");
  await ui.run("logout");
  await connect(ui);
  await joinWithApproval(world, ui);

  const clients = await own(world, ui, ann);
  const { bob } = await showEveryState(ui, clients);
  await useItsPowers(ui, clients.bob, bob.id);

  await ui.act("set-nick", "-=ann=-");
  assert.equal(await ui.status("nickname"), "-=ann=-");
  await ui.act("delete", NAME);
  await ui.effect("the network to go", (networks) => networkIn(networks, NAME) === undefined);
  await ui.act("logout");
  assert.equal(await ui.status("status"), "offline");
  await ann.stop();
  assert.match(await ui.run("list"), NOT_RUNNING);
});

/** From offline to logged in, in the order that such programs keep to. */
async function connect(ui: LinuxClientDriver): Promise<void> {
  assert.ok(await ui.isNewEnough());
  assert.equal(await ui.status("status"), "offline");
  await ui.act("login");
  assert.equal(await ui.run("login"), "Already logged in\n");
  assert.equal(await ui.status("status"), "logged in");
  assert.match(await ui.status("client id") ?? "", ID);
  assert.match(await ui.status("address") ?? "", /^[\d.]{7,15} +[\da-f:]{6,39}$/);
  assert.equal(await ui.status("lmi account"), "-");
  assert.deepEqual(await ui.list(), []);
  await ui.act("set-ip-mode", "both");
  await ui.act("set-nick", "ann");
}

/** Into somebody else's network, whose owner has to let it in. */
async function joinWithApproval(world: EngineWorld, ui: LinuxClientDriver): Promise<void> {
  const olga = await world.member("olga");
  const club = { network: "club" };
  await olga.control.create({ ...club, password: "" });
  await olga.control.setAccess({ ...club, locked: null, approve: "manual" });
  assert.equal(await ui.refused("do-join", "club", "wrong"), "invalid password");
  assert.match(await ui.act("do-join", "club", ""), /\.\. ok, request sent\n$/);
  const [waiting] = await ui.effect("the network", (networks) => networks.length === 1);
  assert.deepEqual(waiting!.memberList, [], "whoever waits sees nobody");
  await olga.control.approve({ ...club, member: "ann" });
  const [joined] = await ui.listed("olga", ([network]) => network?.memberList[0]?.connection === "direct");
  assert.equal(joined!.owner, `olga (${joined!.memberList[0]!.id})`);
  assert.equal(await ui.refused("do-join", "club", ""), "you are already a member");
  await ui.act("go-offline", "club");
  assert.equal((await ui.effect("to be offline", ([network]) => network?.mark === " "))[0]!.name, "club");
  await ui.act("go-online", "club");
  await ui.effect("to be online", ([network]) => network?.mark === "*");
  await ui.act("leave", "club");
  await ui.effect("it to be gone", (networks) => networks.length === 0);
}

/** Makes a network, and lets others in who are there, away, waiting, behind a relay, and of a suite not spoken here. */
async function own(world: EngineWorld, ui: LinuxClientDriver, ann: WorldMember) {
  await ui.act("create", NAME, PASSWORD);
  assert.equal(await ui.refused("create", NAME, ""), "network name is already taken");
  const [network] = await ui.effect("it", (networks) => networks.length === 1);
  const shown = { mark: "*", id: NAME, name: NAME, members: "1", owner: "This computer", memberList: [] };
  assert.deepEqual({ ...network, ...shown }, network);

  const [bob, away, relayed, classic] = await Promise.all([
    world.member("bob", { nick: LONG_NICK }),
    world.member("away"),
    world.member("relayed"),
    world.member("classic", { suite: 1 }),
  ]);
  for (const [from, to] of [[ann, relayed], [relayed, ann]] as const) from.block(to);
  await Promise.all([bob, away, relayed, classic].map((client) => join(client, PASSWORD)));
  await away.stop();
  await ui.act("set-access", NAME, "unlock", "manual");
  await Promise.all(["waiting", "stranger"].map(async (name) => await join(await world.member(name), PASSWORD)));
  return { bob, away, relayed, classic };
}

async function join(client: WorldMember, password: string): Promise<void> {
  await client.control.join({ network: NAME, password });
}

/** All marks at once. */
async function showEveryState(ui: LinuxClientDriver, { relayed }: { relayed: WorldMember }) {
  const networks = await ui.listed("every state", (networks) => {
    const isRelayed = membersIn(networks).some(({ connection }) => connection === "via relay");
    const isDirect = membersIn(networks).some(({ connection }) => connection === "direct");
    return marksIn(networks) === " !**??" && isRelayed && isDirect;
  });
  const all = membersIn(networks);
  const of = (nick: string): ReadMember => {
    const member = all.find((each) => each.nick !== null && nick.startsWith(each.nick));
    assert.ok(member, nick);
    return member;
  };
  const bob = of(LONG_NICK);
  assert.deepEqual(
    [bob.mark, bob.nick, bob.connection, bob.transport],
    ["*", LONG_NICK.slice(0, 25), "direct", "UDP"],
  );
  assert.match(bob.endpoint ?? "", /^127\.0\.0\.1:\d+$/);
  assert.equal(readField(await ui.run("peer", bob.id), "nickname"), LONG_NICK, "the list cuts it");
  assert.deepEqual([of("away").mark, of("away").connection], [" ", null]);
  assert.deepEqual([of("relayed").mark, of("relayed").connection], ["*", "via relay"]);
  assert.equal(of("relayed").id, (await relayed.control.status()).id);
  assert.deepEqual(
    [of("classic").mark, of("classic").connection, of("classic").message],
    ["!", null, "no common suite with this peer"],
  );
  assert.equal(networkIn(networks, NAME)!.members, "7");
  const [first, second] = all.filter(({ mark }) => mark === "?");
  await ui.act("reject", NAME, second!.id);
  await ui.act("approve", NAME, first!.id);
  await ui.effect("both", (networks) => !marksIn(networks).includes("?") && membersIn(networks).length === 5);
  return { bob };
}

/** Evicts, and changes who may join and how. */
async function useItsPowers(ui: LinuxClientDriver, bob: WorldMember, bobId: string): Promise<void> {
  await ui.act("evict", NAME, bobId);
  await ui.effect("it to go", (networks) => membersIn(networks).every(({ id }) => id !== bobId));

  await ui.act("set-pass", NAME, "an other one");
  await assert.rejects(join(bob, PASSWORD), /invalid password/);
  await ui.act("set-access", NAME, "lock");
  const locked = await ui.run("network", NAME);
  assert.deepEqual([readField(locked, "status"), readField(locked, "approve")], ["locked", "manual"]);
  await assert.rejects(join(bob, "an other one"), /network is locked/);
  await ui.act("set-access", NAME, "unlock", "auto");
  await join(bob, "an other one");
  await ui.effect(
    "bob to be back",
    (networks) => membersIn(networks).some(({ id, mark }) => id === bobId && mark === "*"),
  );
  const open = await ui.run("network", NAME);
  assert.deepEqual([readField(open, "status"), readField(open, "approve")], ["unlocked", "auto"]);
  assert.deepEqual([readField(open, "type"), readField(open, "owner")], ["Mesh", "This computer"]);
}
