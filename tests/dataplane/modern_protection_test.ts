import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { chooseAeads } from "../../src/dataplane/aead_choice.ts";
import { createArena, LINEAR_AT } from "../../src/dataplane/arena.ts";
import { ModernProtection } from "../../src/dataplane/modern_protection.ts";
import { OpenedInfo, REFUSED } from "../../src/dataplane/protection.ts";
import type { TunnelKeys } from "../../src/dataplane/types.ts";
import "../support/load_native.ts";
import { keyPair } from "../support/core_world.ts";

const AT = LINEAR_AT;
const REMOTE_SPI = 0xfedc_ba98;
const HEADER_LENGTH = 12;

/** One end of a tunnel and what its keys said. */
class End {
  readonly memory = createArena();
  readonly confirmed: number[] = [];
  rekeysWanted = 0;
  readonly info = new OpenedInfo();
  readonly protection = new ModernProtection(this.memory, REMOTE_SPI, chooseAeads(this.memory), {
    keysConfirmed: (epoch) => void this.confirmed.push(epoch),
    rekeyWanted: () => void this.rekeysWanted++,
  });

  seal(text: string): Uint8Array | null {
    const plaintext = new TextEncoder().encode(text);
    this.memory.bytes.set(plaintext, AT + HEADER_LENGTH);
    if (!this.protection.seal(AT, plaintext.length)) return null;
    return this.memory.bytes.slice(AT, AT + this.protection.datagramLength(plaintext.length));
  }

  /** The plaintext, or why it was refused. */
  open(datagram: Uint8Array, now = 0): string | number {
    this.memory.bytes.set(datagram, AT);
    const length = this.protection.open(AT, datagram.length, now, this.info);
    if (length < 0) return length;
    return new TextDecoder().decode(this.memory.bytes.slice(AT + HEADER_LENGTH, AT + HEADER_LENGTH + length));
  }
}

function ends(firstSequence = 1, aead: 1 | 2 = 1, isPlain: { a: boolean; b: boolean } = { a: false, b: false }) {
  const [a, b] = [new End(), new End()];
  const keys = { a: keyPair(0, firstSequence, aead, isPlain.a).a, b: keyPair(0, firstSequence, aead, isPlain.b).b };
  a.protection.install(keys.a, "both", 0);
  b.protection.install(keys.b, "both", 0);
  return { a, b };
}

/** Section 9.2 by the runtime's own ciphers. */
function openByHand(datagram: Uint8Array, keys: TunnelKeys): string {
  const counter = datagram.slice(4, 12);
  const nonce = keys.openSalt.slice();
  if (keys.aead === 1) nonce.set(counter, 4);
  else counter.forEach((byte, index) => nonce[4 + index]! ^= byte);
  const name = keys.aead === 1 ? "aes-256-gcm" : "chacha20-poly1305" as "aes-256-gcm";
  const decipher = createDecipheriv(name, keys.openKey, nonce, { authTagLength: 16 });
  const length = datagram.length - 28;
  decipher.setAAD(Uint8Array.of(...counter, 0x17, 3, 3, length >> 8, length & 255));
  decipher.setAuthTag(datagram.slice(-16));
  const text = new Uint8Array(decipher.update(datagram.slice(12, -16)));
  decipher.final();
  return new TextDecoder().decode(text);
}

