/** Messages between engines in one process, with a real server and real tunnels on loopback. */
import assert from "node:assert/strict";
import { ControlError, type EngineEvent, type EventKind, type MessageView } from "../../src/ipc/mod.ts";
import { EngineWorld, until, type WorldMember } from "../support/engine_world.ts";

const isCode = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;

async function send(from: WorldMember, to: string, text: string, waitMs = 8_000): Promise<MessageView> {
  return await from.control.send({ to, kind: "any", text, waitMs });
}

async function history(member: WorldMember): Promise<MessageView[]> {
  return await member.control.inbox({ with: null, all: true, markRead: false, limit: 1000 });
}

const textsOf = async (member: WorldMember) => (await history(member)).map(({ text }) => text);
const statesOf = ({ deliveries }: MessageView) => deliveries.map(({ state }) => state);

/** Ann and bob, members of `network`; with a password it is sealed. */
async function withPair(
  password: string,
  run: (world: EngineWorld, ann: WorldMember, bob: WorldMember) => Promise<void>,
): Promise<void> {
  await using world = await EngineWorld.make();
  const ann = await world.member("ann");
  const bob = await world.member("bob");
  await ann.control.create({ network: "games", password });
  await bob.control.join({ network: "games", password });
  await run(world, ann, bob);
}

async function meet(ann: WorldMember, bob: WorldMember): Promise<void> {
  for (const [from, to] of [[ann, "bob"], [bob, "ann"]] as const) {
    await until("a tunnel", async () => (await from.ping(to, 1, 500))[0]!.rttMs !== null, 20_000);
  }
}

Deno.test("a message to a peer that is online goes through the tunnel, is verified, and is unread until shown", async () => {
  await withPair("", async (_world, ann, bob) => {
    await meet(ann, bob);
    const sent = await send(ann, "bob", "hello\tthere\n");
    assert.deepEqual([sent.text, sent.to?.nick, statesOf(sent)], ["hello there", "bob", ["delivered"]]);
    const unread = { with: null, all: false, markRead: true, limit: 10 };
    const [message] = await bob.control.inbox(unread);
    assert.deepEqual([message!.id, message!.from.nick, message!.text], [sent.id, "ann", "hello there"]);
    assert.deepEqual([message!.direction, message!.read, message!.verified], ["in", false, true]);
    assert.deepEqual(await bob.control.inbox(unread), []);
    assert.equal((await history(bob))[0]!.read, true);
  });
});

Deno.test("a message to a peer that is offline waits at the server, and is verified by the pin", async () => {
  await withPair("", async (_world, ann, bob) => {
    await meet(ann, bob);
    await bob.stop();
    await until("bob to be offline", async () => (await ann.control.peer({ peer: "bob" })).status === "offline");
    assert.deepEqual(statesOf(await send(ann, "bob", "one")), ["stored"]);
    assert.deepEqual(statesOf(await send(ann, "bob", "two")), ["stored"]);
    await bob.start();
    await until("both messages", async () => (await history(bob)).length === 2);
    assert.deepEqual(await textsOf(bob), ["one", "two"]);
    assert.ok((await history(bob)).every(({ verified }) => verified));
    await bob.stop();
    await bob.start();
    assert.deepEqual(await textsOf(bob), ["one", "two"]);
  });
});

Deno.test("a message at first contact is verified by a network's password, and unverified without one", async () => {
  await using world = await EngineWorld.make();
  const bob = await world.member("bob");
  const ann = await world.member("ann");
  const eve = await world.member("eve");
  await bob.control.create({ network: "vault", password: "sesame" });
  await bob.control.create({ network: "square", password: "" });
  // Offline before he ever met them, so that nothing is pinned.
  await bob.stop();
  await ann.control.join({ network: "vault", password: "sesame" });
  await eve.control.join({ network: "square", password: "" });
  for (const [from, to] of [[ann, "bob"], [ann, "vault"], [eve, "bob"]] as const) {
    assert.deepEqual(statesOf(await send(from, to, "hi")), ["stored"]);
  }
  // A tunnel would pin them.
  for (const writer of [ann, eve]) await writer.stop();
  await bob.start();
  await until("the messages", async () => (await history(bob)).length === 3);
  assert.deepEqual(
    (await history(bob)).map(({ from, network, text, verified }) => [from.nick, network, text, verified]),
    [
      ["ann", null, "hi", true],
      ["ann", "vault", "hi", true],
      ["eve", null, "hi", false],
    ],
  );
});

