/** Who may do what in a network: every role against every action, on a store. */
import assert from "node:assert/strict";
import { PRIVILEGE } from "../../src/protocol/mod.ts";
import { joinVerifierOf } from "../../src/server/policy.ts";
import { ALL_PRIVILEGES } from "../../src/server/powers.ts";
import type { Refusal } from "../../src/server/refusal.ts";
import { createNetwork, deleteNetwork, joinNetwork, leaveNetwork } from "../../src/server/registry.ts";
import {
  announce,
  approve,
  ban,
  type DeedToMember,
  evict,
  handOver,
  listBans,
  reject,
  setAccess,
  setAdmin,
  setHub,
  setPassword,
  setPlain,
  setWelcome,
  unban,
} from "../../src/server/registry_powers.ts";
import type { RegistryContext } from "../../src/server/registry.ts";
import type { Account, StoreTransaction } from "../../src/server/store.ts";
import { makeTestStore, type TestStore } from "./store_support.ts";

const VERIFIER = joinVerifierOf(true, new Uint8Array(32).fill(1));
const OTHER_VERIFIER = joinVerifierOf(true, new Uint8Array(32).fill(2));
const NO_SEALING = new Uint8Array();

type Action = (transaction: StoreTransaction, context: RegistryContext, deed: DeedToMember) => Promise<unknown>;

/** Each action with the privilege that allows it (null = the owner only), done to a member or to one who waits. */
const ACTIONS: Record<string, { by: keyof typeof PRIVILEGE | null; to: "member" | "pending"; act: Action }> = {
  "set the password": {
    by: "setPassword",
    to: "member",
    act: (tx, context, deed) => setPassword(tx, context, deed, { joinVerifier: OTHER_VERIFIER, sealing: NO_SEALING }),
  },
  "lock": {
    by: "changeAccess",
    to: "member",
    act: (tx, context, deed) => setAccess(tx, context, deed, { isLocked: true, approval: null }),
  },
  "approve by hand": {
    by: "changeAccess",
    to: "member",
    act: (tx, context, deed) => setAccess(tx, context, deed, { isLocked: null, approval: "manual" }),
  },
  "approve": { by: "approve", to: "pending", act: (tx, context, deed) => approve(tx, context, deed) },
  "reject": { by: "approve", to: "pending", act: reject },
  "evict": { by: "evict", to: "member", act: evict },
  "ban": { by: "ban", to: "member", act: (tx, context, deed) => ban(tx, context, deed, { untilMs: 0, reason: "" }) },
  "unban": {
    by: "ban",
    to: "member",
    act: async (tx, context, deed) => {
      const { networkId, targetId: clientId } = deed;
      await tx.putBan({ networkId, clientId, nick: "", bannedAtMs: 1, untilMs: 0, reason: "" }, []);
      await unban(tx, context, deed);
    },
  },
  "list bans": { by: "ban", to: "member", act: listBans },
  "set the welcome": { by: "messages", to: "member", act: (tx, context, deed) => setWelcome(tx, context, deed, "hi") },
  "announce": {
    by: "messages",
    to: "member",
    act: (tx, context, deed) => announce(tx, context, deed, "hi"),
  },
  "allow plain tunnels": { by: null, to: "member", act: (tx, context, deed) => setPlain(tx, context, deed, true) },
  "name administrators": { by: null, to: "member", act: (tx, context, deed) => setAdmin(tx, context, deed, 1) },
  "name hubs": { by: null, to: "member", act: (tx, context, deed) => setHub(tx, context, deed, true) },
  "hand over": { by: null, to: "member", act: handOver },
  "delete": {
    by: null,
    to: "member",
    act: async (tx, _context, { clientId, networkId }) =>
      await deleteNetwork(tx, (await tx.account(clientId))!, networkId),
  },
};

interface Cast {
  owner: Account;
  actor: Account;
  member: Account;
  pending: Account;
  networkId: number;
}

