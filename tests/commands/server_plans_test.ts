import assert from "node:assert/strict";
import { POLICIES } from "../../src/server/plans.ts";
import { CliWorld } from "../support/cli_world.ts";

/** The policies of the server itself; `seen` are the files asked for. */
function policyWorld(name: keyof typeof POLICIES): { world: CliWorld; seen: (string | undefined)[] } {
  const seen: (string | undefined)[] = [];
  const { plans: { free, premium }, ...policy } = POLICIES[name];
  const view = { ...policy, plans: { free: { ...free }, premium: { ...premium } } };
  const readPolicy = (file: string | undefined) => {
    seen.push(file);
    return Promise.resolve(view);
  };
  return { world: new CliWorld({ roles: { readPolicy } }), seen };
}

Deno.test("server policy explains every limit of every plan", async () => {
  const { world, seen } = policyWorld("hamachi");
  assert.equal(await world.run("server", "policy", "./policy.json"), 0);
  assert.deepEqual(seen, ["./policy.json"]);
  assert.deepEqual(world.stdout, [
    "policy hamachi, new accounts are free",
    "",
    "                                free        premium",
    "members of a network            16          256",
    "networks of an account          64          256",
    "relay class                     low         high",
    "relay speed in kbit/s           64          no limit",
    "networks without password       no          yes",
    "locking networks                no          yes",
    "approving members by hand       no          yes",
    "banning                         no          yes",
    "administrators                  no          yes",
    "welcome and announcements       no          yes",
    "tunnels without encryption      no          yes",
    "messages to those who are away  no          yes",
    "chat with a whole network       receive     send",
    "bytes through a web proxy       2500000     no limit",
  ]);
});

Deno.test("server policy without a file shows what a server without one allows, as JSON by the names of the file", async () => {
  const { world, seen } = policyWorld("open");
  assert.equal(await world.run("server", "policy", "--json"), 0);
  assert.deepEqual(seen, [undefined]);
  const { plans } = JSON.parse(world.stdout[0]!) as { plans: Record<string, object> };
  assert.deepEqual(plans["free"], POLICIES.open.plans.free);
});

Deno.test("server account gives an account a plan and shows it", async () => {
  const seen: unknown[] = [];
  const account = { id: "090-123-456", nick: "bob", address4: "10.77.0.2", plan: "premium", networkCount: 3 };
  const showAccount = (options: unknown) => {
    seen.push(options);
    return Promise.resolve(account);
  };
  const world = new CliWorld({ roles: { showAccount } });
  assert.equal(await world.run("server", "account", "090-123-456", "--plan", "premium", "--data", "/d"), 0);
  assert.deepEqual(seen, [{ dataDir: "/d", id: "090-123-456", plan: "premium" }]);
  assert.deepEqual(world.stdout, [
    "  client id : 090-123-456",
    "  nickname  : bob",
    "  address   : 10.77.0.2",
    "  plan      : premium",
    "  networks  : 3",
  ]);
  const again = new CliWorld({ roles: { showAccount } });
  assert.equal(await again.run("server", "account", "090-123-456", "--data", "/d", "--json"), 0);
  assert.deepEqual(JSON.parse(again.stdout[0]!), account);
  assert.deepEqual(seen[1], { dataDir: "/d", id: "090-123-456" });
});

Deno.test("server account refuses other plans and ids before it looks for the account", async () => {
  for (
    const [words, complaint] of [
      [["bob", "--data", "/d"], "Cannot use the account bob: it takes a client id, such as 090-123-456"],
      [["090-123-456", "--plan", "gold", "--data", "/d"], "Cannot use --plan gold: it takes free or premium"],
    ] as const
  ) {
    const world = new CliWorld();
    assert.equal(await world.run("server", "account", ...words), 2);
    assert.deepEqual(world.stderr, [complaint]);
  }
});
