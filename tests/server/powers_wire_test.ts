/** Powers over a network as members hear of them: real connections to a real server. */
import assert from "node:assert/strict";
import {
  ACCESS,
  MEMBER_CHANGE,
  MEMBER_ROLE,
  MEMBER_STATUS,
  MEMBERSHIP,
  NETWORK_FLAG,
  NETWORK_GONE,
  NETWORK_KIND,
  NOTICE,
  PRIVILEGE,
  RESULT_CODE,
  TUNNEL_CLOSED,
  TUNNEL_REASON,
} from "../../src/protocol/mod.ts";
import type { FakeClient } from "../support/fake_client.ts";
import { startTestServer, type TestServer } from "./server_support.ts";

const SECRET = new Uint8Array(32).fill(1);
const NEW_SECRET = new Uint8Array(32).fill(2);
const NO_SECRET = new Uint8Array(32);
const PASSWORD = { hasPassword: true, joinSecret: SECRET };
const AS_IT_IS: { locked: number; approval: number } = { locked: ACCESS.unchanged, approval: ACCESS.unchanged };

const join = (client: FakeClient, fields = {}) => client.request("join", { name: "Home LAN", ...PASSWORD, ...fields });

/** An owner and a member of one network, with nothing left to read, and their client ids. */
async function pair(test: TestServer, kind: number = NETWORK_KIND.mesh) {
  const [ann, bob] = [await test.connect({ nick: "Ann" }), await test.connect({ nick: "Bob" })];
  const [{ clientId: annId }, { clientId: bobId }] = [await ann.next("welcome"), await bob.next("welcome")];
  const { networkId } = await ann.ask("create", { name: "Home LAN", kind, ...PASSWORD });
  assert.equal((await join(bob)).code, 0);
  for (const client of [ann, bob]) {
    await client.settled();
    client.inbox.splice(0);
  }
  return { ann, bob, annId, bobId, networkId, close: () => Promise.all([ann.close(), bob.close()]) };
}

/** The client joins, and is asked for its id. */
async function newcomer(test: TestServer, nick: string) {
  const client = await test.connect({ nick });
  const { clientId } = await client.next("welcome");
  const { code } = await join(client);
  return { client, clientId, code };
}

Deno.test("SET PASSWORD asks newcomers for the new one and keeps the members, over a restart", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const sealing = new Uint8Array(40).fill(3);
  await ann.must("setPassword", { networkId, hasPassword: true, joinSecret: NEW_SECRET, sealing });
  assert.deepEqual((await bob.next("sealing")).sealing, sealing);
  await close();
  await test.restart();
  await using eve = await test.join();
  assert.equal((await join(eve)).code, RESULT_CODE.invalidPassword);
  assert.equal((await join(eve, { joinSecret: NEW_SECRET })).code, 0);
  assert.deepEqual((await eve.next("sealing")).sealing, sealing);
  await using again = await test.connect({ ed25519: bob.ed25519, address: bob.address });
  assert.equal((await again.next("network")).head.membership, MEMBERSHIP.member);
  assert.deepEqual((await again.next("sealing")).sealing, sealing);
});

Deno.test("SET PASSWORD without one opens the network to whoever knows its name, and says so", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const none = { hasPassword: false, joinSecret: NO_SECRET };
  await ann.must("setPassword", { networkId, ...none, sealing: new Uint8Array() });
  assert.equal((await bob.next("networkChanged")).head.flags & NETWORK_FLAG.hasPassword, 0);
  await using eve = await test.join();
  assert.equal((await join(eve)).code, RESULT_CODE.invalidPassword);
  assert.equal((await join(eve, none)).code, 0);
  await close();
});