/** A hub-and-spoke network in which `actor` is what `role` says; it knows every action. */
async function cast(test: TestStore, role: string): Promise<Cast> {
  const [owner, actor, member, pending] = [
    await test.newAccount(),
    await test.newAccount(),
    await test.newAccount(),
    await test.newAccount(),
  ];
  const networkId = await test.store.write(async (tx) => {
    const wanted = { name: "Home LAN", kind: "hub-and-spoke", joinVerifier: VERIFIER } as const;
    const { networkId } = await createNetwork(tx, test.context, owner.clientId, wanted);
    const join = (account: Account) => joinNetwork(tx, test.context, account.clientId, "Home LAN", VERIFIER);
    const deed = { clientId: owner.clientId, networkId, targetId: actor.clientId };
    await join(member);
    if (!["owner", "stranger", "pending"].includes(role)) await join(actor);
    await setAccess(tx, test.context, deed, { isLocked: null, approval: "manual" });
    await join(pending);
    if (role === "pending") await join(actor);
    if (role === "banned") await ban(tx, test.context, deed, { untilMs: 0, reason: "" });
    if (role in PRIVILEGE) await setAdmin(tx, test.context, deed, PRIVILEGE[role as keyof typeof PRIVILEGE]);
    return networkId;
  });
  return { owner, actor: role === "owner" ? owner : actor, member, pending, networkId };
}

/** What comes of an action: a refusal, or `done`; nothing of it stays. */
async function outcome(test: TestStore, { actor, member, pending, networkId }: Cast, name: string): Promise<string> {
  const { act, to } = ACTIONS[name]!;
  const targetId = (to === "member" ? member : pending).clientId;
  const undo = new Error("undo");
  try {
    await test.store.write(async (tx) => {
      await act(tx, test.context, { clientId: actor.clientId, networkId, targetId });
      throw undo;
    });
  } catch (error) {
    return error === undo ? "done" : (error as { refusal: Refusal }).refusal;
  }
  throw new Error("unreachable");
}

function expected(role: string, name: string): string {
  if (role === "owner") return "done";
  if (role === "stranger" || role === "banned") return "networkNotFound";
  return role in PRIVILEGE && ACTIONS[name]!.by === role ? "done" : "notPermitted";
}

for (const role of ["owner", ...Object.keys(PRIVILEGE), "member", "pending", "banned", "stranger"]) {
  Deno.test(
    `powers of ${role}: ${Object.keys(ACTIONS).filter((name) => expected(role, name) === "done").length} of ${
      Object.keys(ACTIONS).length
    } actions`,
    async () => {
      await using test = await makeTestStore();
      const players = await cast(test, role);
      for (const name of Object.keys(ACTIONS)) {
        assert.equal(await outcome(test, players, name), expected(role, name), `${role} wants to ${name}`);
      }
    },
  );
}

/** A network of `owner` with two administrators that have every privilege, and a member. */
async function court(test: TestStore) {
  const [owner, ann, bob, member] = [
    await test.newAccount(),
    await test.newAccount(),
    await test.newAccount(),
    await test.newAccount(),
  ];
  const networkId = await test.store.write(async (tx) => {
    const wanted = { name: "Home LAN", kind: "mesh", joinVerifier: VERIFIER } as const;
    const { networkId } = await createNetwork(tx, test.context, owner.clientId, wanted);
    for (const { clientId } of [ann, bob, member]) await joinNetwork(tx, test.context, clientId, "Home LAN", VERIFIER);
    for (const { clientId: targetId } of [ann, bob]) {
      await setAdmin(tx, test.context, { clientId: owner.clientId, networkId, targetId }, ALL_PRIVILEGES);
    }
    return networkId;
  });
  return { owner, ann, bob, member, networkId };
}

async function refuses(work: Promise<unknown>, refusal: Refusal): Promise<void> {
  await assert.rejects(work, { name: "RefusedError", refusal });
}

