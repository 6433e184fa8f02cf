/** A client moves to another computer: engines and a real server on loopback. */
import assert from "node:assert/strict";
import { makeBackup, restoreBackup } from "../../src/engine/mod.ts";
import { EngineWorld, until } from "../support/engine_world.ts";

Deno.test("a restored client has its address, its networks and the trust of its peers, in a sealed network too", async () => {
  await using world = await EngineWorld.make();
  const [ann, bob] = [await world.member("ann"), await world.member("bob")];
  await ann.control.create({ network: "games", password: "s3same" });
  await bob.control.join({ network: "games", password: "s3same" });
  const reached = async () => (await ann.ping("bob", 1, 500))[0]!.rttMs !== null;
  await until("an answer", reached, 8_000);
  const { address4 } = bob.engine;
  const file = `${world.stateDir("bob")}.backup`;
  makeBackup({ stateDir: world.stateDir("bob"), file, password: "b4ckup" });
  await bob.stop();
  restoreBackup({ stateDir: world.stateDir("moved"), file, password: "b4ckup", force: false });
  const moved = await world.member("moved", { nick: "bob" });
  assert.equal(moved.engine.address4, address4);
  assert.equal((await ann.control.verify({ peer: address4, install: null, acceptNew: false })).state, "pinned");
  await until("an answer from the other computer", reached, 12_000);
});
