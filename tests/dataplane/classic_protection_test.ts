import assert from "node:assert/strict";
import { createDecipheriv, createHmac } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { createArena, LINEAR_AT } from "../../src/dataplane/arena.ts";
import { ClassicProtection } from "../../src/dataplane/classic_protection.ts";
import { OpenedInfo, REFUSED } from "../../src/dataplane/protection.ts";
import type { ClassicKeys } from "../../src/dataplane/types.ts";
import "../support/load_native.ts";

const AT = LINEAR_AT;
const HEADER_LENGTH = 8;

function keys(seed: number, firstSequence = 65): ClassicKeys {
  const random = seededRandom(seed);
  return { cipherKey: random.bytes(32), macKey: random.bytes(20), firstSequence };
}

class End {
  readonly memory = createArena();
  readonly confirmed: number[] = [];
  rekeysWanted = 0;
  readonly info = new OpenedInfo();
  readonly #random = seededRandom(1);
  readonly protection: ClassicProtection;

  constructor(remoteSpi: number) {
    this.protection = new ClassicProtection(this.memory, remoteSpi, (length) => this.#random.bytes(length), {
      keysConfirmed: (epoch) => void this.confirmed.push(epoch),
      rekeyWanted: () => void this.rekeysWanted++,
    });
  }

  seal(text: string): Uint8Array | null {
    const plaintext = new TextEncoder().encode(text);
    this.memory.bytes.set(plaintext, AT + HEADER_LENGTH);
    if (!this.protection.seal(AT, plaintext.length)) return null;
    return this.memory.bytes.slice(AT, AT + this.protection.datagramLength(plaintext.length));
  }

  open(datagram: Uint8Array, now = 0): string | number {
    this.memory.bytes.set(datagram, AT);
    const length = this.protection.open(AT, datagram.length, now, this.info);
    if (length < 0) return length;
    return new TextDecoder().decode(this.memory.bytes.slice(AT + HEADER_LENGTH, AT + HEADER_LENGTH + length));
  }
}

function ends(firstSequence = 65): { a: End; b: End } {
  const [a, b] = [new End(5000), new End(6000)];
  for (const end of [a, b]) end.protection.install(keys(1, firstSequence), "both", 0);
  return { a, b };
}

Deno.test("ClassicProtection seals what node:crypto opens: spi, id, ciphertext, iv, mac", () => {
  const { a } = ends();
  const { cipherKey, macKey } = keys(1);
  for (const [index, text] of ["", "15 bytes of text", "a longer one of thirty-two bytes"].entries()) {
    const datagram = a.seal(text)!;
    assert.equal(datagram.length, 8 + 16 * (Math.floor(text.length / 16) + 1) + 28);
    const view = new DataView(datagram.buffer);
    assert.equal(view.getUint32(0), 5000);
    assert.equal(view.getUint32(4), 65 + index);
    const mac = createHmac("sha1", macKey).update(datagram.slice(0, -12)).digest();
    assert.deepEqual([...datagram.slice(-12)], [...mac.subarray(0, 12)]);
    const decipher = createDecipheriv("aes-256-cbc", cipherKey, datagram.slice(-28, -12));
    assert.equal(decipher.update(datagram.slice(8, -28)).toString() + decipher.final().toString(), text);
  }
});

Deno.test("ClassicProtection never uses an initialisation vector twice", () => {
  const { a } = ends();
  const vectors = new Set(Array.from({ length: 200 }, () => String(a.seal("x")!.slice(-28, -12))));
  assert.equal(vectors.size, 200);
});

Deno.test("ClassicProtection opens each datagram once and refuses it with any one bit changed", () => {
  const { a, b } = ends();
  const datagram = a.seal("hello")!;
  for (let bit = 0; bit < datagram.length * 8; bit++) {
    const forged = datagram.slice();
    forged[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(Number(b.open(forged)) < 0, `bit ${bit}`);
  }
  assert.equal(b.open(datagram), "hello");
  assert.equal(b.open(datagram), REFUSED.replayed);
  for (let length = 0; length < 52; length++) assert.equal(b.open(datagram.slice(0, length)), REFUSED.malformed);
});

Deno.test("ClassicProtection does not let a forged datagram move the window", () => {
  const { a, b } = ends();
  const first = a.seal("first")!;
  const forged = first.slice();
  new DataView(forged.buffer).setUint32(4, 2 ** 31);
  assert.equal(b.open(forged), REFUSED.forged);
  assert.equal(b.open(first), "first");
});

Deno.test("ClassicProtection tries the MAC of the current, the next and, for 10 s, the former keys", () => {
  const { a, b } = ends();
  const former = [a.seal("former")!, a.seal("too late")!];
  b.protection.install(keys(2), "open", 1000);
  a.protection.install(keys(2), "both", 1000);
  assert.equal(b.open(a.seal("next")!, 1000), "next");
  assert.deepEqual(b.confirmed, [0]);
  b.protection.use(0, 1000);
  assert.equal(b.open(former[0]!, 10_999), "former");
  assert.equal(b.info.isNewest, false);
  assert.equal(b.open(former[1]!, 11_000), REFUSED.forged);
  assert.equal(b.open(a.seal("current")!, 11_000), "current");
  assert.equal(b.protection.expire(10_999), true);
  assert.equal(b.protection.expire(11_000), false);
});

Deno.test("ClassicProtection seals nothing from id 2^32 - 2^14 on and refuses such ids", () => {
  const end = 2 ** 32 - 2 ** 14;
  const { a, b } = ends(end - 5);
  for (let left = 5; left > 0; left--) assert.equal(b.open(a.seal("last")!), "last");
  for (let again = 0; again < 3; again++) {
    assert.equal(a.protection.isReady(0), false);
    assert.equal(a.seal("one more"), null);
  }
  const datagram = ends().a.seal("x")!;
  for (const id of [0, end, 2 ** 32 - 1]) {
    new DataView(datagram.buffer).setUint32(4, id);
    assert.equal(b.open(datagram), REFUSED.noKeys, `id ${id}`);
  }
});

Deno.test("ClassicProtection wants new keys after 2^28 messages and after an hour", () => {
  const byCount = ends(2 ** 28 - 1).a;
  byCount.protection.isReady(0);
  assert.equal(byCount.rekeysWanted, 0);
  byCount.seal("x");
  byCount.protection.isReady(0);
  assert.equal(byCount.rekeysWanted, 1);
  const byAge = ends().a;
  byAge.protection.isReady(3_599_999);
  assert.equal(byAge.rekeysWanted, 0);
  assert.equal(byAge.protection.isReady(3_600_000), true);
  assert.equal(byAge.rekeysWanted, 1);
});

Deno.test("ClassicProtection refuses everything without keys, and ignores keys of suite 2", () => {
  const end = new End(5000);
  const other = new Uint8Array(32);
  end.protection.install(
    {
      epoch: 0,
      aead: 1,
      isPlain: false,
      sealKey: other,
      sealSalt: other,
      openKey: other,
      openSalt: other,
      firstSequence: 1,
    },
    "both",
    0,
  );
  assert.equal(end.protection.isReady(0), false);
  assert.equal(end.seal("x"), null);
  assert.equal(end.open(ends().a.seal("x")!), REFUSED.noKeys);
  end.protection.close();
});
