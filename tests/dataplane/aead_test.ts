import assert from "node:assert/strict";
import { gcm } from "@noble/ciphers/aes.js";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { seededRandom } from "../../src/base/random.ts";
import { type AeadMaker, type KernelMaker, libcryptoMaker, portableMaker } from "../../src/dataplane/aead.ts";
import { chooseAeads, isRight, measureAeads } from "../../src/dataplane/aead_choice.ts";
import { createArena, LINEAR_AT } from "../../src/dataplane/arena.ts";
import { libcryptoPlainMaker, portablePlainMaker } from "../../src/dataplane/plain.ts";
import { openLibcrypto } from "../../src/ffi/libcrypto.ts";
import type { NativeMemory } from "../../src/ffi/native_memory.ts";
import "../support/load_native.ts";
import { needs } from "../support/needs.ts";

const AEADS = [1, 2] as const;
const TAG_LENGTH = 16;

interface Message {
  epoch: number;
  sequence: number;
  key: Uint8Array;
  salt: Uint8Array;
  plaintext: Uint8Array;
}

/** Section 9.2 of the protocol with a third party's ciphers. */
function reference(aead: 1 | 2, { epoch, sequence, key, salt, plaintext }: Message): Uint8Array {
  const counter = new Uint8Array(8);
  counter[0] = epoch;
  new DataView(counter.buffer).setUint32(4, sequence);
  const aad = Uint8Array.of(...counter, 0x17, 3, 3, plaintext.length >> 8, plaintext.length & 255);
  const nonce = salt.slice();
  if (aead === 1) nonce.set(counter, 4);
  else for (let index = 0; index < 8; index++) nonce[4 + index]! ^= counter[index]!;
  return (aead === 1 ? gcm : chacha20poly1305)(key, nonce, aad).encrypt(plaintext);
}

function place(memory: NativeMemory, at: number, message: Message): void {
  memory.view.setUint32(at, message.epoch * 2 ** 24);
  memory.view.setUint32(at + 4, message.sequence);
  memory.bytes.set(message.plaintext, at + 8);
}

function checkAgainstReference(
  memory: NativeMemory,
  maker: KernelMaker,
  reference: (message: Message) => Uint8Array,
): void {
  const random = seededRandom(1);
  for (let round = 0; round < 60; round++) {
    const [key, salt] = [random.bytes(32), random.bytes(12)];
    const epoch = random.below(256);
    const first = 1 + random.below(2 ** 28 - 10);
    const sealer = maker.sealer({ key, salt }, epoch, first);
    const opener = maker.opener({ key, salt });
    for (let sequence = first; sequence < first + 4; sequence++) {
      const message = { epoch, sequence, key, salt, plaintext: random.bytes(1 + random.below(1500)) };
      const at = LINEAR_AT + random.below(100);
      const { length } = message.plaintext;
      place(memory, at, message);
      assert.ok(sealer.process(at, length));
      assert.deepEqual(memory.bytes.slice(at + 8, at + 8 + length + TAG_LENGTH), reference(message));
      assert.ok(opener.process(at, length));
      assert.deepEqual(memory.bytes.slice(at + 8, at + 8 + length), message.plaintext);
    }
    sealer.close();
    opener.close();
  }
}

for (const aead of AEADS) {
  Deno.test(`portableMaker gives the bytes of another implementation for AEAD ${aead}`, () => {
    const memory = createArena();
    checkAgainstReference(memory, portableMaker(memory, aead), (message) => reference(aead, message));
  });

  Deno.test(
    needs(`libcryptoMaker gives the bytes of another implementation for AEAD ${aead}`, "linux", "libcrypto"),
    () => {
      const memory = createArena();
      checkAgainstReference(
        memory,
        libcryptoMaker(memory, openLibcrypto()!, aead),
        (message) => reference(aead, message),
      );
    },
  );
}

/** Section 14 with a third party's cipher: the text as it is, and the tag over it. */
function plainReference({ epoch, sequence, key, salt, plaintext }: Message): Uint8Array {
  const counter = new Uint8Array(8);
  counter[0] = epoch;
  new DataView(counter.buffer).setUint32(4, sequence);
  const nonce = Uint8Array.of(...salt.subarray(0, 4), ...counter);
  const aad = Uint8Array.of(...counter, 0x17, 3, 3, plaintext.length >> 8, plaintext.length & 255, ...plaintext);
  return Uint8Array.of(...plaintext, ...gcm(key, nonce, aad).encrypt(new Uint8Array(0)));
}

Deno.test("portablePlainMaker gives the bytes of another implementation", () => {
  const memory = createArena();
  checkAgainstReference(memory, portablePlainMaker(memory), plainReference);
});

Deno.test(needs("libcryptoPlainMaker gives the bytes of another implementation", "linux", "libcrypto"), () => {
  const memory = createArena();
  checkAgainstReference(memory, libcryptoPlainMaker(memory, openLibcrypto()!), plainReference);
});