Deno.test("evict and ban reach no owner, no equal and not oneself", async () => {
  await using test = await makeTestStore();
  const { owner, ann, bob, networkId } = await court(test);
  const forGood = { untilMs: 0, reason: "" };
  for (const target of [owner, bob, ann]) {
    const deed = { clientId: ann.clientId, networkId, targetId: target.clientId };
    await refuses(test.store.write((tx) => evict(tx, test.context, deed)), "notPermitted");
    await refuses(test.store.write((tx) => ban(tx, test.context, deed, forGood)), "notPermitted");
  }
  const own = { clientId: owner.clientId, networkId, targetId: owner.clientId };
  await refuses(test.store.write((tx) => evict(tx, test.context, own)), "notPermitted");
  await refuses(test.store.write((tx) => ban(tx, test.context, own, forGood)), "notPermitted");
  await test.store.write((tx) => evict(tx, test.context, { ...own, targetId: ann.clientId }));
});

Deno.test("evict lets the evicted join again, ban does not until it ends", async () => {
  await using test = await makeTestStore();
  const { owner, member, networkId } = await court(test);
  const deed = { clientId: owner.clientId, networkId, targetId: member.clientId };
  const join = () => test.store.write((tx) => joinNetwork(tx, test.context, member.clientId, "Home LAN", VERIFIER));
  await test.store.write((tx) => evict(tx, test.context, deed));
  await join();
  const untilMs = test.context.nowMs + 7_200_000;
  await test.store.write((tx) => ban(tx, test.context, deed, { untilMs, reason: "spam" }));
  assert.equal(await test.store.read((tx) => tx.membership(networkId, member.clientId)), null);
  await assert.rejects(join(), { refusal: "banned", details: "You are banned until 2023-11-15 00:13 UTC: spam" });
  await test.reopen();
  await refuses(join(), "banned");
  test.context.nowMs = untilMs;
  await join();
});

Deno.test("a ban is told only to those who know the password", async () => {
  await using test = await makeTestStore();
  const { owner, member, networkId } = await court(test);
  const deed = { clientId: owner.clientId, networkId, targetId: member.clientId };
  await test.store.write((tx) => ban(tx, test.context, deed, { untilMs: 0, reason: "" }));
  const join = (verifier: Uint8Array | null) =>
    test.store.write((tx) => joinNetwork(tx, test.context, member.clientId, "Home LAN", verifier));
  await refuses(join(OTHER_VERIFIER), "invalidPassword");
  await refuses(join(VERIFIER), "banned");
});

Deno.test("a ban holds for every key that the account had, whatever account the key comes back with", async () => {
  await using test = await makeTestStore();
  const { owner, member, networkId } = await court(test);
  const deed = { clientId: owner.clientId, networkId, targetId: member.clientId };
  const keys = await test.store.read((tx) => tx.keysOf(member.clientId));
  const { clientId } = await test.store.write(async (tx) => {
    await ban(tx, test.context, deed, { untilMs: 0, reason: "" });
    await tx.deleteAccount(member, 1);
    const again = { ...member, clientId: member.clientId === 1 ? 2 : 1, virtualAddress: member.virtualAddress + 1 };
    await tx.insertAccount(again, keys.map((key) => ({ ...key, clientId: again.clientId })));
    return again;
  });
  await refuses(test.store.write((tx) => joinNetwork(tx, test.context, clientId, "Home LAN", VERIFIER)), "banned");
  await test.store.write((tx) => unban(tx, test.context, deed));
  await test.store.write((tx) => joinNetwork(tx, test.context, clientId, "Home LAN", VERIFIER));
});

Deno.test("ban says the same of ids with and without an account", async () => {
  await using test = await makeTestStore();
  const { owner, networkId } = await court(test);
  const eve = await test.newAccount();
  for (const targetId of [eve.clientId, 77]) {
    const deed = { clientId: owner.clientId, networkId, targetId };
    const former = await test.store.write((tx) => ban(tx, test.context, deed, { untilMs: 0, reason: "" }));
    assert.equal(former, null);
  }
});

