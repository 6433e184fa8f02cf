/** Engines against a real server on loopback, in one process; packets go in and out of devices in memory. */
import assert from "node:assert/strict";
import { ControlError } from "../../src/ipc/schema.ts";
import { EngineWorld, until, type WorldMember } from "../support/engine_world.ts";
import { buildPacket } from "../support/packets.ts";

const isCode = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;

/** A UDP packet that carries `number`. */
function packetOf(from: WorldMember, to: WorldMember, number: number): Uint8Array {
  const payload = new Uint8Array(200);
  new DataView(payload.buffer).setUint32(0, number);
  return buildPacket({
    source: from.address,
    destination: to.address,
    protocol: "udp",
    sourcePort: 5,
    destinationPort: 6,
    payload,
  });
}

/** What a stream of packets came to. */
interface StreamResult {
  sent: number;
  received: Set<number>;
}

/** Sends numbered packets every 2 ms while `work` runs, and tells which of them arrived. */
async function streaming(from: WorldMember, to: WorldMember, work: () => Promise<void>): Promise<StreamResult> {
  const received = new Set<number>();
  const receive = async () => {
    for (let packet = await to.device.receive(); packet !== null; packet = await to.device.receive()) {
      const view = new DataView(packet.buffer, packet.byteOffset);
      // Packets of one flow may have been joined: each payload is 200 bytes.
      for (let at = 28; at + 200 <= packet.length; at += 200) received.add(view.getUint32(at));
      if (received.has(LAST)) return;
    }
  };
  const receiving = receive();
  let sent = 0;
  const timer = setInterval(() => from.device.send(packetOf(from, to, sent++)), 2);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 300));
  } finally {
    clearInterval(timer);
    from.device.send(packetOf(from, to, LAST));
  }
  await receiving;
  return { sent, received };
}

/** Number of the packet that ends a stream. */
const LAST = 0xffff_ffff;

/** Pings until there is an answer: one probe may be lost in a tunnel that the peer has just given up. */
async function reach(from: WorldMember, peer: string): Promise<void> {
  await until(`an answer of ${peer}`, async () => (await from.ping(peer, 1, 500))[0]!.rttMs !== null, 20_000);
}

const pathOf = async (member: WorldMember, peer: string) => (await member.control.peer({ peer })).path;

/** Two members and their server. */
interface Trio {
  world: EngineWorld;
  ann: WorldMember;
  bob: WorldMember;
}