Deno.test("a message to a network goes to all of its members, once each", async () => {
  await withPair("", async (world, ann, bob) => {
    const eve = await world.member("eve");
    await eve.control.join({ network: "games", password: "" });
    await until("eve", async () => (await ann.control.network({ network: "games" })).members.length === 2);
    await meet(ann, bob);
    await eve.stop();
    await until("eve to be offline", async () => (await ann.control.peer({ peer: "eve" })).status === "offline");
    const sent = await send(ann, "games", "who plays?");
    assert.deepEqual(statesOf(sent).toSorted(), ["delivered", "stored"]);
    await eve.start();
    for (const member of [bob, eve]) {
      await until("the message", async () => (await history(member)).length === 1);
      const [message] = await history(member);
      assert.deepEqual([message!.network, message!.text, message!.to, message!.id], [
        "games",
        "who plays?",
        null,
        sent.id,
      ]);
    }
  });
});

Deno.test("messages written while nobody can be reached leave later, in order, over a restart of the sender", async () => {
  await withPair("", async (world, ann, bob) => {
    await meet(ann, bob);
    await bob.stop();
    await world.stopServer();
    await until("the loss of the server", async () => (await ann.control.status()).status !== "logged in");
    const texts = ["1", "2", "3"];
    for (const text of texts) assert.deepEqual(statesOf(await send(ann, "bob", text, 0)), ["waiting"]);
    await ann.stop();
    await world.restartServer();
    await ann.start();
    await bob.start();
    await until("all messages", async () => (await history(bob)).length === 3, 15_000);
    assert.deepEqual(await textsOf(bob), texts);
    await until(
      "their answers",
      async () => (await history(ann)).flatMap(statesOf).every((one) => one !== "waiting"),
      10_000,
    );
  });
});

Deno.test("send refuses who is unknown, what is empty or too long, and names that could be two", async () => {
  await withPair("", async (_world, ann) => {
    await assert.rejects(send(ann, "carol", "hi"), isCode("peerNotFound"));
    await assert.rejects(send(ann, "bob", " \t"), isCode("invalidMessage"));
    await assert.rejects(send(ann, "bob", "é".repeat(513)), isCode("invalidMessage"));
    await ann.control.create({ network: "bobs", password: "" });
    assert.deepEqual((await send(ann, "bobs", "nobody else is here")).deliveries, []);
  });
});

/** Events of a member from now on, and how to end the listening. */
function listen(
  member: WorldMember,
  kinds: EventKind[] | null = null,
): { events: EngineEvent[]; end: () => Promise<void> } {
  const abort = new AbortController();
  const events: EngineEvent[] = [];
  const iterable = member.control.events({ kinds }, abort.signal);
  const listening = (async () => {
    for await (const event of iterable) events.push(event);
  })();
  const end = () => {
    abort.abort();
    return listening;
  };
  return { events, end };
}

Deno.test("events tell of networks, members, paths, messages and deliveries", async () => {
  await using world = await EngineWorld.make();
  const ann = await world.member("ann");
  const bob = await world.member("bob");
  const { events, end } = listen(ann);
  const has = (wanted: Partial<Record<string, unknown>>) =>
    until(JSON.stringify(wanted), () => events.some((event) => contains(event, wanted)), 20_000);
  await ann.control.create({ network: "games", password: "" });
  await has({ kind: "network", network: "games", change: "added" });
  await bob.control.join({ network: "games", password: "" });
  await has({ kind: "member", network: "games", change: "joined" });
  await has({ kind: "path", path: "direct" });
  await send(bob, "ann", "hello");
  await has({ kind: "message" });
  const sent = await send(ann, "bob", "hello yourself");
  await has({ kind: "delivery", message: sent.id });
  await bob.stop();
  await has({ kind: "member", change: "offline" });
  await bob.start();
  await has({ kind: "member", change: "online" });
  await bob.control.leave({ network: "games" });
  await has({ kind: "member", change: "left" });
  await ann.control.delete({ network: "games" });
  await has({ kind: "network", change: "gone" });
  await ann.control.logout();
  await has({ kind: "status", status: "logging in" });
  await end();
});

function contains(event: EngineEvent, wanted: Partial<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) => (event as unknown as Record<string, unknown>)[key] === value);
}
