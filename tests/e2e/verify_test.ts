/** Keys of peers by the word of people: two engines and a real server on loopback. */
import assert from "node:assert/strict";
import { ControlError } from "../../src/ipc/schema.ts";
import { EngineWorld, until } from "../support/engine_world.ts";

Deno.test("verify shows both ends the same words, refuses a peer with another key than the one installed, and accepts it by name", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = [await world.member("ann"), await world.member("bob")];
  const show = { install: null, acceptNew: false };
  await ann.control.create({ network: "games", password: "" });
  const bobId = (await bob.control.status()).id!;
  await ann.control.goOffline({ network: "games" });
  await bob.control.join({ network: "games", password: "" });
  await until("bob", async () => (await ann.control.list())[0]!.members.length === 1);

  const first = await ann.control.verify({ peer: bobId, ...show });
  assert.deepEqual([first.state, first.pinned], ["unpinned", null]);
  const other = await bob.control.verify({ peer: "ann", ...show });
  assert.deepEqual([first.words, first.own, first.told], [other.words, other.told, other.own]);

  const wrong = "ab".repeat(32);
  const installed = await ann.control.verify({ peer: bobId, install: wrong, acceptNew: false });
  assert.deepEqual([installed.state, installed.pinned, installed.told], ["changed", wrong, other.own]);
  await ann.control.goOnline({ network: "games" });
  const ofBob = () => ann.control.peer({ peer: bobId });
  await until("the refusal", async () => (await ofBob()).status === "error", 20_000);
  assert.equal((await ofBob()).message, "the key of this peer has changed");
  await assert.rejects(
    ann.control.verify({ peer: bobId, install: other.own, acceptNew: false }),
    (error) => error instanceof ControlError && error.code === "keyPinned",
  );

  const accepted = await ann.control.verify({ peer: bobId, install: null, acceptNew: true });
  assert.deepEqual([accepted.state, accepted.pinned], ["pinned", other.own]);
  await until("an answer", async () => (await ann.ping("bob", 1, 500))[0]!.rttMs !== null, 20_000);
});
