/** What plans allow: every limit of the published descriptions of Hamachi, and single limits that an operator sets. */
import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import {
  NETWORK_FLAG,
  NETWORK_KIND,
  PRIVILEGE,
  RELAY_CLASS,
  RESULT_CODE,
  ticket,
  TUNNEL_REASON,
} from "../../src/protocol/mod.ts";
import { showAccount } from "../../src/server/mod.ts";
import { joinVerifierOf } from "../../src/server/policy.ts";
import { parsePolicy } from "../../src/server/policy_file.ts";
import { type PlanLimits, POLICIES, relayServiceOf, subscriptionOf } from "../../src/server/plans.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import { createNetwork, joinNetwork } from "../../src/server/registry.ts";
import {
  announce,
  ban,
  evict,
  handOver,
  setAccess,
  setAdmin,
  setPassword,
  setPlain,
  setWelcome,
} from "../../src/server/registry_powers.ts";
import type { Account, Network, PlanName, StoreTransaction } from "../../src/server/store.ts";
import { startTestServer } from "./server_support.ts";
import { makeTestStore, type TestStore } from "./store_support.ts";

const VERIFIER = joinVerifierOf(true, new Uint8Array(32).fill(1));

/** A store of a server with Hamachi's plans. */
async function hamachi(): Promise<TestStore> {
  const test = await makeTestStore();
  test.context.policy = POLICIES.hamachi;
  return test;
}

async function account(test: TestStore, plan: PlanName): Promise<Account> {
  const made = { ...await test.newAccount(), plan };
  await test.store.write((tx) => tx.updateAccount(made));
  return made;
}

function create(test: TestStore, { clientId }: Account, name: string, joinVerifier = VERIFIER): Promise<Network> {
  return test.store.write((tx) => createNetwork(tx, test.context, clientId, { name, kind: "mesh", joinVerifier }));
}

function join(test: TestStore, { clientId }: Account, name: string) {
  return test.store.write((tx) => joinNetwork(tx, test.context, clientId, name, VERIFIER));
}

async function refuses(work: Promise<unknown>, refusal: Refusal): Promise<void> {
  await assert.rejects(work, { name: "RefusedError", refusal });
}

/** Puts so many members into a network, without accounts of a plan that could run out. */
async function fill(test: TestStore, network: Network, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await join(test, await account(test, "premium"), network.name);
}

Deno.test("S82: a free account's network has 16 members, S83: a premium one's 256", async () => {
  await using test = await hamachi();
  const network = await create(test, await account(test, "free"), "free net");
  await fill(test, network, 15);
  await refuses(join(test, await account(test, "premium"), "free net"), "networkFull");
  const { free, premium } = POLICIES.hamachi.plans;
  assert.deepEqual([free.membersPerNetwork, premium.membersPerNetwork], [16, 256]);
});

for (const [plan, most] of [["free", 64], ["premium", 256]] as const) {
  Deno.test(`S82, S83: a ${plan} account is in ${most} networks, own ones included`, async () => {
    await using test = await hamachi();
    const [ann, bob] = [await account(test, plan), await account(test, "premium")];
    await create(test, bob, "bob's net");
    await test.store.write(async (tx) => {
      for (let at = 0; at < most - 1; at++) {
        const wanted = { name: `network ${at}`, kind: "mesh", joinVerifier: VERIFIER } as const;
        await createNetwork(tx, test.context, ann.clientId, wanted);
      }
    });
    await join(test, ann, "bob's net");
    await refuses(create(test, ann, "one more"), "limitReached");
    await create(test, bob, "another");
    await refuses(join(test, ann, "another"), "limitReached");
  });
}

Deno.test("S84, S85: a free account's network has a password, at first and later", async () => {
  await using test = await hamachi();
  const [free, premium] = [await account(test, "free"), await account(test, "premium")];
  await refuses(create(test, free, "open house", null), "notPermitted");
  await create(test, premium, "open house", null);
  const none = { joinVerifier: null, sealing: new Uint8Array() };
  for (const [owner, name] of [[free, "free net"], [premium, "paid net"]] as const) {
    const { networkId } = await create(test, owner, name);
    const change = test.store.write((tx) =>
      setPassword(tx, test.context, { clientId: owner.clientId, networkId }, none)
    );
    if (owner === premium) await change;
    else await refuses(change, "notPermitted");
  }
});

