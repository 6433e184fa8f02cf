import assert from "node:assert/strict";
import {
  acceptedPin,
  installedPin,
  judgePeer,
  NOTHING_PINNED,
  type PeerOffer,
  pinAfterProof,
  pinState,
} from "../../src/engine/pins.ts";
import type { PeerPin } from "../../src/engine/state_files.ts";

const key = (value: number) => new Uint8Array(32).fill(value);
const offer: PeerOffer = { suites: [1, 2], ed25519: key(1), rsa: key(2) };
const [A, B] = [key(5), key(6)];
const pinned: PeerPin = { ed25519: key(1), rsa: null, suiteSeen: 2 };

Deno.test("judgePeer chooses the highest suite that both speak", () => {
  assert.deepEqual(judgePeer(offer, [1, 2]), { suite: 2 });
  assert.deepEqual(judgePeer(offer, [1]), { suite: 1 });
  assert.deepEqual(judgePeer({ ...offer, suites: [1] }, [1, 2]), { suite: 1 });
});

Deno.test("judgePeer finds no suite where the lists or the keys have none in common", () => {
  const none = { refused: "no common suite with this peer" };
  assert.deepEqual(judgePeer({ ...offer, suites: [1] }, [2]), none);
  assert.deepEqual(judgePeer({ ...offer, ed25519: null }, [2]), none);
  assert.deepEqual(judgePeer({ ...offer, suites: [3] }, [1, 2]), none);
});

Deno.test("judgePeer refuses a changed key, also one of a suite that would not be used", () => {
  const changed = { refused: "the key of this peer has changed" };
  assert.deepEqual(judgePeer({ ...offer, ed25519: key(9) }, [2], pinned), changed);
  assert.deepEqual(judgePeer(offer, [2], { ...pinned, rsa: key(3) }), changed);
});

Deno.test("judgePeer refuses suite 1 for a peer that was seen with suite 2", () => {
  const lowered = { refused: "this peer offers a lower suite than before" };
  assert.deepEqual(judgePeer({ ...offer, suites: [1] }, [1, 2], pinned), lowered);
  assert.deepEqual(judgePeer({ ...offer, ed25519: null }, [1, 2], pinned), lowered);
});

Deno.test("pinAfterProof keeps the proved key only, and the highest suite seen", () => {
  assert.deepEqual(pinAfterProof(offer, 2), { ed25519: key(1), rsa: null, suiteSeen: 2 });
  const classic = pinAfterProof(offer, 1);
  assert.deepEqual(classic, { ed25519: null, rsa: key(2), suiteSeen: 1 });
  assert.deepEqual(pinAfterProof(offer, 2, classic!), { ed25519: key(1), rsa: key(2), suiteSeen: 2 });
});

Deno.test("pinAfterProof has nothing to keep of a peer it knows", () => {
  assert.equal(pinAfterProof(offer, 2, pinned), null);
});

Deno.test("pinState tells a changed key of either suite from one that is pinned, or left out", () => {
  const pin = { ed25519: A, rsa: null, suiteSeen: 2 as const };
  assert.equal(pinState(NOTHING_PINNED, { ed25519: A, rsa: null }), "unpinned");
  assert.equal(pinState(pin, { ed25519: A, rsa: B }), "pinned");
  assert.equal(pinState(pin, { ed25519: null, rsa: null }), "pinned");
  assert.equal(pinState(pin, { ed25519: B, rsa: null }), "changed");
  assert.equal(pinState({ ...pin, rsa: A }, { ed25519: A, rsa: B }), "changed");
});

Deno.test("installedPin takes the place of nothing, and of another key only when that is accepted", () => {
  assert.deepEqual(installedPin(NOTHING_PINNED, A, false), { ed25519: A, rsa: null, suiteSeen: 2 });
  const pin = { ed25519: A, rsa: B, suiteSeen: 2 as const };
  assert.deepEqual(installedPin(pin, A, false), pin);
  assert.equal(installedPin(pin, B, false), null);
  assert.deepEqual(installedPin(pin, B, true), { ed25519: B, rsa: null, suiteSeen: 2 });
});

Deno.test("acceptedPin accepts a changed key, and after it no lower suite", () => {
  const pin = { ed25519: A, rsa: B, suiteSeen: 2 as const };
  assert.equal(acceptedPin(pin, { ed25519: A, rsa: B }, null), null);
  const accepted = acceptedPin(pin, { ed25519: B, rsa: A }, "the key of this peer has changed")!;
  assert.deepEqual(accepted, { ed25519: B, rsa: null, suiteSeen: 2 });
  assert.deepEqual(judgePeer({ suites: [2], ed25519: B, rsa: null }, [1, 2], accepted), { suite: 2 });
  assert.ok("refused" in judgePeer({ suites: [1], ed25519: B, rsa: A }, [1, 2], accepted));
});

Deno.test("acceptedPin lets the suite down only where the peer was refused for it", () => {
  const pin = { ed25519: A, rsa: B, suiteSeen: 2 as const };
  const offer = { suites: [1], ed25519: A, rsa: B };
  const refused = judgePeer(offer, [1, 2], pin);
  assert.ok("refused" in refused);
  const accepted = acceptedPin(pin, offer, refused.refused)!;
  assert.deepEqual(judgePeer(offer, [1, 2], accepted), { suite: 1 });
});
