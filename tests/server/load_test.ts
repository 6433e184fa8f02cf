import assert from "node:assert/strict";
import { NETWORK_KIND } from "../../src/protocol/mod.ts";
import type { FakeClient } from "../support/fake_client.ts";
import { startTestServer, type TestServer } from "./server_support.ts";

const CLIENT_COUNT = 500;
const NETWORK_COUNT = 10;
const MEMBER_COUNT = CLIENT_COUNT / NETWORK_COUNT;
/** How many come back after a restart; each login costs this process both ends' cryptography. */
const RETURNING_COUNT = 100;
const PASSWORD = { hasPassword: false, joinSecret: new Uint8Array(32) };
/** Fewer than the server holds of one address before they have logged in. */
const AT_ONCE = 16;

Deno.test("A server logs in 500 clients, and a change costs one message per member and no more", async () => {
  await using test = await startTestServer();
  const clients = await inParallel(CLIENT_COUNT, () => test.join());
  const networkOf = (index: number) => `network ${index % NETWORK_COUNT}`;
  for (let index = 0; index < NETWORK_COUNT; index++) {
    await clients[index]!.must("create", { name: networkOf(index), kind: NETWORK_KIND.mesh, ...PASSWORD });
  }
  await inParallel(CLIENT_COUNT - NETWORK_COUNT, async (index) => {
    const number = index + NETWORK_COUNT;
    await clients[number]!.must("join", { name: networkOf(number), ...PASSWORD });
  });
  await Promise.all(clients.map((client) => client.settled()));
  const joins = clients.map(({ inbox }) => inbox.filter(({ type }) => type === "member").length);
  assert.equal(sum(joins), NETWORK_COUNT * (MEMBER_COUNT * (MEMBER_COUNT - 1)) / 2);
  await costsOneMessagePerMember(clients);
  await logsInAgain(test, clients);
  await Promise.all(clients.map((client) => client.close()));
});

async function costsOneMessagePerMember(clients: FakeClient[]): Promise<void> {
  const before = clients.map(({ frameCount }) => frameCount);
  await clients[7]!.must("setNick", { nick: "changed" });
  await Promise.all(clients.map((client) => client.settled()));
  const counts = clients.map(({ frameCount }, index) => frameCount - before[index]! - 1);
  // The others of its network hear of it, the one that asked gets the answer.
  assert.equal(sum(counts), MEMBER_COUNT);
  assert.ok(counts.every((count, index) => count === (index % NETWORK_COUNT === 7 % NETWORK_COUNT ? 1 : 0)));
}

/** After a restart all come at once. */
async function logsInAgain(test: TestServer, clients: FakeClient[]): Promise<void> {
  await test.restart();
  await Promise.all(clients.map((client) => client.closed()));
  await inParallel(RETURNING_COUNT, async (index) => {
    const { ed25519, address } = clients[index]!;
    clients[index] = await test.connect({ ed25519, address });
    const { members } = await clients[index]!.next("network");
    assert.equal(members.length, MEMBER_COUNT);
  });
}

function sum(counts: number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

async function inParallel<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      const index = next++;
      results[index] = await work(index);
    }
  }));
  return results;
}