/** What only the owner's plan decides, by the line that says so. */
const FEATURES: Record<
  string,
  (tx: StoreTransaction, test: TestStore, deed: {
    clientId: number;
    networkId: number;
    targetId: number;
  }) => Promise<unknown>
> = {
  "S86: locking": (tx, { context }, deed) => setAccess(tx, context, deed, { isLocked: true, approval: null }),
  "S87: approving": (tx, { context }, deed) => setAccess(tx, context, deed, { isLocked: null, approval: "manual" }),
  "S89: banning": (tx, { context }, deed) => ban(tx, context, deed, { untilMs: 0, reason: "" }),
  "S97: administrators": (tx, { context }, deed) => setAdmin(tx, context, deed, PRIVILEGE.evict),
  "S98: the welcome": (tx, { context }, deed) => setWelcome(tx, context, deed, "hi"),
  "S100: plain tunnels": (tx, { context }, deed) => setPlain(tx, context, deed, true),
  "S99: announcements": (tx, { context }, deed) => announce(tx, context, deed, "hi"),
};

for (const [name, use] of Object.entries(FEATURES)) {
  Deno.test(`${name} is for networks of premium accounts`, async () => {
    await using test = await hamachi();
    for (const plan of ["free", "premium"] as const) {
      const [owner, member] = [await account(test, plan), await account(test, "premium")];
      const { networkId } = await create(test, owner, `${plan} net`);
      await join(test, member, `${plan} net`);
      const deed = { clientId: owner.clientId, networkId, targetId: member.clientId };
      const used = test.store.write((tx) => use(tx, test, deed));
      if (plan === "premium") await used;
      else await refuses(used, "notPermitted");
    }
  });
}

Deno.test("what a plan lacks can still be switched off", async () => {
  await using test = await hamachi();
  const owner = await account(test, "free");
  const { networkId } = await create(test, owner, "free net");
  const deed = { clientId: owner.clientId, networkId };
  await test.store.write((tx) => setAccess(tx, test.context, deed, { isLocked: false, approval: "auto" }));
  await test.store.write((tx) => setWelcome(tx, test.context, deed, ""));
});

Deno.test("S97: an administrator is premium itself, and loses its powers with its plan or the owner's", async () => {
  await using test = await hamachi();
  const [owner, admin, free] = [
    await account(test, "premium"),
    await account(test, "premium"),
    await account(test, "free"),
  ];
  const { networkId } = await create(test, owner, "Home LAN");
  for (const member of [admin, free]) await join(test, member, "Home LAN");
  const name = (target: Account) =>
    test.store.write((tx) =>
      setAdmin(tx, test.context, { clientId: owner.clientId, networkId, targetId: target.clientId }, PRIVILEGE.evict)
    );
  await refuses(name(free), "notPermitted");
  await name(admin);
  const undo = new Error("undo");
  const useIt = () =>
    test.store.write(async (tx) => {
      await evict(tx, test.context, { clientId: admin.clientId, networkId, targetId: free.clientId });
      throw undo;
    });
  await assert.rejects(useIt(), undo);
  for (const who of [admin, owner]) {
    await test.store.write((tx) => tx.updateAccount({ ...who, plan: "free" }));
    await refuses(useIt(), "notPermitted");
    await test.store.write((tx) => tx.updateAccount(who));
  }
  await assert.rejects(useIt(), undo);
});

Deno.test("a network is not handed over to a plan that it is too large for", async () => {
  await using test = await hamachi();
  const [owner, free] = [await account(test, "premium"), await account(test, "free")];
  const network = await create(test, owner, "Home LAN");
  await join(test, free, "Home LAN");
  const deed = { clientId: owner.clientId, networkId: network.networkId, targetId: free.clientId };
  await fill(test, network, 15);
  await refuses(test.store.write((tx) => handOver(tx, test.context, deed)), "limitReached");
});