Deno.test("ban takes at most 256 bans that are in force, and cuts long reasons between characters", async () => {
  await using test = await makeTestStore();
  const { owner, networkId } = await court(test);
  const banned = (targetId: number, untilMs: number, reason = "") =>
    test.store.write((tx) =>
      ban(tx, test.context, { clientId: owner.clientId, networkId, targetId }, { untilMs, reason })
    );
  await test.store.write(async (tx) => {
    for (let id = 1; id <= 256; id++) {
      const untilMs = id === 7 ? test.context.nowMs - 1 : 0;
      await tx.putBan({ networkId, clientId: 900_000_000 + id, nick: "", bannedAtMs: 1, untilMs, reason: "" }, []);
    }
  });
  await banned(900_000_500, 0, "ä".repeat(60));
  await refuses(banned(900_000_501, 0), "limitReached");
  const bans = await test.store.read((tx) => listBans(tx, test.context, { clientId: owner.clientId, networkId }));
  assert.equal(bans.length, 256);
  assert.equal(bans.find(({ clientId }) => clientId === 900_000_500)!.reason, "ä".repeat(48));
  await refuses(banned(900_000_001, test.context.nowMs), "notUnderstood");
});

Deno.test("handOver makes a member the owner, and the former one a member without privileges", async () => {
  await using test = await makeTestStore();
  const { owner, ann, networkId } = await court(test);
  const deed = { clientId: owner.clientId, networkId, targetId: ann.clientId };
  await test.store.write((tx) => handOver(tx, test.context, deed));
  await refuses(test.store.write((tx) => leaveNetwork(tx, ann, networkId)), "isOwner");
  await refuses(test.store.write((tx) => evict(tx, test.context, deed)), "notPermitted");
  await test.store.write((tx) => leaveNetwork(tx, owner, networkId));
});

Deno.test("setAdmin and handOver take full members only", async () => {
  await using test = await makeTestStore();
  const { owner, pending, networkId } = await cast(test, "member");
  const deed = { clientId: owner.clientId, networkId, targetId: pending.clientId };
  await refuses(test.store.write((tx) => setAdmin(tx, test.context, deed, 1)), "notPermitted");
  await refuses(test.store.write((tx) => handOver(tx, test.context, deed)), "notPermitted");
  await refuses(test.store.write((tx) => setAdmin(tx, test.context, { ...deed, targetId: 5 }, 1)), "peerNotFound");
});

Deno.test("setAdmin refuses bits that mean nothing", async () => {
  await using test = await makeTestStore();
  const { owner, ann, networkId } = await court(test);
  const deed = { clientId: owner.clientId, networkId, targetId: ann.clientId };
  await refuses(test.store.write((tx) => setAdmin(tx, test.context, deed, 0x40)), "notUnderstood");
});

Deno.test("approve and reject are for those who wait", async () => {
  await using test = await makeTestStore();
  const { owner, member, pending, networkId } = await cast(test, "member");
  const deed = (targetId: number) => ({ clientId: owner.clientId, networkId, targetId });
  for (const work of [reject, approve]) {
    await refuses(test.store.write((tx) => work(tx, test.context, deed(member.clientId))), "notAwaitingApproval");
  }
  const { membership } = await test.store.write((tx) => approve(tx, test.context, deed(pending.clientId)));
  assert.equal(membership.status, "member");
});

Deno.test("a power that is taken away while a deed waits its turn is gone", async () => {
  await using test = await makeTestStore();
  const { owner, ann, member, networkId } = await court(test);
  const removal = test.store.write((tx) =>
    setAdmin(tx, test.context, { clientId: owner.clientId, networkId, targetId: ann.clientId }, 0)
  );
  const eviction = test.store.write((tx) =>
    evict(tx, test.context, { clientId: ann.clientId, networkId, targetId: member.clientId })
  );
  await removal;
  await refuses(eviction, "notPermitted");
});

Deno.test("announcements are kept for members that are away, the last 16 of 30 days", async () => {
  await using test = await makeTestStore();
  const { owner, networkId } = await court(test);
  const deed = { clientId: owner.clientId, networkId };
  const say = (message: string) => test.store.write((tx) => announce(tx, test.context, deed, message));
  for (let count = 1; count <= 20; count++) await say(`news ${count}`);
  const messages = async () =>
    (await test.store.read((tx) => tx.announcementsOf(networkId, 0))).map(({ message }) => message);
  assert.deepEqual(await messages(), Array.from({ length: 16 }, (_, at) => `news ${at + 5}`));
  test.context.nowMs += 31 * 24 * 3600 * 1000;
  await say("latest");
  assert.deepEqual(await messages(), ["latest"]);
});
