import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../src/base/random.ts";
import { generateEd25519, mlkemFromSeed } from "../../src/crypto/mod.ts";
import { MAX_BLOB_LENGTH, MESSAGE_KEY_LENGTH, SEALED_HEADER_LENGTH } from "../../src/protocol/mod.ts";
import {
  generateMessageKey,
  type MessageRoute,
  openMessage,
  publishMessageKey,
  readMessageKey,
  sealMessage,
} from "../../src/session/sealed_messages.ts";

const random = seededRandom(101);
const ann = generateEd25519(random);
const bob = generateEd25519(random);
const eve = generateEd25519(random);
const bobSecret = generateMessageKey(random);
const bobKey = readMessageKey(publishMessageKey(bobSecret, bob, 5n), bob.publicKey)!;
const peerSecret = random.bytes(32);
const CONTENT = { sentAt: 1_700_000_000_000n, message: "see you at nine" };
const ROUTE: MessageRoute = {
  senderKey: ann.publicKey,
  receiverKey: bob.publicKey,
  networkId: 9,
  messageId: random.bytes(16),
};

function seal(route = ROUTE, secret: { networkId: number; peerSecret: Uint8Array } | null = null, content = CONTENT) {
  return sealMessage(route, content, { sender: ann.privateKey, receiver: bobKey, secret }, random)!;
}

function open(sealed: Uint8Array, route = ROUTE, secretOf: (id: number) => Uint8Array | null = () => null) {
  return openMessage(route, sealed, { receiver: [generateMessageKey(random), bobSecret], secretOf });
}

Deno.test("openMessage gives back what sealMessage sealed, with any of the receiver's keys", () => {
  deepEqual(open(seal()), { ...CONTENT, secretOf: 0 });
  const strangers = { receiver: [generateMessageKey(random)], secretOf: () => null };
  equal(openMessage(ROUTE, seal(), strangers), null);
});

Deno.test("sealMessage seals the same message differently each time, and hides its length", () => {
  notDeepEqual(seal(), seal());
  const lengthOf = (message: string) => seal(ROUTE, null, { ...CONTENT, message }).length;
  equal(lengthOf("a"), lengthOf("a".repeat(100)));
  const longest = lengthOf("x".repeat(1024));
  equal(longest, SEALED_HEADER_LENGTH + 1152 + 64 + 16);
  ok(longest <= MAX_BLOB_LENGTH.sealed);
});

Deno.test("openMessage refuses a message under another sender, receiver, network or id", () => {
  const sealed = seal();
  for (
    const changed of [
      { senderKey: eve.publicKey },
      { receiverKey: eve.publicKey },
      { networkId: 0 },
      { messageId: random.bytes(16) },
    ]
  ) equal(open(sealed, { ...ROUTE, ...changed }), null, Object.keys(changed)[0]);
});

Deno.test("openMessage refuses a message that somebody else than the named sender signed", () => {
  const forged = sealMessage(ROUTE, CONTENT, { sender: eve.privateKey, receiver: bobKey, secret: null }, random)!;
  equal(open(forged), null);
});

Deno.test("openMessage refuses a message bound to a network's secret unless it has the same", () => {
  const sealed = seal(ROUTE, { networkId: 7, peerSecret });
  deepEqual(open(sealed, ROUTE, (id) => id === 7 ? peerSecret : null), { ...CONTENT, secretOf: 7 });
  equal(open(sealed), null);
  equal(open(sealed, ROUTE, () => random.bytes(32)), null);
});

Deno.test("openMessage refuses a message in which any bit was changed or that was cut", () => {
  const sealed = seal();
  fc.assert(
    fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
      const changed = sealed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      return open(changed) === null;
    }),
    { numRuns: 60 },
  );
  for (const length of [0, 1, SEALED_HEADER_LENGTH, SEALED_HEADER_LENGTH + 16, sealed.length - 1]) {
    equal(open(sealed.subarray(0, length)), null, `${length} bytes`);
  }
});

Deno.test("readMessageKey accepts a key only from the one who signed it, whole", () => {
  const published = publishMessageKey(bobSecret, bob, 5n);
  equal(published.length, MESSAGE_KEY_LENGTH);
  deepEqual(
    readMessageKey(published, bob.publicKey)!.encapsulationKey,
    mlkemFromSeed(bobSecret.mlkem).encapsulationKey,
  );
  equal(readMessageKey(published, eve.publicKey), null);
  equal(readMessageKey(published.subarray(1), bob.publicKey), null);
  for (const at of [0, 1, 9, 41, MESSAGE_KEY_LENGTH - 1]) {
    const changed = published.slice();
    changed[at]! ^= 1;
    equal(readMessageKey(changed, bob.publicKey), null, `byte ${at}`);
  }
});

Deno.test("sealMessage refuses message keys that cannot be used, even signed ones", () => {
  const keys = { sender: ann.privateKey, secret: null };
  const zero = { ...bobKey, x25519: new Uint8Array(32) };
  equal(sealMessage(ROUTE, CONTENT, { ...keys, receiver: zero }, random), null);
  const unreduced = { ...bobKey, encapsulationKey: new Uint8Array(1184).fill(0xff) };
  equal(sealMessage(ROUTE, CONTENT, { ...keys, receiver: unreduced }, random), null);
});
