import assert from "node:assert/strict";
import { concat, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { sealClassic } from "../../src/crypto/mod.ts";
import {
  CLASSIC_ID_END,
  encodeClassicFrameHeader,
  encodeModernFrameHeader,
  encodeStreamCounter,
} from "../../src/protocol/mod.ts";
import { type ControlStream, openClassicStream, openModernStream } from "../../src/session/control_stream.ts";
import { deriveModernKeys, sealModern } from "../../src/session/modern_keys.ts";

const random = seededRandom(17);
const CLASSIC = { cipherKey: random.bytes(32), macKey: random.bytes(20) };
const MODERN = deriveModernKeys(random.bytes(32), random.bytes(32), random.bytes(32));

type Pair = [client: ControlStream, server: ControlStream];

const SUITES: [string, (carried?: number) => Pair][] = [
  ["suite 1", (carried) => [
    openClassicStream("client", CLASSIC, random, carried),
    openClassicStream("server", CLASSIC, random, carried),
  ]],
  ["suite 2 with AES-256-GCM", (carried) => [
    openModernStream("client", 1, MODERN, carried),
    openModernStream("server", 1, MODERN, carried),
  ]],
  ["suite 2 with ChaCha20-Poly1305", (carried) => [
    openModernStream("client", 2, MODERN, carried),
    openModernStream("server", 2, MODERN, carried),
  ]],
];

for (const [name, open] of SUITES) {
  Deno.test(`ControlStream of ${name} carries messages both ways`, () => {
    const [client, server] = open();
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(server.open(client.seal(utf8(`question ${i}`))!), utf8(`question ${i}`));
      assert.deepEqual(client.open(server.seal(utf8(`answer ${i}`))!), utf8(`answer ${i}`));
    }
  });

  Deno.test(`ControlStream of ${name} carries the longest message, and refuses to seal a longer one`, () => {
    const [client, server] = open();
    const longest = random.bytes(client.maxPlaintextLength);
    assert.deepEqual(server.open(client.seal(longest)!), new Uint8Array(longest));
    assert.throws(() => client.seal(new Uint8Array(client.maxPlaintextLength + 1)), RangeError);
  });

  Deno.test(`ControlStream of ${name} does not open a frame that comes back to its sender`, () => {
    const [client, server] = open();
    assert.equal(client.open(client.seal(utf8("reflected"))!), null);
    assert.equal(server.open(server.seal(utf8("reflected"))!), null);
  });

  Deno.test(`ControlStream of ${name} does not open a replayed frame`, () => {
    const [client, server] = open();
    const frame = client.seal(utf8("once"))!;
    assert.notEqual(server.open(frame), null);
    assert.equal(server.open(frame), null);
  });

  Deno.test(`ControlStream of ${name} does not open a frame after a dropped one, the first included`, () => {
    const [client, server] = open();
    client.seal(utf8("dropped"));
    assert.equal(server.open(client.seal(utf8("next"))!), null);
  });

  Deno.test(`ControlStream of ${name} does not open frames out of order`, () => {
    const [client, server] = open();
    const frames = [client.seal(utf8("one"))!, client.seal(utf8("two"))!];
    assert.equal(server.open(frames[1]!), null);
    assert.equal(server.open(frames[0]!), null, "and nothing after the first that did not open");
  });

  Deno.test(`ControlStream of ${name} does not open a frame with any one bit changed`, () => {
    const frame = open()[0].seal(utf8("message"))!;
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const changed = frame.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(open()[1].open(changed), null, `bit ${bit}`);
    }
  });

  Deno.test(`ControlStream of ${name} does not open truncated or lengthened frames`, () => {
    const frame = open()[0].seal(utf8("message"))!;
    for (let length = 0; length < frame.length; length++) {
      assert.equal(open()[1].open(frame.subarray(0, length)), null, `${length} bytes`);
    }
    assert.equal(open()[1].open(concat(frame, new Uint8Array(16))), null);
  });

  Deno.test(`ControlStream of ${name} seals and opens nothing after close`, () => {
    const [client, server] = open();
    const frame = client.seal(utf8("message"))!;
    server.close();
    assert.equal(server.open(frame), null);
    assert.equal(server.seal(utf8("message")), null);
  });
}

Deno.test("ControlStream of suite 1 numbers client frames 1, 3, 5 and server frames 2, 4, 6", () => {
  const [client, server] = SUITES[0]![1]();
  const idOf = (frame: Uint8Array) => new DataView(frame.buffer, frame.byteOffset).getUint32(4);
  assert.deepEqual([1, 2, 3].map(() => idOf(client.seal(utf8("x"))!)), [1, 3, 5]);
  assert.deepEqual([1, 2, 3].map(() => idOf(server.seal(utf8("x"))!)), [2, 4, 6]);
});

Deno.test("ControlStream of suite 1 ends at 2^32 - 2^14 and never wraps", () => {
  const carried = (CLASSIC_ID_END - 6) / 2;
  const [client, server] = SUITES[0]![1](carried);
  let opened = 0;
  for (;;) {
    const frame = client.seal(utf8("message"));
    if (frame === null) break;
    assert.notEqual(server.open(frame), null);
    opened++;
  }
  assert.equal(opened, 3, "ids end - 5, end - 3 and end - 1");
  assert.equal(client.seal(utf8("message")), null);
});

Deno.test("ControlStream does not open what a sender without an end sealed beyond it", () => {
  const id = CLASSIC_ID_END + 1;
  const beyond = sealClassic(encodeClassicFrameHeader(id, 16), utf8("message"), CLASSIC, random.bytes(16));
  assert.equal(openClassicStream("server", CLASSIC, random, CLASSIC_ID_END / 2).open(beyond), null);
  const sealed = sealModern(1, MODERN.dataI, encodeStreamCounter(2 ** 32), utf8("message"));
  const frame = concat(encodeModernFrameHeader(7), sealed);
  assert.equal(openModernStream("server", 1, MODERN, 2 ** 32).open(frame), null);
});

Deno.test("ControlStream of suite 2 ends at 2^32 messages", () => {
  const [client, server] = SUITES[1]![1](2 ** 32 - 1);
  const last = client.seal(utf8("last"))!;
  assert.equal(client.seal(utf8("one more")), null);
  assert.deepEqual(server.open(last), utf8("last"));
  assert.equal(server.open(last), null);
});

Deno.test("openClassicStream and openModernStream keep copies of the keys", () => {
  const keys = { cipherKey: CLASSIC.cipherKey.slice(), macKey: CLASSIC.macKey.slice() };
  const client = openClassicStream("client", keys, random);
  keys.cipherKey.fill(0);
  keys.macKey.fill(0);
  assert.deepEqual(SUITES[0]![1]()[1].open(client.seal(utf8("message"))!), utf8("message"));
});
