import assert from "node:assert/strict";
import { systemRandom } from "../../src/base/random.ts";
import { generateEd25519 } from "../../src/crypto/mod.ts";
import { MESSAGE_KEY_LENGTH, RESULT_CODE, SERVER_FLAG } from "../../src/protocol/mod.ts";
import { POLICIES } from "../../src/server/plans.ts";
import { RefusedError } from "../../src/server/refusal.ts";
import { createNetwork, joinNetwork } from "../../src/server/registry.ts";
import {
  decideMessage,
  MAX_WAITING,
  MESSAGE_LIFETIME_MS,
  messagesFor,
  storeMessage,
} from "../../src/server/registry_messages.ts";
import { generateMessageKey, publishMessageKey } from "../../src/session/mod.ts";
import type { FakeClient } from "../support/fake_client.ts";
import { startTestServer, type TestServer } from "./server_support.ts";
import { makeTestStore, type TestStore } from "./store_support.ts";

const random = systemRandom();
const NO_PASSWORD = { hasPassword: false, joinSecret: new Uint8Array(32) };
const isRefused = (refusal: string) => (error: unknown) => error instanceof RefusedError && error.refusal === refusal;

/** Two members of a network, of which the second is not logged in. */
interface Pair {
  test: TestServer;
  ann: FakeClient;
  bob: { clientId: number; ed25519: FakeClient["ed25519"]; address: number };
  networkId: number;
}

async function withPair(run: (pair: Pair) => Promise<void>, options: Parameters<typeof startTestServer>[0] = {}) {
  await using test = await startTestServer(options);
  await using ann = await test.connect();
  await ann.synchronised();
  const { networkId } = await ann.ask("create", { name: "games", ...NO_PASSWORD, kind: 1 });
  const bob = await test.connect();
  const { clientId } = await bob.next("welcome");
  await bob.must("join", { name: "games", ...NO_PASSWORD });
  await bob.close();
  await run({ test, ann, bob: { clientId, ed25519: bob.ed25519, address: bob.address }, networkId });
}

/** Logs the second member in again; what it is told first stays in the inbox. */
const back = ({ test, bob }: Pair) => test.connect({ ed25519: bob.ed25519, address: bob.address });

function newMessage({ bob, networkId }: Pick<Pair, "bob" | "networkId">, length = 40) {
  return { clientId: bob.clientId, networkId, messageId: random.bytes(16), sealed: random.bytes(length) };
}

Deno.test("MESSAGE SEND keeps a message for who is away, over a restart, until MESSAGE ACK", async () => {
  await withPair(async (pair) => {
    const { test, ann } = pair;
    const first = newMessage(pair);
    const second = { ...newMessage(pair), networkId: 0 };
    await ann.must("messageSend", first);
    await ann.must("messageSend", second);
    await ann.close();
    await test.restart();
    const received = async () => {
      await using bob = await back(pair);
      const messages = [await bob.next("message"), await bob.next("message")];
      assert.deepEqual(messages.map(({ messageId, networkId, sealed }) => ({ messageId, networkId, sealed })), [
        { messageId: first.messageId, networkId: pair.networkId, sealed: first.sealed },
        { messageId: second.messageId, networkId: 0, sealed: second.sealed },
      ]);
      return messages;
    };
    await received();
    const { clientId } = (await received())[0]!;
    await using bob = await back(pair);
    await bob.must("messageAck", { messageId: first.messageId, clientId: clientId + 1 });
    for (const { messageId } of [first, second]) await bob.must("messageAck", { messageId, clientId });
    await bob.must("messageAck", { messageId: first.messageId, clientId });
    await bob.close();
    await using again = await back(pair);
    await again.settled();
    assert.deepEqual(again.inbox.filter(({ type }) => type === "message"), []);
  });
});

Deno.test("MESSAGE SEND pushes a message at once to who is logged in, once for two requests with one id", async () => {
  await withPair(async (pair) => {
    await using bob = await back(pair);
    const message = newMessage(pair);
    await pair.ann.must("messageSend", message);
    await pair.ann.must("messageSend", message);
    assert.deepEqual((await bob.next("message")).messageId, message.messageId);
    await bob.settled();
    assert.deepEqual(bob.inbox.filter(({ type }) => type === "message"), []);
  });
});

Deno.test("MESSAGE SEND is refused between strangers, and in networks that are not of both", async () => {
  await withPair(async (pair) => {
    const { test, ann, bob } = pair;
    await using stranger = await test.join();
    const message = { ...newMessage(pair), networkId: 0 };
    assert.equal((await stranger.request("messageSend", message)).code, RESULT_CODE.peerNotFound);
    const inside = { ...message, networkId: pair.networkId };
    assert.equal((await stranger.request("messageSend", inside)).code, RESULT_CODE.notMember);
    const { networkId } = await ann.ask("create", { name: "elsewhere", ...NO_PASSWORD, kind: 1 });
    assert.equal((await ann.request("messageSend", { ...message, networkId })).code, RESULT_CODE.peerNotFound);
    const self = { ...inside, clientId: (await ann.next("network")).head.owner };
    assert.equal((await ann.request("messageSend", self)).code, RESULT_CODE.peerNotFound);
    assert.equal((await stranger.request("getMessageKey", { clientId: bob.clientId })).code, RESULT_CODE.peerNotFound);
  });
});

