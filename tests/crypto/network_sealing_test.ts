import assert from "node:assert/strict";
import { changeSealing, isUnsealed, openSealing } from "../../src/crypto/network_sealing.ts";

const secret = new Uint8Array(32).fill(1);
const derived = new Uint8Array(32).fill(2);
const other = new Uint8Array(32).fill(3);
const nonce = new Uint8Array(12).fill(4);
const former = new Uint8Array();
const change = { networkId: 9, former, peerSecret: secret, derived, nonce };

Deno.test("changeSealing hands the peer secret to those who know the new password, and to nobody else", () => {
  const sealing = changeSealing(change);
  assert.equal(sealing.length, 94);
  assert.deepEqual(openSealing(sealing, 9, derived), { peerSecret: secret });
  assert.equal(openSealing(sealing, 9, other), undefined);
  assert.equal(openSealing(sealing, 8, derived), undefined);
  for (let at = 33; at < sealing.length; at++) {
    const forged = sealing.slice();
    forged[at] = forged[at]! ^ 1;
    assert.equal(openSealing(forged, 9, derived), undefined);
  }
});

Deno.test("changeSealing tells those who join a network that was never sealed that it is not", () => {
  assert.deepEqual(openSealing(changeSealing({ ...change, peerSecret: null }), 9, derived), { peerSecret: null });
});

Deno.test("isUnsealed believes only who knew the secret that the password is gone", () => {
  const sealing = changeSealing({ ...change, derived: null });
  assert.equal(sealing.length, 33);
  assert.ok(isUnsealed(sealing, 9, secret));
  assert.ok(!isUnsealed(sealing, 8, secret));
  assert.ok(!isUnsealed(sealing, 9, other));
  assert.ok(!isUnsealed(new Uint8Array(33).fill(1), 9, secret));
  assert.ok(!isUnsealed(changeSealing(change), 9, secret));
  assert.equal(openSealing(sealing, 9, derived), undefined);
});

Deno.test("changeSealing keeps the proof for members that were away when the password went", () => {
  const gone = changeSealing({ ...change, derived: null });
  const again = changeSealing({ ...change, former: gone, peerSecret: null, derived: other });
  assert.ok(isUnsealed(again, 9, secret));
  assert.deepEqual(openSealing(again, 9, other), { peerSecret: null });
});

Deno.test("a sealing of another version, or cut short, is none", () => {
  const sealing = changeSealing(change);
  assert.equal(openSealing(sealing.subarray(0, 93), 9, derived), undefined);
  assert.equal(openSealing(Uint8Array.of(2, ...sealing.subarray(1)), 9, derived), undefined);
  assert.equal(openSealing(former, 9, derived), undefined);
  assert.ok(!isUnsealed(former, 9, secret));
});
