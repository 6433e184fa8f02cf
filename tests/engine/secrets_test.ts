import assert from "node:assert/strict";
import { EMPTY_VIEW, reduceView } from "../../src/engine/networks_view.ts";
import { NetworkSecrets } from "../../src/engine/secrets.ts";
import type { NetworkSecret } from "../../src/engine/state_files.ts";

const secret = new Uint8Array(32).fill(7);
const head = {
  networkId: 5,
  name: "Games",
  kind: 1,
  flags: 0,
  capacity: 9,
  owner: 1,
  membership: 1,
  online: true,
  privileges: 0,
  subscription: "",
};
const view = reduceView(EMPTY_VIEW, { type: "network", requestId: 0, head, members: [] });

function secrets(kept: Map<number, NetworkSecret> = new Map()): { secrets: NetworkSecrets; saved: number[][] } {
  const saved: number[][] = [];
  return { secrets: new NetworkSecrets(kept, (all) => saved.push([...all.keys()])), saved };
}

Deno.test("NetworkSecrets knows a secret by name while the request runs, and keeps it when that has succeeded", async () => {
  const { secrets: all, saved } = secrets();
  const answer = Promise.withResolvers<{ networkId: number }>();
  const joining = all.during("GAMES", secret, () => answer.promise);
  assert.deepEqual(all.of([5, 6], view), new Map([[5, secret]]));
  answer.resolve({ networkId: 5 });
  await joining;
  assert.deepEqual(saved, [[5]]);
  assert.deepEqual(all.of([5], EMPTY_VIEW), new Map([[5, secret]]));
});

Deno.test("NetworkSecrets forgets a secret whose request failed", async () => {
  const { secrets: all, saved } = secrets();
  await assert.rejects(all.during("games", secret, () => Promise.reject(new Error("refused"))), /refused/);
  assert.equal(all.of([5], view).size, 0);
  assert.deepEqual(saved, []);
});

Deno.test("NetworkSecrets has none for a network without a password", async () => {
  const { secrets: all, saved } = secrets();
  await all.during("games", null, () => Promise.resolve({ networkId: 5 }));
  assert.equal(all.of([5], view).size, 0);
  assert.deepEqual(saved, []);
});

Deno.test("NetworkSecrets forgets the secret of a network that is gone, on the disk, too", () => {
  const { secrets: all, saved } = secrets(new Map([[5, { name: "games", peerSecret: secret }]]));
  all.forget(6);
  assert.deepEqual(saved, []);
  all.forget(5);
  assert.deepEqual(saved, [[]]);
  assert.equal(all.of([5], view).size, 0);
});

Deno.test("NetworkSecrets knows the secret of an invite while the request runs, and keeps it only when that succeeds", async () => {
  const { secrets: all, saved } = secrets();
  const answer = Promise.withResolvers<void>();
  const joining = all.duringInvite(5, secret, () => answer.promise);
  assert.deepEqual(all.of([5, 6], EMPTY_VIEW), new Map([[5, secret]]));
  answer.resolve();
  await joining;
  assert.deepEqual([saved, all.of([5], EMPTY_VIEW).size], [[[5]], 1]);
  await assert.rejects(all.duringInvite(6, secret, () => Promise.reject(new Error("refused"))), /refused/);
  assert.equal(all.of([6], EMPTY_VIEW).size, 0);
});
