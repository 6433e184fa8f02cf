/** Invites to networks over the wire: real connections to a real server. */
import assert from "node:assert/strict";
import { sha256 } from "../../src/crypto/mod.ts";
import { ACCESS, decodeResultPayload, MEMBERSHIP, NETWORK_KIND, RESULT_CODE } from "../../src/protocol/mod.ts";
import type { FakeClient } from "../support/fake_client.ts";
import { startTestServer, type TestServer } from "./server_support.ts";

const SECRET = new Uint8Array(32).fill(7);
const PASSWORD = { hasPassword: true, joinSecret: new Uint8Array(32).fill(1) };

/** Ann's network with a password that nobody else here knows. */
async function open(test: TestServer) {
  const ann = await test.join();
  const { networkId } = await ann.ask("create", { name: "Home LAN", kind: NETWORK_KIND.mesh, ...PASSWORD });
  const invite = (fields: { uses?: number; expiresAt?: bigint; secret?: Uint8Array } = {}, by: FakeClient = ann) => {
    const { uses = 1, expiresAt = 0n, secret = SECRET } = fields;
    return by.request("createInvite", { networkId, uses, expiresAt, verifier: sha256(secret) });
  };
  const enter = (client: FakeClient, secret = SECRET) => client.request("joinInvited", { networkId, secret });
  return { ann, networkId, invite, enter };
}

Deno.test("JOIN INVITED makes a member of whoever knows the secret, without the password, and tells the others", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  assert.equal((await invite()).code, 0);
  await using bob = await test.join({ nick: "Bob" });
  const { code, payload } = await enter(bob);
  assert.equal(code, 0);
  assert.deepEqual(decodeResultPayload("joinInvited", payload), { networkId, membership: MEMBERSHIP.member });
  assert.equal((await bob.next("network")).head.name, "Home LAN");
  assert.equal((await ann.next("member")).member.nick, "Bob");
  await ann.close();
});

Deno.test("JOIN INVITED works as often as the invite says, over a restart, and a refused join uses nothing up", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  await invite({ uses: 2 });
  await using bob = await test.join();
  assert.equal((await enter(bob)).code, 0);
  assert.equal((await enter(bob)).code, RESULT_CODE.alreadyMember);
  await ann.must("setAccess", { networkId, locked: ACCESS.yes, approval: ACCESS.unchanged });
  await using carol = await test.join();
  assert.equal((await enter(carol)).code, RESULT_CODE.networkLocked);
  await ann.must("setAccess", { networkId, locked: ACCESS.no, approval: ACCESS.unchanged });
  await ann.close();
  await test.restart();
  await using dave = await test.join();
  assert.equal((await enter(dave)).code, 0);
  await using erin = await test.join();
  assert.equal((await enter(erin)).code, RESULT_CODE.invalidPassword);
});

Deno.test("JOIN INVITED that is repeated uses the invite once and gets the same answer", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite } = await open(test);
  await invite({ uses: 2 });
  await using bob = await test.join();
  const again = () => bob.request("joinInvited", { networkId, secret: SECRET, operation: 5n });
  assert.deepEqual((await again()).payload, (await again()).payload);
  await using carol = await test.join();
  assert.equal((await carol.request("joinInvited", { networkId, secret: SECRET })).code, 0);
  await ann.close();
});

Deno.test("JOIN INVITED keeps out who is banned, and lets others wait where approval is manual", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  await invite({ uses: 9 });
  const bob = await test.connect();
  const { clientId } = await bob.next("welcome");
  await ann.must("ban", { networkId, clientId, until: 0n, reason: "" });
  assert.equal((await enter(bob)).code, RESULT_CODE.banned);
  await ann.must("setAccess", { networkId, locked: ACCESS.unchanged, approval: ACCESS.yes });
  await using carol = await test.join();
  const { payload } = await enter(carol);
  assert.equal(decodeResultPayload("joinInvited", payload).membership, MEMBERSHIP.awaitingApproval);
  await bob.close();
  await ann.close();
});

/** The server lives by the system's time; on a busy machine everything before takes its while, too. */
async function untilPast(wallMs: bigint): Promise<void> {
  while (Date.now() <= Number(wallMs)) await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("JOIN INVITED tells a wrong secret, another network and an invite that is over by one answer", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  const expiresAt = BigInt(Date.now() + 1500);
  await invite({ expiresAt });
  await using bob = await test.join();
  assert.equal((await enter(bob, new Uint8Array(32))).code, RESULT_CODE.invalidPassword);
  const elsewhere = { networkId: networkId === 1 ? 2 : networkId - 1, secret: SECRET };
  assert.equal((await bob.request("joinInvited", elsewhere)).code, RESULT_CODE.invalidPassword);
  await untilPast(expiresAt);
  assert.equal((await enter(bob)).code, RESULT_CODE.invalidPassword);
  await ann.close();
});

