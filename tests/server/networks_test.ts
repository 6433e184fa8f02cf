import assert from "node:assert/strict";
import {
  MEMBER_CHANGE,
  MEMBER_ROLE,
  MEMBER_STATUS,
  MEMBERSHIP,
  NETWORK_FLAG,
  NETWORK_GONE,
  NETWORK_KIND,
  RESULT_CODE,
} from "../../src/protocol/mod.ts";
import type { FakeClient } from "../support/fake_client.ts";
import { startTestServer, type TestServer } from "./server_support.ts";

const SECRET = new Uint8Array(32).fill(1);
const NO_SECRET = new Uint8Array(32);
const PASSWORD = { hasPassword: true, joinSecret: SECRET };

const ROTATION = {
  keyType: 2,
  newPublicKey: NO_SECRET,
  proofByNew: new Uint8Array(64),
  proofByOld: new Uint8Array(64),
};

function create(client: FakeClient, name: string, fields = {}) {
  return client.ask("create", { name, kind: NETWORK_KIND.mesh, ...PASSWORD, ...fields });
}

function join(client: FakeClient, name: string, fields = {}) {
  return client.request("join", { name, ...PASSWORD, ...fields });
}

/** Two members of one network, with nothing left to read. */
async function pair(test: TestServer) {
  const [ann, bob] = [await test.join({ nick: "Ann" }), await test.join({ nick: "Bob" })];
  const { networkId } = await create(ann, "Home LAN");
  assert.equal((await join(bob, "home lan")).code, 0);
  await ann.settled();
  ann.inbox.splice(0);
  bob.inbox.splice(0);
  return { ann, bob, networkId };
}

Deno.test("CREATE shows the network to its owner before it is answered", async () => {
  await using test = await startTestServer();
  await using ann = await test.join({ nick: "Ann" });
  const { networkId } = await create(ann, "Home LAN");
  const [network] = ann.inbox;
  assert.ok(network?.type === "network");
  assert.equal(network.head.networkId, networkId);
  assert.equal(network.head.name, "Home LAN");
  assert.equal(network.head.flags, NETWORK_FLAG.hasPassword);
  assert.ok(network.head.online && network.head.membership === MEMBERSHIP.member);
  assert.deepEqual(network.members.map(({ address, nick, status, role }) => ({ address, nick, status, role })), [
    { address: ann.address, nick: "Ann", status: MEMBER_STATUS.online, role: MEMBER_ROLE.owner },
  ]);
});

Deno.test("JOIN tells the members of the new one, and the new one of the members", async () => {
  await using test = await startTestServer();
  await using ann = await test.join({ nick: "Ann" });
  await using bob = await test.join({ nick: "Bob" });
  const { networkId } = await create(ann, "Home LAN");
  assert.equal((await join(bob, "home lan")).code, 0);
  const network = await bob.next("network");
  assert.deepEqual(network.members.map(({ nick }) => nick), ["Ann", "Bob"]);
  assert.equal(network.head.privileges, 0);
  const told = await ann.next("member");
  assert.deepEqual([told.networkId, told.change, told.member.nick], [networkId, MEMBER_CHANGE.joined, "Bob"]);
});

Deno.test("JOIN answers an unknown network and a wrong password alike, after the same time", async () => {
  await using test = await startTestServer();
  await using ann = await test.join();
  await using bob = await test.join();
  await create(ann, "Home LAN");
  const times: number[] = [];
  for (
    const [name, joinSecret] of [["Home LAN", NO_SECRET], ["No such LAN", SECRET], ["Home LAN", NO_SECRET]] as const
  ) {
    const startedAt = performance.now();
    const { code, words, payload } = await join(bob, name, { joinSecret });
    times.push(performance.now() - startedAt);
    assert.deepEqual([code, words, payload.length], [RESULT_CODE.invalidPassword, "invalid password", 0]);
  }
  // All wait for the same instant after the request came; what is left is the scheduler's.
  for (const time of times) assert.ok(time >= 95, `${times}`);
});

