import assert from "node:assert/strict";
import { changeSealing } from "../../src/crypto/mod.ts";
import { EMPTY_VIEW, reduceView } from "../../src/engine/networks_view.ts";
import { NetworkSecrets } from "../../src/engine/secrets.ts";
import type { NetworkSecret } from "../../src/engine/state_files.ts";
import { MEMBERSHIP, NETWORK_FLAG } from "../../src/protocol/mod.ts";

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

function secrets(kept: Map<number, NetworkSecret> = new Map(), check = () => {}) {
  const saved: number[][] = [];
  const save = (all: ReadonlyMap<number, NetworkSecret>) => void saved.push([...all.keys()]);
  return { secrets: new NetworkSecrets(kept, { save, check }), saved };
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

Deno.test("NetworkSecrets asks for nothing where the disk would not take the secret", async () => {
  const full = () => {
    throw new Error("the disk is full");
  };
  const { secrets: all } = secrets(new Map(), full);
  let asked = 0;
  const request = () => Promise.resolve({ networkId: ++asked });
  await assert.rejects(all.during("games", secret, request), /the disk is full/);
  await assert.rejects(all.duringInvite(5, secret, request), /the disk is full/);
  assert.equal(asked, 0);
  await all.during("games", null, request);
  assert.equal(asked, 1, "a network without a password has nothing to save");
});

Deno.test("NetworkSecrets sees that a secret is lost, and takes it back from whoever has the password", () => {
  const sealed = { ...head, flags: NETWORK_FLAG.hasPassword, membership: MEMBERSHIP.member };
  const { secrets: all, saved } = secrets();
  assert.deepEqual([all.isLost(sealed), all.isLost(head)], [true, false]);
  assert.equal(all.isLost({ ...sealed, membership: MEMBERSHIP.awaitingApproval }), false, "it comes with the approval");
  assert.equal(all.regain(sealed, secret), true);
  assert.deepEqual([all.isLost(sealed), saved], [false, [[5]]]);
  assert.equal(all.regain(sealed, new Uint8Array(32)), false, "one that is there is kept");
  assert.deepEqual(all.of([5], view), new Map([[5, secret]]));
});

Deno.test("NetworkSecrets takes back from a later password what its envelope holds, and nothing else", () => {
  const derived = new Uint8Array(32).fill(9);
  const change = { networkId: 5, former: new Uint8Array(), derived, nonce: new Uint8Array(12) };
  for (const peerSecret of [secret, null]) {
    const { secrets: all } = secrets();
    all.takeSealing(5, "Games", changeSealing({ ...change, peerSecret }));
    assert.equal(all.isLost({ ...head, flags: NETWORK_FLAG.hasPassword }), false, "there may be none");
    assert.equal(all.regain(head, new Uint8Array(32)), false, "another password");
    assert.equal(all.regain(head, derived), peerSecret !== null);
    assert.deepEqual(all.of([5], view), new Map(peerSecret === null ? [] : [[5, secret]]));
  }
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
