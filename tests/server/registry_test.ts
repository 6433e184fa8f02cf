import assert from "node:assert/strict";
import { type PlanLimits, POLICIES, type ServerPolicy } from "../../src/server/plans.ts";
import { joinVerifierOf } from "../../src/server/policy.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import {
  addKey,
  createNetwork,
  deleteNetwork,
  joinNetwork,
  leaveNetwork,
  register,
  removeAccount,
  setNick,
  setOnline,
} from "../../src/server/registry.ts";
import type { Account, Network } from "../../src/server/store.ts";
import { makeTestStore, randomKey, type TestStore } from "./store_support.ts";

const PASSWORD = new Uint8Array(32).fill(1);
const RIGHT = joinVerifierOf(true, PASSWORD);
const WRONG = joinVerifierOf(true, new Uint8Array(32).fill(2));

function create(test: TestStore, owner: Account, name: string, joinVerifier = RIGHT): Promise<Network> {
  return test.store.write((tx) =>
    createNetwork(tx, test.context, owner.clientId, { name, kind: "mesh", joinVerifier })
  );
}

function join(test: TestStore, account: Account, name: string, verifier = RIGHT) {
  return test.store.write((tx) => joinNetwork(tx, test.context, account.clientId, name, verifier));
}

/** The open policy with other limits for everybody. */
function limitedTo(limits: Partial<PlanLimits>): ServerPolicy {
  const all = { ...POLICIES.open.plans.free, ...limits };
  return { ...POLICIES.open, plans: { free: all, premium: all } };
}

async function refuses(work: Promise<unknown>, refusal: Refusal): Promise<void> {
  await assert.rejects(work, { name: "RefusedError", refusal });
}

Deno.test("register gives an account its address and id, and gives them again for the same key", async () => {
  await using test = await makeTestStore();
  const key = randomKey(test.random);
  const registerIt = (nick: string) => test.store.write((tx) => register(tx, test.context, test.plan, nick, [key]));
  const first = await registerIt("Ann");
  assert.ok(first.clientId >= 1 && first.clientId <= 999_999_999);
  assert.equal(first.nick, "Ann");
  assert.deepEqual(await registerIt("other nick"), first);
});

Deno.test("register takes an unfit nick for none", async () => {
  await using test = await makeTestStore();
  const { nick } = await test.store.write((tx) =>
    register(tx, test.context, test.plan, " a\u202e", [randomKey(test.random)])
  );
  assert.equal(nick, "");
});

Deno.test("register refuses keys of which some are known and some are not, or of two accounts", async () => {
  await using test = await makeTestStore();
  const [a, b, c] = [randomKey(test.random), randomKey(test.random), randomKey(test.random)];
  const registerWith = (...keys: typeof a[]) =>
    test.store.write((tx) => register(tx, test.context, test.plan, "", keys));
  await registerWith(a);
  await registerWith(b);
  await refuses(registerWith(a, b), "notPermitted");
  await refuses(registerWith(a, c), "notPermitted");
  await refuses(registerWith(), "notPermitted");
});

Deno.test("addKey gives an account one key of each kind and never another account's", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const rsa = { kind: "ssh-rsa", publicKey: test.random.bytes(279) } as const;
  const add = (account: Account, key: typeof rsa | ReturnType<typeof randomKey>) =>
    test.store.write((tx) => addKey(tx, account.clientId, key));
  await add(ann, rsa);
  await add(ann, rsa);
  await refuses(add(bob, rsa), "notPermitted");
  await refuses(add(ann, { ...rsa, publicKey: test.random.bytes(279) }), "notPermitted");
  await refuses(add(bob, randomKey(test.random)), "notPermitted");
  const keys = await test.store.read((tx) => tx.keysOf(ann.clientId));
  assert.deepEqual(keys.map(({ kind }) => kind).sort(), ["ed25519", "ssh-rsa"]);
});

Deno.test("setNick changes the nick and refuses an unfit one", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  await test.store.write((tx) => setNick(tx, ann.clientId, "Ann ♥"));
  assert.equal((await test.store.read((tx) => tx.account(ann.clientId)))?.nick, "Ann ♥");
  await refuses(test.store.write((tx) => setNick(tx, ann.clientId, "")), "invalidName");
  await refuses(test.store.write((tx) => setNick(tx, ann.clientId, "a\nb")), "invalidName");
});

Deno.test("createNetwork makes its owner the first member", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  const network = await create(test, ann, "Home LAN");
  assert.deepEqual(await test.store.read((tx) => tx.network(network.networkId)), network);
  const members = await test.store.read((tx) => tx.membersOf(network.networkId));
  assert.deepEqual(members.map(({ clientId, status, isOnline }) => ({ clientId, status, isOnline })), [
    { clientId: ann.clientId, status: "member", isOnline: true },
  ]);
});

Deno.test("createNetwork refuses a taken name, one that passes for it, and an unfit one", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  await create(test, ann, "Home LAN");
  for (const name of ["Home LAN", "home lan", "HOME  LAN", "Hоme LAN"]) {
    await refuses(create(test, ann, name), "nameTaken");
  }
  for (const name of ["abc", " home", "x".repeat(65)]) await refuses(create(test, ann, name), "invalidName");
});

Deno.test("createNetwork and joinNetwork stop at the limit of networks of an account", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  await create(test, bob, "bob's net");
  test.context.policy = limitedTo({ networksPerAccount: 2 });
  await create(test, ann, "net one");
  await create(test, ann, "net two");
  await refuses(create(test, ann, "net three"), "limitReached");
  await refuses(join(test, ann, "bob's net"), "limitReached");
});