Deno.test("JOIN looks at 5 wrong passwords a minute, then at none, and members are not affected", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId } = await pair(test);
  await using eve = await test.join();
  const codes = [];
  for (let count = 0; count < 6; count++) codes.push((await join(eve, "Home LAN", { joinSecret: NO_SECRET })).code);
  assert.deepEqual(codes, [...Array(5).fill(RESULT_CODE.invalidPassword), RESULT_CODE.tooManyTries]);
  assert.equal((await join(eve, "Home LAN")).code, RESULT_CODE.tooManyTries);
  await bob.must("setOnline", { networkId, online: false });
  await ann.must("delete", { networkId });
  await Promise.all([ann.close(), bob.close()]);
});

Deno.test("JOIN with the right password is never counted as a try", async () => {
  await using test = await startTestServer();
  await using ann = await test.join();
  await using bob = await test.join();
  const { networkId } = await create(ann, "Home LAN");
  for (let count = 0; count < 8; count++) {
    assert.equal((await join(bob, "Home LAN")).code, 0);
    await bob.must("leave", { networkId });
  }
});

Deno.test("Requests give Hamachi's reasons", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId } = await pair(test);
  const words = async (request: Promise<{ words: string }>) => (await request).words;
  assert.equal(await words(join(ann, "Home LAN")), "you are an owner");
  assert.equal(await words(join(bob, "Home LAN")), "you are already a member");
  assert.equal(await words(ann.request("leave", { networkId })), "you are an owner");
  assert.equal(await words(bob.request("delete", { networkId })), "not permitted");
  assert.equal(await words(bob.request("leave", { networkId: 1 })), "network not found");
  const taken = bob.request("create", { name: "HOME LAN", kind: 1, ...PASSWORD });
  assert.equal(await words(taken), "network name is already taken");
  assert.equal(await words(bob.request("create", { name: "abc", kind: 1, ...PASSWORD })), "invalid name");
  assert.equal(await words(bob.request("getKeys", { clientId: 1 })), "peer not found");
  assert.equal(await words(bob.request("rotateKey", ROTATION)), "request not understood");
  await Promise.all([ann.close(), bob.close()]);
});

Deno.test("LEAVE and DELETE tell whom they concern", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId } = await pair(test);
  await bob.must("leave", { networkId });
  assert.equal((await bob.next("networkGone")).reason, NETWORK_GONE.left);
  const left = await ann.next("member");
  assert.deepEqual([left.change, left.member.nick], [MEMBER_CHANGE.left, "Bob"]);
  await join(bob, "Home LAN");
  await ann.must("delete", { networkId });
  assert.equal((await ann.next("networkGone")).reason, NETWORK_GONE.deleted);
  assert.equal((await bob.next("networkGone")).reason, NETWORK_GONE.deleted);
  assert.equal((await join(bob, "Home LAN")).code, RESULT_CODE.invalidPassword);
  await Promise.all([ann.close(), bob.close()]);
});

Deno.test("SET ONLINE is seen by the members and outlives a restart of the server", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId } = await pair(test);
  await bob.must("setOnline", { networkId, online: false });
  assert.equal((await bob.next("networkChanged")).head.online, false);
  assert.equal((await ann.next("member")).member.status, MEMBER_STATUS.offline);
  await Promise.all([ann.close(), bob.close()]);
  await test.restart();
  await using again = await test.connect({ ed25519: bob.ed25519, address: bob.address });
  assert.equal((await again.next("network")).head.online, false);
  await using annAgain = await test.connect({ ed25519: ann.ed25519, address: ann.address });
  const { members } = await annAgain.next("network");
  assert.equal(members.find(({ nick }) => nick === "Bob")?.status, MEMBER_STATUS.offline);
});

Deno.test("A member coming and going is announced to the others within its networks", async () => {
  await using test = await startTestServer();
  const { ann, bob } = await pair(test);
  await using eve = await test.join();
  await bob.close();
  assert.equal((await ann.next("member")).member.status, MEMBER_STATUS.offline);
  await using again = await test.join({ ed25519: bob.ed25519, address: bob.address });
  assert.equal((await ann.next("member")).member.status, MEMBER_STATUS.online);
  await again.settled();
  await eve.settled();
  assert.deepEqual(eve.inbox, []);
  await ann.close();
});

