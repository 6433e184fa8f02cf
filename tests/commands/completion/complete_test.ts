import assert from "node:assert/strict";
import { CliWorld } from "../../support/cli_world.ts";
import { WORLDS } from "../../support/cli_worlds.ts";

async function names(world: string, ...words: string[]): Promise<string[]> {
  const run = new CliWorld({ engine: WORLDS[world]?.() ?? "forbidden" });
  await run.run("__complete", ...words);
  return run.stdout;
}

Deno.test("__complete names networks, and peers by what tells them apart", async () => {
  assert.deepEqual(await names("peers", "networks", ""), ["game night", "office"]);
  const peers = await names("peers", "peers", "", "ping", "-c", "3");
  assert.deepEqual(peers, [
    "bob",
    "-=carol of the very long nickname=-",
    "erin",
    "090-123-461",
    "090-123-458",
    "090-123-459",
  ]);
  assert.ok((await names("peers", "peers", "10.")).includes("10.77.0.2"));
});

Deno.test("__complete leaves out names that cannot be shown as they are", async () => {
  assert.deepEqual(await names("hostile", "networks", ""), []);
  assert.deepEqual(await names("hostile", "peers", ""), ["090-123-456", "10.9.9.9  alias: not set direct"]);
});

Deno.test("__complete is in no help and suggested to nobody", async () => {
  const world = new CliWorld();
  await world.run("help");
  await world.run("help", "--json");
  await world.run("_complete");
  assert.doesNotMatch([...world.stdout, ...world.stderr].join("\n"), /__complete/);
});
