import assert from "node:assert/strict";
import { Presence } from "../../src/server/presence.ts";

interface Client {
  clientId: number;
  tag: string;
}

const [ann, bob, eve] = [1, 2, 3].map((clientId) => ({ clientId, tag: "first" })) as [Client, Client, Client];

function place(networkId: number, isVisible = true, isConnectedToAll = true) {
  return { networkId, isVisible, isConnectedToAll };
}

function ids(clients: Client[]): number[] {
  return clients.map(({ clientId }) => clientId).sort();
}

Deno.test("Presence tells changes of a network to its logged-in members only", () => {
  const presence = new Presence<Client>();
  presence.enter(ann, [place(10)]);
  presence.enter(bob, [place(10, false), place(20)]);
  presence.enter(eve, [place(20)]);
  assert.deepEqual(ids(presence.audience(10)), [1, 2]);
  assert.deepEqual(ids(presence.audience(20)), [2, 3]);
  assert.deepEqual(presence.audience(30), []);
});

Deno.test("Presence shows a member as offline in a network where it went offline", () => {
  const presence = new Presence<Client>();
  presence.enter(ann, [place(10), place(20, false)]);
  assert.ok(presence.isOnline(1, 10));
  assert.ok(!presence.isOnline(1, 20));
  presence.put(1, place(20));
  assert.ok(presence.isOnline(1, 20));
});

Deno.test("Presence lets two clients meet only where both are online", () => {
  const presence = new Presence<Client>();
  presence.enter(ann, [place(30), place(10), place(20)]);
  presence.enter(bob, [place(10), place(20, false), place(30)]);
  presence.enter(eve, [place(20, false)]);
  assert.deepEqual(presence.commonNetworks(1, 2), [10, 30]);
  assert.deepEqual(presence.commonNetworks(1, 3), []);
  assert.deepEqual(presence.commonNetworks(1, 1), []);
  assert.deepEqual(presence.commonNetworks(1, 99), []);
  presence.remove(2, 10);
  presence.remove(2, 30);
  assert.deepEqual(presence.commonNetworks(1, 2), []);
});

Deno.test("Presence gives the place of a client to its newer login, whose end is the one that counts", () => {
  const presence = new Presence<Client>();
  const again = { clientId: 1, tag: "second" };
  assert.equal(presence.enter(ann, [place(10)]), null);
  assert.equal(presence.enter(again, [place(10)]), ann);
  assert.deepEqual(presence.exit(ann), []);
  assert.equal(presence.find(1), again);
  assert.deepEqual(presence.exit(again), [10]);
  assert.equal(presence.find(1), null);
  assert.equal(presence.size, 0);
});

Deno.test("Presence names the networks in which a leaving client was online", () => {
  const presence = new Presence<Client>();
  presence.enter(ann, [place(10), place(20, false)]);
  assert.deepEqual(presence.exit(ann), [10]);
  assert.deepEqual(presence.audience(10), []);
});

Deno.test("Presence ignores news of clients that are not logged in", () => {
  const presence = new Presence<Client>();
  presence.put(7, place(10));
  presence.remove(7, 10);
  assert.deepEqual(presence.audience(10), []);
  assert.ok(!presence.isOnline(7, 10));
});
