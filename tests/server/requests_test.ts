import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { parseEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  NETWORK_KIND,
  RESULT_CODE,
} from "../../src/protocol/mod.ts";
import { makeWorld } from "../../src/server/make_world.ts";
import { POLICIES } from "../../src/server/plans.ts";
import { handlePlaintext } from "../../src/server/requests.ts";
import { networkHandlers } from "../../src/server/requests_network.ts";
import { type Account, type Store, StoreBusyError, StoreUnwritableError } from "../../src/server/store.ts";
import type { ControlClient, World } from "../../src/server/world.ts";
import { makeTestStore, type TestStore } from "./store_support.ts";

function worldOf(test: TestStore, store: Store, clock: FakeClock): World {
  const relays = { offers: () => [], revoke: () => {} };
  const ports = { udpPort: 1, udp2Port: 2 };
  const { plan, random } = test;
  return makeWorld({ store, plan, relays, ports, policy: POLICIES.open, clock, random, log: silentLogger }).world;
}

/** A client that keeps what it is sent. */
function recorder(world: World, account: Account): { client: ControlClient; sent: ControlMessage[] } {
  const sent: ControlMessage[] = [];
  const endpoint = parseEndpoint("192.0.2.1:1")!;
  const client: ControlClient = {
    ...account,
    sessionId: new Uint8Array(8),
    discoveryKey: new Uint8Array(32),
    binding: new Uint8Array(32),
    suites: [2],
    observed: endpoint,
    serverEndpoint: endpoint,
    source: "test",
    keys: [],
    candidates: [],
    observedUdp: null,
    discoveryCounters: new Map(),
    send: (message) => void sent.push(message),
    sendEncoded: (message) => void sent.push(decodeControl(message, "server") as ControlMessage),
    dismiss: () => {},
    hangUp: () => {},
  };
  world.presence.enter(client, []);
  return { client, sent };
}

function request(world: World, client: ControlClient, message: ControlMessage): Promise<void> {
  return handlePlaintext(world, client, networkHandlers, encodeControl(message));
}

const CREATE = {
  type: "create",
  requestId: 7,
  operation: 1n,
  name: "Home LAN",
  hasPassword: false,
  joinSecret: new Uint8Array(32),
  kind: NETWORK_KIND.mesh,
} as const;

async function settle(): Promise<void> {
  for (let round = 0; round < 200; round++) await Promise.resolve();
}

Deno.test("handlePlaintext says nothing to anybody before the change is on the disk", async () => {
  await using test = await makeTestStore();
  const committed = Promise.withResolvers<void>();
  const slow: Store = {
    wasChangedElsewhere: () => Promise.resolve(false),
    ...{ read: (work) => test.store.read(work), close: () => test.store.close() },
    write: async (work) => {
      const result = await test.store.write(work);
      await committed.promise;
      return result;
    },
  };
  const world = worldOf(test, slow, new FakeClock());
  const { client, sent } = recorder(world, await test.newAccount());
  const handled = request(world, client, CREATE);
  await settle();
  assert.deepEqual(sent, []);
  committed.resolve();
  await handled;
  assert.deepEqual(sent.map(({ type }) => type), ["network", "result"]);
});

Deno.test("handlePlaintext tells a busy store, one that cannot be written and what must not happen apart", async () => {
  await using test = await makeTestStore();
  const errors: [Error, number][] = [
    [new StoreBusyError("database is locked"), RESULT_CODE.busy],
    [new StoreUnwritableError("a secret detail"), RESULT_CODE.cannotSave],
    [new Error("a secret detail"), RESULT_CODE.internalError],
  ];
  for (const [error, code] of errors) {
    const failing: Store = { ...test.store, read: (work) => test.store.read(work), write: () => Promise.reject(error) };
    const world = worldOf(test, failing, new FakeClock());
    const { client, sent } = recorder(world, await test.newAccount());
    await request(world, client, CREATE);
    const [result] = sent;
    assert.ok(result?.type === "result" && result.code === code && result.requestId === 7);
    assert.ok(!result.message.includes("secret") && !result.message.includes("locked"));
  }
});

Deno.test("handlePlaintext answers every refused join at the same instant after it came", async () => {
  await using test = await makeTestStore();
  const clock = new FakeClock();
  const world = worldOf(test, test.store, clock);
  const { client, sent } = recorder(world, await test.newAccount());
  const { client: other } = recorder(world, await test.newAccount());
  await request(world, client, { ...CREATE, hasPassword: true });
  sent.splice(0);
  const joinAs = { type: "join", requestId: 8, operation: 2n, hasPassword: true } as const;
  const wrong = { ...joinAs, name: "Home LAN", joinSecret: new Uint8Array(32).fill(1) };
  const unknown = { ...joinAs, name: "No such LAN", joinSecret: new Uint8Array(32) };
  for (const message of [wrong, unknown]) {
    let isAnswered = false;
    const handled = request(world, other, message).then(() => void (isAnswered = true));
    while (clock.pendingCount === 0) await settle();
    clock.advance(99);
    await settle();
    assert.ok(!isAnswered);
    clock.advance(1);
    await handled;
  }
});