Deno.test("A login tells all networks of the client, then SYNCHRONISED", async () => {
  await using test = await startTestServer();
  const { ann, bob } = await pair(test);
  await create(bob, "Second network");
  await bob.close();
  await using again = await test.connect({ ed25519: bob.ed25519, address: bob.address });
  await again.settled();
  const types = again.inbox.map(({ type }) => type);
  assert.deepEqual(types, ["welcome", "streams", "network", "network", "synchronised"]);
  await ann.close();
});

Deno.test("SET NICK is told to the members of all networks", async () => {
  await using test = await startTestServer();
  const { ann, bob, networkId } = await pair(test);
  await bob.must("setNick", { nick: "Robert" });
  const told = await ann.next("member");
  assert.deepEqual([told.networkId, told.change, told.member.nick], [networkId, MEMBER_CHANGE.changed, "Robert"]);
  assert.equal((await bob.request("setNick", { nick: " " })).code, RESULT_CODE.invalidName);
  await Promise.all([ann.close(), bob.close()]);
});

Deno.test("A request repeated with the same operation gets the same answer and changes nothing", async () => {
  await using test = await startTestServer();
  const { ann, bob } = await pair(test);
  const request = { name: "Once only", kind: 1, ...PASSWORD, operation: 77n };
  const first = await ann.ask("create", request);
  await ann.close();
  await test.restart();
  await using again = await test.join({ ed25519: ann.ed25519, address: ann.address });
  assert.deepEqual(await again.ask("create", request), first);
  assert.deepEqual(again.inbox, []);
  await bob.closed();
  await using carol = await test.join();
  assert.equal((await carol.request("create", request)).code, RESULT_CODE.nameTaken);
});

Deno.test("Of many joins at once a network takes as many as it holds", async () => {
  await using test = await startTestServer();
  await using ann = await test.join();
  await create(ann, "Home LAN");
  const clients = await Promise.all(Array.from({ length: 12 }, () => test.join()));
  const codes = await Promise.all(clients.map(async (client) => (await join(client, "Home LAN")).code));
  assert.deepEqual(codes, Array(12).fill(0));
  const changes = await Promise.all(clients.map(() => ann.next("member")));
  assert.equal(new Set(changes.map(({ member }) => member.clientId)).size, 12);
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("A malformed request is refused, a malformed push ignored, and the connection lives on", async () => {
  await using test = await startTestServer();
  await using ann = await test.join();
  const malformed = Uint8Array.of(0x30, 0, 0, 0, 9, 1, 2, 3);
  ann.sendPlaintext(malformed);
  ann.sendPlaintext(Uint8Array.of(0x30));
  ann.sendPlaintext(new Uint8Array());
  ann.sendPlaintext(Uint8Array.of(0xee, 0, 0, 0, 0));
  await ann.settled();
  assert.ok(ann.isOpen);
});

Deno.test("A frame that does not open ends the connection", async () => {
  await using test = await startTestServer();
  await using ann = await test.join();
  const frame = ann.login.stream.seal(Uint8Array.of(0x22, 0, 0, 0, 1))!;
  frame[frame.length - 1] = frame[frame.length - 1]! ^ 1;
  ann.sendFrame(frame);
  await ann.closed();
});

Deno.test("GET KEYS tells keys of members of common networks only", async () => {
  await using test = await startTestServer();
  const { ann, bob } = await pair(test);
  await using eve = await test.join();
  await ann.close();
  await using again = await test.connect({ ed25519: ann.ed25519, address: ann.address });
  const { members } = await again.next("network");
  const bobId = members.find(({ nick }) => nick === "Bob")!.clientId;
  const { keys } = await again.ask("getKeys", { clientId: bobId });
  assert.deepEqual(keys.map(({ publicKey }) => publicKey), [bob.ed25519.publicKey]);
  assert.equal((await eve.request("getKeys", { clientId: bobId })).code, RESULT_CODE.peerNotFound);
  await bob.close();
});
