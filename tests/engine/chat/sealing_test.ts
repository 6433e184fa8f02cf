import { deepEqual, equal } from "node:assert/strict";
import { ed25519Fingerprint } from "../../../src/crypto/mod.ts";
import { chooseSecret, isImpostor, judgeMessage } from "../../../src/engine/chat/sealing.ts";

const KEY = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);
const PIN = { ed25519: ed25519Fingerprint(KEY), rsa: null, suiteSeen: 2 } as const;
const NO_PIN = { ed25519: null, rsa: KEY, suiteSeen: 1 } as const;
const SECRETS = new Map([[5, KEY], [3, OTHER]]);

Deno.test("isImpostor knows a key that is not the pinned one", () => {
  equal(isImpostor({ publicKey: OTHER, pin: PIN }), true);
  equal(isImpostor({ publicKey: KEY, pin: PIN }), false);
  for (const pin of [undefined, NO_PIN]) equal(isImpostor({ publicKey: OTHER, pin }), false);
});

Deno.test("chooseSecret takes the network's own for its messages, pinned or not", () => {
  for (const pin of [undefined, PIN]) {
    deepEqual(chooseSecret(5, pin, SECRETS), { networkId: 5, peerSecret: KEY });
    equal(chooseSecret(4, pin, SECRETS), null);
  }
});

Deno.test("chooseSecret takes that of the lowest common network where nothing is pinned", () => {
  deepEqual(chooseSecret(0, undefined, SECRETS), { networkId: 3, peerSecret: OTHER });
  deepEqual(chooseSecret(0, NO_PIN, SECRETS), { networkId: 3, peerSecret: OTHER });
  equal(chooseSecret(0, PIN, SECRETS), null);
  equal(chooseSecret(0, undefined, new Map()), null);
});

Deno.test("judgeMessage refuses a message to a sealed network without its secret", () => {
  equal(judgeMessage({ secretOf: 0, networkId: 5 }, PIN, KEY), null);
  equal(judgeMessage({ secretOf: 3, networkId: 5 }, PIN, KEY), null);
  deepEqual(judgeMessage({ secretOf: 5, networkId: 5 }, undefined, KEY), { isVerified: true });
});

Deno.test("judgeMessage calls verified what a pin or a secret vouches for, and nothing else", () => {
  deepEqual(judgeMessage({ secretOf: 0, networkId: 0 }, PIN, undefined), { isVerified: true });
  deepEqual(judgeMessage({ secretOf: 3, networkId: 0 }, undefined, undefined), { isVerified: true });
  deepEqual(judgeMessage({ secretOf: 0, networkId: 0 }, undefined, undefined), { isVerified: false });
  deepEqual(judgeMessage({ secretOf: 0, networkId: 5 }, NO_PIN, undefined), { isVerified: false });
});