Deno.test("SET ACCESS locks, unlocks, and changes only what it names", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const access = async (fields: Partial<typeof AS_IT_IS>) => {
    await ann.must("setAccess", { networkId, ...AS_IT_IS, ...fields });
    return (await bob.next("networkChanged")).head.flags & (NETWORK_FLAG.locked | NETWORK_FLAG.manualApproval);
  };
  assert.equal(await access({ locked: ACCESS.yes }), NETWORK_FLAG.locked);
  assert.equal(await newcomer(test, "eve").then(async ({ client, code }) => (await client.close(), code)), 6);
  assert.equal(await access({ approval: ACCESS.yes }), NETWORK_FLAG.locked | NETWORK_FLAG.manualApproval);
  assert.equal(await access({ locked: ACCESS.no }), NETWORK_FLAG.manualApproval);
  assert.equal(await access({ approval: ACCESS.no }), 0);
  const wrong = await ann.request("setAccess", { networkId, ...AS_IT_IS, locked: 7 });
  assert.equal(wrong.code, RESULT_CODE.notUnderstood);
  await close();
});

Deno.test("a member that waits sees no members and gets no tunnel until it is approved, then all", async () => {
  await using test = await startTestServer();
  const { ann, networkId, close } = await pair(test);
  await ann.must("setAccess", { networkId, ...AS_IT_IS, approval: ACCESS.yes });
  await ann.must("setMessage", { networkId, welcome: "Be nice." });
  const { client: eve, clientId } = await newcomer(test, "Eve");
  const waiting = await eve.next("network");
  assert.deepEqual([waiting.head.membership, waiting.members], [MEMBERSHIP.awaitingApproval, []]);
  assert.equal((await ann.next("member")).member.status, MEMBER_STATUS.awaitingApproval);
  const request = { peer: ann.address, reason: TUNNEL_REASON.wanted };
  assert.equal((await eve.request("tunnelRequest", request)).code, RESULT_CODE.peerNotFound);
  assert.deepEqual(eve.inbox.filter(({ type }) => type === "notice"), []);
  await ann.must("approve", { networkId, clientId });
  const network = await eve.next("network");
  assert.deepEqual([network.head.membership, network.members.length], [MEMBERSHIP.member, 3]);
  const welcome = await eve.next("notice");
  assert.deepEqual([welcome.kind, welcome.message], [NOTICE.welcome, "Be nice."]);
  assert.equal((await eve.request("tunnelRequest", request)).code, 0);
  await eve.close();
  await close();
});

Deno.test("REJECT sends away who waits, and it may ask again", async () => {
  await using test = await startTestServer();
  const { ann, networkId, close } = await pair(test);
  await ann.must("setAccess", { networkId, ...AS_IT_IS, approval: ACCESS.yes });
  const { client: eve, clientId } = await newcomer(test, "Eve");
  await ann.must("reject", { networkId, clientId });
  assert.equal((await eve.next("networkGone")).reason, NETWORK_GONE.rejected);
  assert.equal((await ann.next("member", ({ change }) => change === MEMBER_CHANGE.left)).member.nick, "Eve");
  assert.equal((await join(eve)).code, 0);
  await eve.close();
  await close();
});

for (
  const [request, change, gone, closed] of [
    ["evict", MEMBER_CHANGE.evicted, NETWORK_GONE.evicted, TUNNEL_CLOSED.evicted],
    ["ban", MEMBER_CHANGE.banned, NETWORK_GONE.banned, TUNNEL_CLOSED.banned],
  ] as const
) {
  Deno.test(`${request} tells all whom it concerns and ends the tunnel at both ends`, async () => {
    await using test = await startTestServer();
    const { ann, bob, bobId, networkId, close } = await pair(test);
    await using carol = await test.join();
    await join(carol);
    await ann.must("tunnelRequest", { peer: bob.address, reason: TUNNEL_REASON.wanted });
    const [atAnn, atBob] = [await ann.next("rendezvous"), await bob.next("rendezvous")];
    const deed = { networkId, clientId: bobId };
    if (request === "evict") await ann.must("evict", deed);
    else await ann.must("ban", { ...deed, until: 0n, reason: "spam" });
    assert.equal((await bob.next("networkGone")).reason, gone);
    assert.equal((await carol.next("member", (told) => told.change === change)).member.nick, "Bob");
    for (const [client, { localSpi }] of [[ann, atAnn], [bob, atBob]] as const) {
      const message = await client.next("tunnelClosed");
      assert.deepEqual([message.localSpi, message.reason], [localSpi, closed]);
    }
    const again = await bob.request("tunnelRequest", { peer: ann.address, reason: TUNNEL_REASON.wanted });
    assert.equal(again.code, RESULT_CODE.peerNotFound);
    assert.equal((await join(bob)).code, request === "evict" ? 0 : RESULT_CODE.banned);
    await close();
  });
}