Deno.test("S77, S79, S104: two free ends get the low relay class, one premium end lifts both", () => {
  const { hamachi, open } = POLICIES;
  assert.deepEqual(relayServiceOf(hamachi, "free", "free"), { class: RELAY_CLASS.low, rateKbit: 64 });
  assert.deepEqual(relayServiceOf(hamachi, "free", "premium"), { class: RELAY_CLASS.high, rateKbit: 0 });
  assert.deepEqual(relayServiceOf(hamachi, "premium", "free"), { class: RELAY_CLASS.high, rateKbit: 0 });
  assert.deepEqual(relayServiceOf(open, "free", "free"), { class: RELAY_CLASS.high, rateKbit: 0 });
});

Deno.test("relayServiceOf takes the faster rate of two ends of one class, and none for no limit", () => {
  const limited = (free: Partial<PlanLimits>, premium: Partial<PlanLimits>) => ({
    ...POLICIES.open,
    plans: {
      free: { ...POLICIES.open.plans.free, ...free },
      premium: { ...POLICIES.open.plans.premium, ...premium },
    },
  });
  const rate = (a: number, b: number) =>
    relayServiceOf(limited({ relayRateKbit: a }, { relayRateKbit: b }), "free", "premium").rateKbit;
  assert.deepEqual([rate(100, 200), rate(200, 100), rate(0, 100), rate(100, 0)], [200, 200, 0, 0]);
});

Deno.test("S100, S102, S103, S108: the policy says what chat, plain tunnels and proxies may do", () => {
  const { free, premium } = POLICIES.hamachi.plans;
  assert.deepEqual(
    [free.plainTunnels, free.offlineMessages, free.networkChat, free.proxyQuotaBytes],
    [false, false, "receive", 2_500_000],
  );
  assert.deepEqual(
    [premium.plainTunnels, premium.offlineMessages, premium.networkChat, premium.proxyQuotaBytes],
    [true, true, "send", null],
  );
});

Deno.test("subscriptionOf names the plan, and no plan where there is no difference", () => {
  assert.equal(subscriptionOf(POLICIES.open, "premium"), "Open");
  assert.deepEqual((["free", "premium"] as const).map((plan) => subscriptionOf(POLICIES.hamachi, plan)), [
    "Free",
    "Premium",
  ]);
});

Deno.test("parsePolicy takes the base and changes what the file names", () => {
  assert.deepEqual(parsePolicy('{"policy":"open"}', "p"), POLICIES.open);
  const policy = parsePolicy(
    '{"policy":"hamachi","defaultPlan":"premium","plans":{"free":{"membersPerNetwork":8,"proxyQuotaBytes":null}}}',
    "p",
  );
  assert.equal(policy.defaultPlan, "premium");
  assert.deepEqual(policy.plans.free, {
    ...POLICIES.hamachi.plans.free,
    membersPerNetwork: 8,
    proxyQuotaBytes: null,
  });
  assert.deepEqual(policy.plans.premium, POLICIES.hamachi.plans.premium);
});

for (
  const [text, message] of [
    ["", /it is not JSON/],
    ["[]", /policy is missing/],
    ["null", /the file is missing or no record/],
    ["{}", /policy/],
    ['{"policy":"closed"}', /policy must be open or hamachi/],
    ['{"policy":"open","plan":{}}', /plan is nothing that a policy has/],
    ['{"policy":"open","defaultPlan":"gold"}', /defaultPlan must be free or premium/],
    ['{"policy":"open","plans":{"gold":{}}}', /plans\.gold is nothing that a policy has/],
    [
      '{"policy":"open","plans":{"free":{"membersPerNetwork":257}}}',
      /membersPerNetwork must be a whole number from 2 to 256/,
    ],
    ['{"policy":"open","plans":{"free":{"membersPerNetwork":1}}}', /a whole number from 2 to 256/],
    ['{"policy":"open","plans":{"free":{"networksPerAccount":2.5}}}', /a whole number from 1 to 256/],
    ['{"policy":"open","plans":{"free":{"relayClass":"fast"}}}', /plans\.free\.relayClass must be low or high/],
    ['{"policy":"open","plans":{"free":{"lockNetworks":1}}}', /plans\.free\.lockNetworks must be true or false/],
    ['{"policy":"open","plans":{"free":{"networkChat":true}}}', /networkChat must be send or receive/],
    ['{"policy":"open","plans":{"free":{"proxyQuotaBytes":-1}}}', /proxyQuotaBytes/],
    ['{"policy":"open","plans":{"free":{"members":5}}}', /plans\.free\.members is nothing that a policy has/],
  ] as const
) {
  Deno.test(`parsePolicy refuses ${text || "an empty file"}`, () => {
    assert.throws(() => parsePolicy(text, "policy.json"), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.match(error.message, /^Cannot use the policy policy\.json: .+$/);
      assert.equal(error.exitCode, 2);
      return true;
    });
  });
}

