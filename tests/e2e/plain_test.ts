/** Tunnels without encryption: two engines and a real server on loopback, packets in memory. */
import assert from "node:assert/strict";
import { ControlError } from "../../src/ipc/schema.ts";
import { EngineWorld, until, type WorldMember } from "../support/engine_world.ts";

const LAB = { network: "lab 1" };

/** Whether the tunnel between two members is encrypted as both see it; null = there is none, or they differ. */
async function encryption(ann: WorldMember, bob: WorldMember): Promise<boolean | null> {
  const [one, other] = [await ann.control.peer({ peer: "bob" }), await bob.control.peer({ peer: "ann" })];
  const words = [one, other].map(({ encrypted, message }) => encrypted === (message !== "not encrypted"));
  assert.ok(words.every((agree) => agree) || one.encrypted === null || other.encrypted === null);
  return one.encrypted === other.encrypted ? one.encrypted : null;
}

async function becomes(what: boolean, ann: WorldMember, bob: WorldMember): Promise<void> {
  await until(
    `a tunnel that is ${what ? "" : "not "}encrypted`,
    async () => await encryption(ann, bob) === what,
    30_000,
  );
  assert.notEqual((await ann.ping("bob", 1))[0]!.rttMs, null);
}

Deno.test("a tunnel goes without encryption when both ends and the owner say so, says so, and is encrypted again when one does not", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = [await world.member("ann"), await world.member("bob")];
  await ann.control.create({ ...LAB, password: "s3same" });
  await bob.control.join({ ...LAB, password: "s3same" });
  const isCode = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;
  await assert.rejects(bob.control.setPlain({ ...LAB, allowed: true }), isCode("notPermitted"));
  await becomes(true, ann, bob);
  await ann.control.plain({ peer: "bob", wanted: true });
  assert.equal((await ann.control.peer({ peer: "bob" })).plainWanted, true);
  await bob.control.plain({ peer: "ann", wanted: true });
  await becomes(true, ann, bob);
  await ann.control.setPlain({ ...LAB, allowed: true });
  await becomes(false, ann, bob);
  assert.equal((await bob.control.list())[0]!.plainTunnels, true);
  await bob.control.plain({ peer: "ann", wanted: false });
  await becomes(true, ann, bob);
  await bob.control.plain({ peer: "ann", wanted: true });
  await becomes(false, ann, bob);

  const { deliveries } = await ann.control.send({ to: "bob", kind: "peer", text: "hush", waitMs: 10_000 });
  assert.equal(deliveries[0]!.state, "stored", "by the server, sealed, and not through the tunnel");
  const inbox = { with: null, all: false, markRead: false, limit: 10 };
  await until("the message", async () => (await bob.control.inbox(inbox))[0]?.text === "hush");

  await bob.stop();
  await bob.start();
  await becomes(false, ann, bob);
  await ann.control.setPlain({ ...LAB, allowed: false });
  await becomes(true, ann, bob);
});

Deno.test("the word of one end, or of the server alone, takes no tunnel's encryption away", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = [await world.member("ann"), await world.member("bob")];
  await ann.control.create({ ...LAB, password: "" });
  await ann.control.setPlain({ ...LAB, allowed: true });
  await bob.control.join({ ...LAB, password: "" });
  await becomes(true, ann, bob);
  await ann.control.plain({ peer: "bob", wanted: true });
  await ann.ping("bob");
  await becomes(true, ann, bob);
});