Deno.test("GET INVITES shows whose they are to those who may end them, and REVOKE INVITE ends them for nobody else", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  await invite({ uses: 9 });
  await using bob = await test.join();
  await enter(bob);
  await using carol = await test.join();
  await enter(carol);
  await using eve = await test.join();
  const ofBob = new Uint8Array(32).fill(8);
  assert.equal((await invite({ secret: ofBob, expiresAt: BigInt(Date.now() + 60_000) }, bob)).code, 0);
  const list = async (client: FakeClient) =>
    (await client.ask("getInvites", { networkId })).invites.map(({ uses }) => uses).toSorted();
  assert.deepEqual(await list(ann), [1, 7]);
  assert.deepEqual(await list(bob), [1]);
  assert.deepEqual(await list(carol), []);
  const refused = async (client: FakeClient, inviteId: Uint8Array) =>
    (await client.request("revokeInvite", { networkId, inviteId })).code;
  const [ofAnnId, ofBobId] = [SECRET, ofBob].map((secret) => sha256(secret).slice(0, 8)) as [Uint8Array, Uint8Array];
  assert.equal(await refused(bob, ofAnnId), RESULT_CODE.invalidPassword, "another's");
  assert.equal(await refused(carol, ofBobId), RESULT_CODE.invalidPassword);
  assert.equal(await refused(eve, ofBobId), RESULT_CODE.networkNotFound);
  assert.equal((await eve.request("getInvites", { networkId })).code, RESULT_CODE.networkNotFound);
  assert.equal(await refused(ann, ofBobId), 0, "whoever may set the password");
  assert.equal((await enter(eve, ofBob)).code, RESULT_CODE.invalidPassword);
  assert.equal(await refused(ann, ofAnnId), 0);
  assert.equal((await enter(eve)).code, RESULT_CODE.invalidPassword);
  assert.deepEqual(await list(ann), []);
  await ann.close();
});

Deno.test("an invite ends with the membership of its maker, and with the password it stood beside", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  await invite({ uses: 9 });
  const bob = await test.join();
  assert.equal((await enter(bob)).code, 0);
  const ofBob = new Uint8Array(32).fill(8);
  assert.equal((await invite({ uses: 9, secret: ofBob }, bob)).code, 0);
  await bob.must("leave", { networkId });
  assert.equal((await enter(bob, ofBob)).code, RESULT_CODE.invalidPassword);
  await ann.must("setPassword", { networkId, ...PASSWORD, sealing: new Uint8Array() });
  assert.equal((await enter(bob)).code, RESULT_CODE.invalidPassword);
  await bob.close();
  await ann.close();
});

Deno.test("JOIN INVITED takes no more than five wrong secrets a minute", async () => {
  await using test = await startTestServer();
  const { ann, invite, enter } = await open(test);
  await invite();
  await using bob = await test.join();
  for (let n = 0; n < 5; n++) {
    assert.equal((await enter(bob, new Uint8Array(32).fill(n))).code, RESULT_CODE.invalidPassword);
  }
  assert.equal((await enter(bob)).code, RESULT_CODE.tooManyTries);
  await ann.close();
});

Deno.test("CREATE INVITE is for full members, and refuses what could never be used", async () => {
  await using test = await startTestServer();
  const { ann, networkId, invite, enter } = await open(test);
  await using eve = await test.join();
  assert.equal((await invite({}, eve)).code, RESULT_CODE.networkNotFound);
  assert.equal((await invite({ uses: 0 })).code, RESULT_CODE.notUnderstood);
  assert.equal((await invite({ expiresAt: 1n })).code, RESULT_CODE.notUnderstood);
  assert.equal((await invite()).code, 0);
  assert.equal((await invite()).code, RESULT_CODE.notPermitted, "one secret is one invite");
  await ann.must("setAccess", { networkId, locked: ACCESS.unchanged, approval: ACCESS.yes });
  await enter(eve);
  assert.equal((await invite({ secret: new Uint8Array(32).fill(9) }, eve)).code, RESULT_CODE.notPermitted);
  await ann.close();
});

Deno.test("CREATE INVITE stops at 64 of a network, and those that are over take no room", async () => {
  await using test = await startTestServer();
  const { ann, invite } = await open(test);
  const number = (n: number) => ({ secret: new Uint8Array(32).fill(n) });
  for (let n = 0; n < 63; n++) assert.equal((await invite(number(n))).code, 0);
  const expiresAt = BigInt(Date.now() + 1500);
  assert.equal((await invite({ ...number(63), expiresAt })).code, 0);
  assert.equal((await invite(number(64))).code, RESULT_CODE.limitReached);
  await untilPast(expiresAt);
  assert.equal((await invite(number(64))).code, 0);
  await ann.close();
});