Deno.test("a plan that the operator sets takes effect while the server runs, and is told to the members", async () => {
  await using test = await startTestServer({ policy: POLICIES.hamachi });
  await using ann = await test.connect({ nick: "Ann" });
  await using bob = await test.join({ nick: "Bob" });
  const { clientId } = await ann.next("welcome");
  const password = { hasPassword: true, joinSecret: new Uint8Array(32).fill(1) };
  const { networkId } = await ann.ask("create", { name: "Home LAN", kind: NETWORK_KIND.mesh, ...password });
  await bob.must("join", { name: "Home LAN", ...password });
  const { head } = await bob.next("network");
  assert.deepEqual([head.capacity, head.subscription], [16, "Free"]);
  const refused = await ann.request("setMessage", { networkId, welcome: "hi" });
  assert.equal(refused.code, RESULT_CODE.notPermitted);
  await ann.must("tunnelRequest", { peer: bob.address, reason: TUNNEL_REASON.wanted });
  const before = await bob.next("rendezvous");
  assert.equal(ticket.decode(before.relays[0]!.ticket).class, RELAY_CLASS.low);
  const shown = await showAccount(test.dataDir, clientId, "premium");
  assert.deepEqual([shown.nick, shown.plan, shown.networkCount], ["Ann", "premium", 1]);
  const told = await bob.next("networkChanged");
  assert.deepEqual([told.head.capacity, told.head.subscription], [256, "Premium"]);
  await ann.must("setMessage", { networkId, welcome: "hi" });
  await ann.must("tunnelRequest", { peer: bob.address, reason: TUNNEL_REASON.spiRefused });
  const after = await bob.next("rendezvous");
  assert.equal(ticket.decode(after.relays[0]!.ticket).class, RELAY_CLASS.high);
  await ann.close();
  await test.restart();
  assert.equal((await showAccount(test.dataDir, clientId)).plan, "premium");
});

Deno.test("S100: a member is told that tunnels may be plain while its own plan and the owner's both allow it", async () => {
  await using test = await startTestServer({ policy: POLICIES.hamachi });
  await using ann = await test.connect({ nick: "Ann" });
  await using bob = await test.connect({ nick: "Bob" });
  const [{ clientId: annId }, { clientId: bobId }] = [await ann.next("welcome"), await bob.next("welcome")];
  const password = { hasPassword: true, joinSecret: new Uint8Array(32).fill(1) };
  const { networkId } = await ann.ask("create", { name: "Home LAN", kind: NETWORK_KIND.mesh, ...password });
  await bob.must("join", { name: "Home LAN", ...password });
  await bob.next("network");
  const isAllowed = async () => {
    const { head } = await bob.next("networkChanged");
    return (head.flags & NETWORK_FLAG.plainTunnelsAllowed) !== 0;
  };
  await showAccount(test.dataDir, annId, "premium");
  assert.equal(await isAllowed(), false);
  await ann.must("setPlain", { networkId, plain: true });
  assert.equal(await isAllowed(), false, "Bob is a free member");
  await showAccount(test.dataDir, bobId, "premium");
  assert.equal(await isAllowed(), true);
  await showAccount(test.dataDir, annId, "free");
  assert.equal(await isAllowed(), false);
});

Deno.test("showAccount refuses what is no server's folder, and an account that is not there", async () => {
  await using test = await startTestServer();
  await assert.rejects(showAccount(test.dataDir, 5), /there is none with this client id/);
  const empty = Deno.makeTempDirSync({ prefix: "buri-empty-" });
  await assert.rejects(showAccount(empty, 5), /no server has run with this data folder/);
  assert.deepEqual([...Deno.readDirSync(empty)], []);
  Deno.removeSync(empty);
});