for (const aead of [1, 2] as const) {
  Deno.test(`ModernProtection seals what node:crypto opens, AEAD ${aead}`, () => {
    const end = new End();
    const keys = keyPair(200, 77, aead);
    end.protection.install(keys.a, "both", 0);
    for (const sequence of [77, 78, 79]) {
      const datagram = end.seal(`message ${sequence}`)!;
      const view = new DataView(datagram.buffer);
      assert.equal(view.getUint32(0), REMOTE_SPI);
      assert.equal(view.getUint32(4), 200 * 2 ** 24);
      assert.equal(view.getUint32(8), sequence);
      assert.equal(openByHand(datagram, keys.b), `message ${sequence}`);
    }
    end.protection.close();
  });

  Deno.test(`ModernProtection opens what the other end sealed and refuses it with any one bit changed, AEAD ${aead}`, () => {
    const { a, b } = ends(1, aead);
    const datagram = a.seal("x")!;
    for (let bit = 32; bit < datagram.length * 8; bit++) {
      const forged = datagram.slice();
      forged[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok([REFUSED.forged, REFUSED.noKeys].includes(b.open(forged) as -4), `bit ${bit}`);
    }
    assert.equal(b.open(datagram), "x");
    for (const end of [a, b]) end.protection.close();
  });
}

Deno.test("ModernProtection refuses what it has opened before, and what is too short", () => {
  const { a, b } = ends();
  const datagram = a.seal("once")!;
  assert.equal(b.open(datagram), "once");
  assert.equal(b.open(datagram), REFUSED.replayed);
  for (let length = 0; length <= 28; length++) assert.equal(b.open(datagram.slice(0, length)), REFUSED.malformed);
});

Deno.test("ModernProtection does not let a forged datagram move the window", () => {
  const { a, b } = ends();
  const first = a.seal("first")!;
  const forged = first.slice();
  new DataView(forged.buffer).setUint32(8, 2 ** 27);
  assert.equal(b.open(forged), REFUSED.forged);
  assert.equal(b.open(first), "first");
});

Deno.test("ModernProtection takes datagrams out of order within 2,048, and none from behind", () => {
  const { a, b } = ends();
  const datagrams = Array.from({ length: 2050 }, (_, index) => a.seal(`${index + 1}`)!);
  assert.equal(b.open(datagrams[2048]!), "2049");
  assert.equal(b.info.isNewest, true);
  assert.equal(b.open(datagrams[0]!), REFUSED.replayed, "2,048 behind");
  assert.equal(b.open(datagrams[1]!), "2", "2,047 behind");
  assert.equal(b.info.isNewest, false);
  assert.equal(b.info.sequence, 2);
});

Deno.test("ModernProtection seals up to sequence 2^28 - 1 and never wraps", () => {
  const { a, b } = ends(2 ** 28 - 5);
  for (let left = 5; left > 0; left--) {
    assert.equal(a.protection.isReady(0), true);
    assert.equal(b.open(a.seal("last")!), "last");
  }
  for (let again = 0; again < 3; again++) {
    assert.equal(a.protection.isReady(0), false);
    assert.equal(a.seal("one more"), null);
  }
});

Deno.test("ModernProtection refuses sequence 0, 2^28 and all above, even when they are authentic", () => {
  for (
    const [sequence, isTaken] of [[0, false], [2 ** 28 - 1, true], [2 ** 28, false], [2 ** 31, false], [
      2 ** 32 - 1,
      false,
    ]] as const
  ) {
    const { b } = ends();
    const datagram = sealByKernel(b.memory, 0, sequence);
    assert.equal(b.open(datagram), isTaken ? "hi" : REFUSED.noKeys, `sequence ${sequence}`);
  }
  const { b } = ends();
  const high = sealByKernel(b.memory, 1, 1);
  assert.equal(b.open(high), REFUSED.noKeys, "2^32 + 1");
});

/** An authentic datagram of A's that no sealer of ours would make: `high` is the sequence's upper part. */
function sealByKernel(memory: ReturnType<typeof createArena>, high: number, sequence: number): Uint8Array {
  const { sealKey, sealSalt } = keyPair(0).a;
  const at = AT + 4096;
  const kernel = chooseAeads(memory, true)[1].sealer({ key: sealKey, salt: sealSalt }, 0, 1);
  memory.view.setUint32(at, 1234);
  memory.view.setUint32(at + 4, high);
  memory.view.setUint32(at + 8, sequence);
  memory.bytes.set([0x68, 0x69], at + 12);
  assert.ok(kernel.process(at + 4, 2));
  return memory.bytes.slice(at, at + 30);
}

Deno.test("ModernProtection wants new keys after 2^26 messages", () => {
  const { a } = ends(2 ** 26 - 1);
  assert.equal(a.protection.isReady(0), true);
  assert.equal(a.rekeysWanted, 0);
  a.seal("x");
  assert.equal(a.protection.isReady(0), true);
  assert.equal(a.rekeysWanted, 1);
});

Deno.test("ModernProtection wants new keys after 120 s, seals until 180 s and opens until 190 s", () => {
  const { a, b } = ends();
  const [early, late] = [a.seal("early")!, a.seal("late")!];
  assert.equal(a.protection.isReady(119_999), true);
  assert.equal(a.rekeysWanted, 0);
  assert.equal(a.protection.isReady(120_000), true);
  assert.equal(a.rekeysWanted, 1);
  assert.equal(a.protection.isReady(179_999), true);
  assert.equal(a.protection.isReady(180_000), false);
  assert.equal(b.open(early, 189_999), "early");
  assert.equal(b.open(late, 190_000), REFUSED.noKeys);
});

Deno.test("ModernProtection clears keys that are past their time", () => {
  const { a } = ends();
  assert.equal(a.protection.expire(189_999), true);
  assert.equal(a.protection.expire(190_000), false);
  assert.equal(a.protection.isReady(0), false);
  assert.equal(a.seal("x"), null);
});

Deno.test("ModernProtection wants keys when it has none, and refuses everything", () => {
  const end = new End();
  assert.equal(end.protection.isReady(0), false);
  assert.equal(end.rekeysWanted, 1);
  assert.equal(end.seal("x"), null);
  assert.equal(end.open(ends().a.seal("x")!), REFUSED.noKeys);
});

Deno.test("ModernProtection opens with new keys at once, seals with them when told, and says when they are confirmed", () => {
  const { a, b } = ends();
  const next = keyPair(1);
  // The initiator opens with the new keys first, the responder seals with them first (section 8.3).
  a.protection.install(next.a, "open", 1000);
  assert.equal(b.open(a.seal("still old")!), "still old");
  b.protection.install(next.b, "both", 1000);
  const underNew = b.seal("new")!;
  assert.equal(underNew[4], 1);
  assert.deepEqual(a.confirmed, []);
  assert.equal(a.open(underNew, 1000), "new");
  assert.deepEqual(a.confirmed, [1]);
  assert.equal(a.info.epoch, 1);
  assert.equal(a.open(b.seal("again")!, 1000), "again");
  assert.deepEqual(a.confirmed, [1], "said once");
  assert.equal(a.seal("old until told")![4], 0);
  a.protection.use(1, 1000);
  assert.equal(a.seal("new now")![4], 1);
});

Deno.test("ModernProtection opens with the former keys for another 10 s", () => {
  const { a, b } = ends();
  const [first, second] = [a.seal("first")!, a.seal("second")!];
  b.protection.install(keyPair(1).b, "both", 50_000);
  assert.equal(b.open(first, 59_999), "first");
  assert.equal(b.open(second, 60_000), REFUSED.noKeys);
});

Deno.test("ModernProtection does not take a datagram of the former keys for the newest, once something came under new ones", () => {
  const { a, b } = ends();
  const next = keyPair(1);
  const old = [a.seal("1")!, a.seal("2")!, a.seal("3")!];
  b.protection.install(next.b, "open", 0);
  b.open(old[0]!);
  assert.equal(b.info.isNewest, true);
  a.protection.install(next.a, "both", 0);
  b.open(a.seal("new")!);
  assert.equal(b.info.isNewest, true);
  b.open(old[1]!);
  assert.equal(b.info.isNewest, false);
  b.protection.use(1, 0);
  b.open(old[2]!);
  assert.equal(b.info.isNewest, false);
});

Deno.test("ModernProtection refuses an epoch it has no keys for, and a wrong epoch under the right keys", () => {
  const { a, b } = ends();
  const datagram = a.seal("x")!;
  datagram[4] = 1;
  assert.equal(b.open(datagram), REFUSED.noKeys);
  b.protection.install(keyPair(1).b, "open", 0);
  assert.equal(b.open(datagram), REFUSED.forged);
  assert.deepEqual(b.confirmed, []);
});

Deno.test("ModernProtection keeps one window per epoch", () => {
  const { a, b } = ends();
  const next = keyPair(1);
  assert.equal(b.open(a.seal("1 of epoch 0")!), "1 of epoch 0");
  a.protection.install(next.a, "both", 0);
  b.protection.install(next.b, "both", 0);
  const first = a.seal("1 of epoch 1")!;
  assert.equal(b.open(first), "1 of epoch 1");
  assert.equal(b.open(first), REFUSED.replayed);
});

Deno.test("ModernProtection lets new keys take the place of others of the same epoch, in any slot", () => {
  const { a, b } = ends();
  const old = a.seal("old")!;
  const random = keyPair(0, 1, 2);
  b.protection.install(random.b, "both", 0);
  assert.equal(b.open(old), REFUSED.forged);
  a.protection.install(random.a, "both", 0);
  assert.equal(b.open(a.seal("new")!), "new");
  const again = keyPair(0, 1, 1);
  b.protection.install(again.b, "open", 0);
  a.protection.install(again.a, "both", 0);
  assert.equal(b.open(a.seal("newer")!), "newer");
  assert.deepEqual(b.confirmed, [0]);
});

Deno.test("ModernProtection ignores keys of suite 1 and a use of keys it does not have", () => {
  const { a, b } = ends();
  a.protection.install({ cipherKey: new Uint8Array(32), macKey: new Uint8Array(20), firstSequence: 65 }, "both", 0);
  a.protection.use(9, 0);
  assert.equal(b.open(a.seal("as before")!), "as before");
});

Deno.test("ModernProtection with plain keys sends the text as it is, and takes none that was changed, repeated or cut", () => {
  for (const aead of [1, 2] as const) {
    const { a, b } = ends(1, aead, { a: true, b: true });
    const datagram = a.seal("readable")!;
    assert.equal(new TextDecoder().decode(datagram.subarray(12, -16)), "readable");
    for (let at = 4; at < datagram.length; at++) {
      const forged = datagram.slice();
      forged[at]! ^= 1;
      assert.ok((b.open(forged) as number) < 0, `byte ${at}`);
    }
    assert.ok((b.open(datagram.subarray(0, -1)) as number) < 0);
    assert.equal(b.open(datagram), "readable");
    assert.equal(b.open(datagram), REFUSED.replayed);
  }
});

Deno.test("ModernProtection under keys that encrypt opens nothing that was sent plain, nor the other way round", () => {
  for (const isPlain of [{ a: true, b: false }, { a: false, b: true }]) {
    const { a, b } = ends(1, 1, isPlain);
    assert.equal(b.open(a.seal("text")!), REFUSED.forged);
  }
});