Deno.test("GET BANS lists them for those who may ban, and UNBAN ends one", async () => {
  await using test = await startTestServer();
  const { ann, bob, bobId, networkId, close } = await pair(test);
  const until = BigInt(Date.now() + 60_000);
  await ann.must("ban", { networkId, clientId: bobId, until, reason: "spam" });
  const { bans } = await ann.ask("getBans", { networkId });
  assert.deepEqual(bans, [{ clientId: bobId, nick: "Bob", until, reason: "spam" }]);
  assert.equal((await bob.request("getBans", { networkId })).code, RESULT_CODE.networkNotFound);
  await ann.must("unban", { networkId, clientId: bobId });
  assert.equal((await ann.request("unban", { networkId, clientId: bobId })).code, RESULT_CODE.peerNotFound);
  assert.equal((await join(bob)).code, 0);
  await close();
});

Deno.test("SET ADMIN shows the privileges to the administrator and the role to all", async () => {
  await using test = await startTestServer();
  const { ann, bob, bobId, networkId, close } = await pair(test);
  await ann.must("setAdmin", { networkId, clientId: bobId, privileges: PRIVILEGE.messages });
  assert.equal((await bob.next("networkChanged")).head.privileges, PRIVILEGE.messages);
  assert.equal((await ann.next("member")).member.role, MEMBER_ROLE.administrator);
  await bob.must("announce", { networkId, message: "hi" });
  assert.equal((await bob.request("evict", { networkId, clientId: bobId })).code, RESULT_CODE.notPermitted);
  await close();
});

Deno.test("HAND OVER tells everybody who owns the network now", async () => {
  await using test = await startTestServer();
  const { ann, bob, bobId, networkId, close } = await pair(test);
  await ann.must("handOver", { networkId, clientId: bobId });
  assert.equal((await bob.next("networkChanged")).head.owner, bobId);
  const { head } = await ann.next("networkChanged");
  assert.deepEqual([head.owner, head.privileges], [bobId, 0]);
  assert.equal((await ann.request("delete", { networkId })).code, RESULT_CODE.notPermitted);
  await bob.must("delete", { networkId });
  await close();
});

Deno.test("a welcome comes with the first connection, also when the approval came while away, and once more", async () => {
  await using test = await startTestServer();
  const { ann, networkId, close } = await pair(test);
  await ann.must("setMessage", { networkId, welcome: "Be nice." });
  const { client: eve } = await newcomer(test, "Eve");
  const first = await eve.next("notice");
  assert.equal(first.message, "Be nice.");
  await eve.close();
  await using again = await test.connect({ ed25519: eve.ed25519, address: eve.address });
  // The server cannot know that the first one arrived; to the client it is the same one.
  assert.deepEqual(await again.next("notice"), first);
  await again.close();
  await using third = await test.join({ ed25519: eve.ed25519, address: eve.address });
  await third.settled();
  assert.deepEqual(third.inbox, []);
  await ann.must("setAccess", { networkId, ...AS_IT_IS, approval: ACCESS.yes });
  const { client: mia, clientId } = await newcomer(test, "Mia");
  await mia.close();
  await ann.must("approve", { networkId, clientId });
  await using miaAgain = await test.connect({ ed25519: mia.ed25519, address: mia.address });
  assert.equal((await miaAgain.next("notice")).message, "Be nice.");
  await close();
});