Deno.test("joinNetwork finds the network by its name key and demands its password", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const network = await create(test, ann, "Home LAN");
  await refuses(join(test, bob, "Home LAN", WRONG), "invalidPassword");
  await refuses(join(test, bob, "Home LAN", null), "invalidPassword");
  const { membership } = await join(test, bob, "hOME lan");
  assert.deepEqual(await test.store.read((tx) => tx.membership(network.networkId, bob.clientId)), membership);
  assert.equal(membership.status, "member");
});

Deno.test("joinNetwork refuses an unknown network as it refuses a wrong password", async () => {
  await using test = await makeTestStore();
  const bob = await test.newAccount();
  await refuses(join(test, bob, "nowhere"), "invalidPassword");
  await refuses(join(test, bob, "nowhere", null), "invalidPassword");
});

Deno.test("joinNetwork lets anybody into a network without a password, but nobody who thinks it has one", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  await create(test, ann, "open house", null);
  await refuses(join(test, bob, "open house", RIGHT), "invalidPassword");
  await refuses(join(test, bob, "open house", joinVerifierOf(true, new Uint8Array(32))), "invalidPassword");
  assert.equal((await join(test, bob, "open house", null)).membership.status, "member");
});

Deno.test("joinNetwork tells members and the owner that they are in already, where their password is right", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  await create(test, ann, "Home LAN");
  await join(test, bob, "Home LAN");
  await refuses(join(test, bob, "Home LAN"), "alreadyMember");
  await refuses(join(test, ann, "Home LAN"), "isOwner");
  for (const member of [ann, bob]) await refuses(join(test, member, "Home LAN", WRONG), "invalidPassword");
});

Deno.test("joinNetwork refuses a locked or full network only to those who know the password", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const full = { capacity: 1 };
  const locked = { isLocked: true };
  for (
    const [name, change, refusal] of [["full net", full, "networkFull"], ["shut net", locked, "networkLocked"]] as const
  ) {
    const network = await create(test, ann, name);
    await test.store.write(async (tx) => {
      await tx.updateNetwork({ ...network, ...change });
    });
    await refuses(join(test, bob, name, WRONG), "invalidPassword");
    await refuses(join(test, bob, name, RIGHT), refusal);
  }
});

Deno.test("joinNetwork lets nobody past the capacity, also when many try at once", async () => {
  await using test = await makeTestStore();
  test.context.policy = limitedTo({ membersPerNetwork: 4 });
  const ann = await test.newAccount();
  const network = await create(test, ann, "Home LAN");
  const others = [];
  for (let count = 0; count < 8; count++) others.push(await test.newAccount());
  const results = await Promise.allSettled(others.map((other) => join(test, other, "Home LAN")));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
  assert.equal(await test.store.read((tx) => tx.countMembers(network.networkId)), 4);
});

Deno.test("joinNetwork leads to a pending membership where the owner approves by hand", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const network = await create(test, ann, "Home LAN");
  await test.store.write(async (tx) => {
    await tx.updateNetwork({ ...network, approval: "manual" });
  });
  assert.equal((await join(test, bob, "Home LAN")).membership.status, "pending");
  await refuses(join(test, bob, "Home LAN"), "alreadyMember");
});

Deno.test("leaveNetwork, deleteNetwork and setOnline do not tell strangers that a network exists", async () => {
  await using test = await makeTestStore();
  const [ann, eve] = [await test.newAccount(), await test.newAccount()];
  const { networkId } = await create(test, ann, "Home LAN");
  for (const id of [networkId, 12345]) {
    await refuses(test.store.write((tx) => leaveNetwork(tx, eve, id)), "networkNotFound");
    await refuses(test.store.write((tx) => deleteNetwork(tx, eve, id)), "networkNotFound");
    await refuses(test.store.write((tx) => setOnline(tx, eve.clientId, id, true)), "networkNotFound");
  }
});

Deno.test("leaveNetwork is for members, deleteNetwork for the owner", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const { networkId } = await create(test, ann, "Home LAN");
  await join(test, bob, "Home LAN");
  await refuses(test.store.write((tx) => leaveNetwork(tx, ann, networkId)), "isOwner");
  await refuses(test.store.write((tx) => deleteNetwork(tx, bob, networkId)), "notPermitted");
  await test.store.write((tx) => leaveNetwork(tx, bob, networkId));
  assert.equal(await test.store.read((tx) => tx.membership(networkId, bob.clientId)), null);
  await join(test, bob, "Home LAN");
  const gone = await test.store.write((tx) => deleteNetwork(tx, ann, networkId));
  assert.deepEqual(gone.sort(), [ann.clientId, bob.clientId].sort());
  assert.deepEqual(await test.store.read((tx) => tx.membershipsOf(bob.clientId)), []);
  assert.equal(await test.store.read((tx) => tx.network(networkId)), null);
});

Deno.test("setOnline is kept", async () => {
  await using test = await makeTestStore();
  const ann = await test.newAccount();
  const { networkId } = await create(test, ann, "Home LAN");
  await test.store.write((tx) => setOnline(tx, ann.clientId, networkId, false));
  await test.reopen();
  assert.equal((await test.store.read((tx) => tx.membership(networkId, ann.clientId)))?.isOnline, false);
});

Deno.test("removeAccount refuses the owner of a network and ends all memberships of anybody else", async () => {
  await using test = await makeTestStore();
  const [ann, bob] = [await test.newAccount(), await test.newAccount()];
  const { networkId } = await create(test, ann, "Home LAN");
  await join(test, bob, "Home LAN");
  await refuses(test.store.write((tx) => removeAccount(tx, test.context, ann.clientId)), "isOwner");
  await test.store.write((tx) => removeAccount(tx, test.context, bob.clientId));
  assert.equal(await test.store.read((tx) => tx.account(bob.clientId)), null);
  assert.equal(await test.store.read((tx) => tx.countMembers(networkId)), 1);
});