/** What the two live through, one after the other; each step begins where the one before has ended. */
const STEPS: [sentence: string, live: (trio: Trio) => Promise<void>][] = [
  ["they meet in the network and reach each other", async ({ ann, bob }) => {
    await ann.control.create({ network: "games", password: "pass" });
    await assert.rejects(bob.control.join({ network: "games", password: "word" }), isCode("invalidPassword"));
    await assert.rejects(bob.control.join({ network: "nowhere", password: "pass" }), isCode("invalidPassword"));
    await assert.rejects(ann.control.create({ network: "games", password: "" }), isCode("nameTaken"));
    await bob.control.join({ network: "Games", password: "pass" });
    await Promise.all([reach(ann, "bob"), reach(bob, "ann")]);
    const [network] = await bob.control.list();
    assert.deepEqual([network!.name, network!.memberCount, network!.owner.nick], ["games", 2, "ann"]);
    const [member] = network!.members;
    assert.deepEqual([member!.nick, member!.status, member!.suite], ["ann", "online", 2]);
    assert.equal(member!.address4, ann.engine.address4);
    assert.equal(member!.address6, ann.engine.address6);
  }],
  ["packets pass a tunnel whole, and only between the addresses of its ends", async ({ ann, bob }) => {
    await reach(ann, "bob");
    const packet = packetOf(ann, bob, 7);
    ann.device.send(buildPacket({ source: ann.address + 1, destination: bob.address, protocol: "udp" }));
    ann.device.send(packet);
    assert.deepEqual(await bob.device.receive(), packet);
    await until("the counters", async () => (await bob.control.peer({ peer: "ann" })).bytesIn === packet.length);
  }],
  ["a tunnel moves to the relay within 3 s when the direct path dies, and back", async ({ ann, bob }) => {
    await reach(ann, "bob");
    await until(
      "a direct path",
      async () => await pathOf(ann, "bob") === "direct" && await pathOf(bob, "ann") === "direct",
    );
    await streaming(ann, bob, async () => {
      await until("traffic", async () => (await ann.control.peer({ peer: "bob" })).bytesOut > 0);
      ann.block(bob);
      await until("the relay", async () => await pathOf(ann, "bob") === "relay", 3_000);
      assert.equal((await ann.ping("bob"))[0]!.path, "relay");
      ann.unblock();
      await until("the direct path", async () => await pathOf(ann, "bob") === "direct", 25_000);
    });
  }],
  ["new keys take over without the loss of a packet", async ({ ann, bob }) => {
    await reach(ann, "bob");
    await until(
      "both paths",
      async () => await pathOf(ann, "bob") === "direct" && await pathOf(bob, "ann") === "direct",
    );
    const before = [ann, bob].map((member) => member.epochs.length);
    const { sent, received } = await streaming(ann, bob, async () => {
      for (const _rekey of [1, 2, 3]) {
        await new Promise((resolve) => setTimeout(resolve, 400));
        // An exchange follows another after 5 s at the soonest.
        for (const member of [ann, bob]) member.skip(5_000);
        for (const member of [ann, bob]) member.report({ on: "rekeyWanted", localSpi: member.spis.at(-1)! });
      }
      await until("new keys", () => [ann, bob].every((member, n) => member.epochs.length === before[n]! + 3));
    });
    const lost = Array.from({ length: sent }, (_, number) => number).filter((number) => !received.has(number));
    assert.ok(sent > 300, `only ${sent} packets were sent`);
    assert.deepEqual(lost, []);
  }],
  [
    "going offline in the last common network ends the tunnel on both sides, going online makes another",
    async ({ ann, bob }) => {
      await reach(ann, "bob");
      await bob.control.goOffline({ network: "games" });
      await until("the end at bob", async () => await pathOf(bob, "ann") === null);
      await until("the end at ann", async () => (await ann.control.peer({ peer: "bob" })).status === "offline");
      bob.device.send(packetOf(bob, ann, 1));
      assert.equal((await ann.ping("bob", 1, 300))[0]!.rttMs, null);
      await bob.control.goOnline({ network: "games" });
      await reach(ann, "bob");
    },
  ],
  ["a nickname reaches the other members and stays over a restart", async ({ ann, bob }) => {
    await bob.control.setNick({ nick: "Robert" });
    await until("the new nickname", async () => (await ann.control.list())[0]!.members[0]!.nick === "Robert");
    await bob.stop();
    await bob.start();
    assert.equal((await bob.control.status()).nick, "Robert");
    await assert.rejects(bob.control.setNick({ nick: " x" }), isCode("invalidNick"));
    await bob.control.setNick({ nick: "bob" });
    await until("the old nickname", async () => (await ann.control.list())[0]!.members[0]!.nick === "bob");
  }],
  ["tunnels outlive the server, and engines log in by themselves when it is back", async ({ world, ann, bob }) => {
    await reach(ann, "bob");
    const spis = [...ann.spis, ...bob.spis];
    await world.stopServer();
    await until("the loss of the server", async () => (await ann.control.status()).status !== "logged in");
    await reach(ann, "bob");
    assert.equal((await ann.control.peer({ peer: "bob" })).status, "online");
    await assert.rejects(ann.control.create({ network: "more", password: "" }), isCode("notLoggedIn"));
    await world.restartServer();
    for (const member of [ann, bob]) {
      await until("a login", async () => (await member.control.status()).status === "logged in", 20_000);
    }
    await until("presence", async () => (await ann.control.peer({ peer: "bob" })).status === "online");
    await reach(ann, "bob");
    assert.deepEqual([...ann.spis, ...bob.spis], spis, "a tunnel that was alive was made anew");
  }],
  ["an engine that is started again gets its address back and its tunnels anew", async ({ ann, bob }) => {
    await reach(ann, "bob");
    const { address4 } = bob.engine;
    await bob.stop();
    await until("bob to be offline", async () => (await ann.control.peer({ peer: "bob" })).status === "offline");
    await bob.start();
    assert.equal(bob.engine.address4, address4);
    assert.equal((await bob.control.status()).nick, "bob");
    await reach(ann, "bob");
  }],
  ["logout ends connection and tunnels until the next login, over a restart, too", async ({ ann, bob }) => {
    await reach(ann, "bob");
    assert.deepEqual(await bob.control.logout(), { changed: true });
    assert.deepEqual(await bob.control.logout(), { changed: false });
    assert.equal((await bob.control.status()).status, "offline");
    await until("bob to be offline", async () => (await ann.control.peer({ peer: "bob" })).status === "offline");
    await bob.stop();
    await bob.start();
    assert.equal((await bob.control.status()).status, "offline");
    assert.deepEqual(await bob.control.login(), { changed: true });
    assert.deepEqual(await bob.control.login(), { changed: false });
    await reach(ann, "bob");
  }],
  ["leaving and deleting a network end what came of it", async ({ ann, bob }) => {
    await reach(ann, "bob");
    await assert.rejects(ann.control.leave({ network: "games" }), isCode("isOwner"));
    await assert.rejects(bob.control.delete({ network: "games" }), isCode("notOwner"));
    await bob.control.leave({ network: "games" });
    await until("bob's empty list", async () => (await bob.control.list()).length === 0);
    await until("ann alone", async () => (await ann.control.list())[0]!.members.length === 0);
    await assert.rejects(ann.control.peer({ peer: "bob" }), isCode("peerNotFound"));
    await ann.control.delete({ network: "games" });
    await until("ann's empty list", async () => (await ann.control.list()).length === 0);
    await assert.rejects(ann.control.network({ network: "games" }), isCode("networkNotFound"));
  }],
  ["down ends the engine within 2 s, and the command is answered", async ({ bob }) => {
    const begun = performance.now();
    await bob.control.down();
    await bob.engine.stopped;
    assert.ok(performance.now() - begun < 2_000);
  }],
];

Deno.test("two engines in one network", async (t) => {
  await using world = await EngineWorld.make();
  const ann = await world.member("ann");
  const bob = await world.member("bob");
  for (const [sentence, live] of STEPS) await t.step(sentence, () => live({ world, ann, bob }));
});

Deno.test("two engines that are told to use suite 1 do", async () => {
  await using world = await EngineWorld.make([1, 2]);
  const ann = await world.member("ann", { suite: 1 });
  const bob = await world.member("bob", { suite: 1 });
  await ann.control.create({ network: "games", password: "" });
  assert.deepEqual(await bob.control.join({ network: "games", password: "" }), { pending: false });
  await reach(ann, "bob");
  assert.equal((await ann.control.peer({ peer: "bob" })).suite, 1);
});