Deno.test("ANNOUNCE reaches those who are there at once and the others once, when they come", async () => {
  await using test = await startTestServer();
  const { ann, bob, annId, networkId, close } = await pair(test);
  const { client: eve } = await newcomer(test, "Eve");
  await bob.close();
  await ann.must("announce", { networkId, message: "Party at nine" });
  const told = await eve.next("notice");
  assert.deepEqual([told.kind, told.clientId, told.message], [NOTICE.announcement, annId, "Party at nine"]);
  await using again = await test.connect({ ed25519: bob.ed25519, address: bob.address });
  assert.equal((await again.next("notice")).message, "Party at nine");
  await again.close();
  await using third = await test.join({ ed25519: bob.ed25519, address: bob.address });
  await third.settled();
  assert.deepEqual(third.inbox, []);
  await eve.close();
  await close();
});

Deno.test("ANNOUNCE is for 10 messages a minute", async () => {
  await using test = await startTestServer();
  const { ann, networkId, close } = await pair(test);
  const codes = [];
  for (let count = 0; count < 11; count++) {
    codes.push((await ann.request("announce", { networkId, message: "hi" })).code);
  }
  assert.deepEqual(codes, [...Array(10).fill(0), RESULT_CODE.tooManyTries]);
  await close();
});

Deno.test("spokes see hubs only and get tunnels to them only, until one becomes a hub", async () => {
  await using test = await startTestServer();
  const { ann, bob, bobId, networkId, close } = await pair(test, NETWORK_KIND.hubAndSpoke);
  const { client: eve } = await newcomer(test, "Eve");
  const { members } = await eve.next("network");
  const roles = Object.fromEntries(members.map(({ nick, role }) => [nick, role]));
  assert.deepEqual(roles, { Ann: MEMBER_ROLE.owner, Eve: MEMBER_ROLE.member });
  assert.equal((await ann.next("member")).member.nick, "Eve");
  await bob.settled();
  assert.deepEqual(bob.inbox.filter(({ type }) => type === "member"), []);
  const toBob = { peer: bob.address, reason: TUNNEL_REASON.wanted };
  assert.equal((await eve.request("tunnelRequest", toBob)).code, RESULT_CODE.peerNotFound);
  assert.equal((await eve.request("tunnelRequest", { ...toBob, peer: ann.address })).code, 0);
  assert.equal((await eve.request("getKeys", { clientId: bobId })).code, RESULT_CODE.peerNotFound);
  await ann.must("setHub", { networkId, clientId: bobId, hub: true });
  assert.equal((await eve.next("member")).member.role, MEMBER_ROLE.hub);
  assert.deepEqual((await bob.next("network")).members.map(({ nick }) => nick).sort(), ["Ann", "Bob", "Eve"]);
  await eve.must("tunnelRequest", toBob);
  await ann.must("setHub", { networkId, clientId: bobId, hub: false });
  assert.equal((await eve.next("member")).change, MEMBER_CHANGE.left);
  assert.equal((await bob.next("tunnelClosed")).reason, TUNNEL_CLOSED.noCommonNetwork);
  assert.equal((await eve.request("tunnelRequest", toBob)).code, RESULT_CODE.peerNotFound);
  await eve.close();
  await close();
});

Deno.test("SET PLAIN shows the members that tunnels may go without encryption, over a restart, and is the owner's alone", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId, close } = await pair(test);
  const isAllowed = ({ head }: { head: { flags: number } }) => (head.flags & NETWORK_FLAG.plainTunnelsAllowed) !== 0;
  assert.equal((await bob.request("setPlain", { networkId, plain: true })).code, RESULT_CODE.notPermitted);
  await ann.must("setPlain", { networkId, plain: true });
  for (const client of [ann, bob]) assert.ok(isAllowed(await client.next("networkChanged")));
  await close();
  await test.restart();
  await using again = await test.connect({ nick: "Eve" });
  await again.must("join", { name: "Home LAN", ...PASSWORD });
  assert.ok(isAllowed(await again.next("network")));
});