Deno.test("MESSAGE SEND takes 50 messages a day from one client for another", async () => {
  await withPair(async (pair) => {
    for (let count = 0; count < 50; count++) await pair.ann.must("messageSend", newMessage(pair));
    assert.equal((await pair.ann.request("messageSend", newMessage(pair))).code, RESULT_CODE.limitReached);
  });
});

Deno.test("PUT MESSAGE KEY takes only a key that the account's Ed25519 key has signed, and GET MESSAGE KEY gives the last", async () => {
  await withPair(async (pair) => {
    await using bob = await back(pair);
    const published = () => publishMessageKey(generateMessageKey(random), pair.bob.ed25519, 1n);
    const foreign = publishMessageKey(generateMessageKey(random), generateEd25519(random), 1n);
    assert.equal((await bob.request("putMessageKey", { messageKey: foreign })).code, RESULT_CODE.notPermitted);
    const get = () => pair.ann.ask("getMessageKey", { clientId: pair.bob.clientId });
    assert.equal((await get()).messageKey.length, 0);
    await bob.must("putMessageKey", { messageKey: published() });
    const messageKey = published();
    assert.equal(messageKey.length, MESSAGE_KEY_LENGTH);
    await bob.must("putMessageKey", { messageKey });
    const given = await get();
    assert.deepEqual(given.messageKey, messageKey);
    assert.deepEqual(given.keys.map(({ publicKey }) => publicKey), [pair.bob.ed25519.publicKey]);
  });
});

Deno.test("decideMessage follows the plans: offline messages at both ends, network chat at the sender's", () => {
  const { open, hamachi } = POLICIES;
  const facts = { senderPlan: "premium", receiverPlan: "premium", isToNetwork: true } as const;
  decideMessage({ ...facts, senderPlan: "free", receiverPlan: "free" }, open);
  decideMessage(facts, hamachi);
  for (const end of ["senderPlan", "receiverPlan"]) {
    for (const isToNetwork of [true, false]) {
      assert.throws(() => decideMessage({ ...facts, isToNetwork, [end]: "free" }, hamachi), isRefused("notPermitted"));
    }
  }
  const freeMayStore = {
    ...hamachi,
    plans: { ...hamachi.plans, free: { ...hamachi.plans.free, offlineMessages: true } },
  };
  decideMessage({ ...facts, senderPlan: "free", isToNetwork: false }, freeMayStore);
  assert.throws(() => decideMessage({ ...facts, senderPlan: "free" }, freeMayStore), isRefused("notPermitted"));
});

Deno.test("WELCOME tells a client whose plan may only read the chat of networks", async () => {
  for (const [policy, isSet] of [[POLICIES.open, false], [POLICIES.hamachi, true]] as const) {
    await using test = await startTestServer({ policy });
    await using client = await test.connect();
    assert.equal(((await client.next("welcome")).flags & SERVER_FLAG.mayOnlyReadNetworkChat) !== 0, isSet);
  }
});

/** Two accounts that share a network, in a store. */
async function storedPair(test: TestStore) {
  const [owner, member] = [await test.newAccount(), await test.newAccount()];
  await test.store.write(async (tx) => {
    await createNetwork(tx, test.context, owner.clientId, { name: "games", kind: "mesh", joinVerifier: null });
    await joinNetwork(tx, test.context, member.clientId, "games", null);
  });
  const put = (length: number, ageMs = 0) =>
    test.store.write((tx) =>
      storeMessage(tx, { ...test.context, nowMs: test.context.nowMs - ageMs }, {
        senderId: owner.clientId,
        receiverId: member.clientId,
        messageId: random.bytes(16),
        networkId: 0,
        sealed: new Uint8Array(length),
      }, true)
    );
  const waiting = () => test.store.read((tx) => messagesFor(tx, test.context, member.clientId));
  return { put, waiting };
}

Deno.test("storeMessage refuses what would not fit, and drops nothing for it", async () => {
  await using test = await makeTestStore(31);
  const { put, waiting } = await storedPair(test);
  for (let count = 0; count < MAX_WAITING.messages; count++) await put(1);
  await assert.rejects(put(1), isRefused("limitReached"));
  assert.equal((await waiting()).length, MAX_WAITING.messages);
});

Deno.test("storeMessage counts bytes, and keeps the order of arrival within one millisecond", async () => {
  await using test = await makeTestStore(32);
  const { put, waiting } = await storedPair(test);
  const lengths = Array.from({ length: 50 }, (_, at) => 5000 + at);
  for (const length of lengths) await put(length);
  await assert.rejects(
    put(MAX_WAITING.bytes - lengths.reduce((sum, length) => sum + length) + 1),
    isRefused("limitReached"),
  );
  assert.deepEqual((await waiting()).map(({ sealed }) => sealed.length), lengths);
});

Deno.test("messages older than 30 days are not delivered and make room", async () => {
  await using test = await makeTestStore(33);
  const { put, waiting } = await storedPair(test);
  for (let count = 0; count < MAX_WAITING.messages; count++) await put(1, MESSAGE_LIFETIME_MS + 1000);
  assert.deepEqual(await waiting(), []);
  await put(2);
  assert.deepEqual((await waiting()).map(({ sealed }) => sealed.length), [2]);
});
