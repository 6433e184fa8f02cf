import assert from "node:assert/strict";
import { ControlError } from "../../../src/ipc/mod.ts";
import { CliWorld } from "../../support/cli_world.ts";
import { FakeEngine } from "../../support/fake_engine.ts";

/** What `leave` prints when the engine refuses it so. */
async function refusedWith(error: ControlError, ...options: string[]): Promise<[string[], string[]]> {
  const engine = new FakeEngine();
  engine.leave = () => Promise.reject(error);
  const world = new CliWorld({ engine });
  assert.equal(await world.run("leave", "office", ...options), 1);
  return [world.stdout, world.stderr];
}

Deno.test("act prints the reason where programs look for it and the hint beside it", async () => {
  const error = new ControlError("isOwner", "Delete the network instead.");
  assert.deepEqual(await refusedWith(error), [["Leaving office .. failed, you are an owner"], [
    "Delete the network instead.",
  ]]);
  const record = { ok: false, code: "isOwner", reason: "you are an owner", hint: "Delete the network instead." };
  assert.deepEqual(await refusedWith(error, "--json"), [[JSON.stringify(record)], []]);
});

Deno.test("act does not say the reason twice", async () => {
  const error = new ControlError("isOwner", "you are an owner");
  assert.deepEqual(await refusedWith(error), [["Leaving office .. failed, you are an owner"], []]);
  const record = { ok: false, code: "isOwner", reason: "you are an owner" };
  assert.deepEqual(await refusedWith(error, "--json"), [[JSON.stringify(record)], []]);
});