Deno.test(needs("libcryptoPlainMaker tags no two messages under one nonce", "linux", "libcrypto"), () => {
  const memory = createArena();
  const key = { key: new Uint8Array(32), salt: new Uint8Array(12) };
  const sealer = libcryptoPlainMaker(memory, openLibcrypto()!).sealer(key, 0, 1);
  const seal = (sequence: number) => {
    memory.view.setUint32(LINEAR_AT + 4, sequence);
    return sealer.process(LINEAR_AT, 10);
  };
  assert.deepEqual([seal(1), seal(1), seal(2), seal(1)], [true, false, true, false]);
  sealer.close();
  assert.equal(seal(3), false);
});

Deno.test(needs("libcryptoMaker opens messages in any order and after forged ones", "linux", "libcrypto"), () => {
  for (const aead of AEADS) {
    const memory = createArena();
    const maker = libcryptoMaker(memory, openLibcrypto()!, aead);
    const key = { key: new Uint8Array(32).fill(1), salt: new Uint8Array(12).fill(2) };
    const opener = maker.opener(key);
    for (const sequence of [9, 3, 1000, 4]) {
      const message = { ...key, epoch: 7, sequence, plaintext: new Uint8Array(50).fill(sequence) };
      for (const isForged of [true, false]) {
        place(memory, LINEAR_AT, message);
        memory.bytes.set(reference(aead, message), LINEAR_AT + 8);
        if (isForged) memory.bytes[LINEAR_AT + 60]! ^= 4;
        assert.equal(opener.process(LINEAR_AT, 50), !isForged, `AEAD ${aead}, sequence ${sequence}`);
      }
    }
    opener.close();
  }
});

Deno.test(
  needs(
    "libcrypto's sealer refuses a sequence that is not the next, so that no nonce comes twice",
    "linux",
    "libcrypto",
  ),
  () => {
    const memory = createArena();
    const maker = libcryptoMaker(memory, openLibcrypto()!, 1);
    const sealer = maker.sealer({ key: new Uint8Array(32), salt: new Uint8Array(12) }, 0, 5);
    const message = { epoch: 0, key: new Uint8Array(32), salt: new Uint8Array(12), plaintext: new Uint8Array(9) };
    place(memory, LINEAR_AT, { ...message, sequence: 5 });
    assert.ok(sealer.process(LINEAR_AT, 9));
    place(memory, LINEAR_AT, { ...message, sequence: 5 });
    assert.equal(sealer.process(LINEAR_AT, 9), false);
    sealer.close();
  },
);

Deno.test("a kernel that was closed seals and opens nothing", () => {
  const memory = createArena();
  const library = openLibcrypto();
  const key = { key: new Uint8Array(32).fill(1), salt: new Uint8Array(12) };
  for (const aead of AEADS) {
    for (const maker of [portableMaker(memory, aead), ...(library ? [libcryptoMaker(memory, library, aead)] : [])]) {
      for (const kernel of [maker.sealer(key, 0, 1), maker.opener(key)]) {
        kernel.close();
        kernel.close();
        memory.view.setUint32(LINEAR_AT + 4, 1);
        assert.equal(kernel.process(LINEAR_AT, 20), false, `${maker.name}, AEAD ${aead}`);
      }
    }
  }
});

Deno.test("isRight refuses a kernel that is wrong in one byte, opens what is forged, or cannot be made", () => {
  const memory = createArena();
  const good = portableMaker(memory, 2);
  assert.ok(isRight(memory, good));
  const close = () => {};
  const off: AeadMaker = {
    ...good,
    sealer: (key, epoch, first) => {
      const kernel = good.sealer(key, epoch, first);
      const process = (at: number, length: number) => kernel.process(at, length) && (memory.bytes[at + 20]! ^= 1) >= 0;
      return { process, close };
    },
  };
  assert.equal(isRight(memory, off), false);
  const otherKey: AeadMaker = {
    ...good,
    sealer: ({ salt }, epoch, first) => good.sealer({ key: new Uint8Array(32), salt }, epoch, first),
    opener: ({ salt }) => good.opener({ key: new Uint8Array(32), salt }),
  };
  assert.equal(isRight(memory, otherKey), false, "agrees with itself alone");
  const credulous: AeadMaker = {
    ...good,
    opener: (key) => {
      const kernel = good.opener(key);
      return { process: (at, length) => kernel.process(at, length) || true, close };
    },
  };
  assert.equal(isRight(memory, credulous), false);
  const fail = () => {
    throw new Error("no such cipher");
  };
  assert.equal(isRight(memory, { ...good, opener: fail }), false);
});

Deno.test(
  needs("chooseAeads takes libcrypto where it is right, and else the portable kernels", "linux", "libcrypto"),
  () => {
    const memory = createArena();
    assert.deepEqual(AEADS.map((aead) => chooseAeads(memory)[aead].name), ["libcrypto", "libcrypto"]);
    assert.deepEqual([chooseAeads(memory).plain.name, chooseAeads(memory, true).plain.name], ["libcrypto", "portable"]);
    assert.deepEqual(AEADS.map((aead) => chooseAeads(memory, true)[aead].name), ["portable", "portable"]);
  },
);

Deno.test("measureAeads gives a cost for each AEAD, AES-256-GCM first", () => {
  const memory = createArena();
  let now = 0;
  const costs = measureAeads(memory, chooseAeads(memory, true), () => now += 0.5);
  assert.deepEqual(costs.map(({ aead }) => aead), [1, 2]);
  for (const { costNs } of costs) assert.ok(costNs > 0 && Number.isInteger(costNs));
});
