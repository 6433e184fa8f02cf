import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { DATAGRAM, INNER_FRAME, MAX_EXCHANGE_DATAGRAM_LENGTH } from "../../src/protocol/mod.ts";
import { ExchangeWorld, type Network, PERFECT, SPI } from "./exchange_world.ts";

const SUITES = [1, 2] as const;
const NOTHING: Network = () => [];

/** Types of the control datagrams that one end sent, in order. */
function typesFrom(world: ExchangeWorld, name: "a" | "b"): number[] {
  return world.sent.filter(({ from, bytes }) => from === name && bytes[3] === 0 && bytes[2] === 0).map(({ bytes }) =>
    bytes[4]!
  );
}

for (const suite of SUITES) {
  Deno.test(`An exchange of suite ${suite} gives both ends the same keys, one pair a direction`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(500);
    assert.ok(world.isUp);
    assert.deepEqual(world.a.established, [{ epoch: 0, isRekey: false }]);
    assert.deepEqual(world.b.established, [{ epoch: 0, isRekey: false }]);
    assert.deepEqual([...world.a.drops, ...world.b.drops], []);
    assert.equal(world.b.exchanges.halfOpenCount, 0);
  });

  Deno.test(`An exchange of suite ${suite} sends what the protocol names, once each, when nothing is lost`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(30_000);
    const classic = [[DATAGRAM.classicKe1, DATAGRAM.classicKe3], [DATAGRAM.classicKe2, DATAGRAM.classicConfirm]];
    const modern = [
      [DATAGRAM.modernKe1a, DATAGRAM.modernKe1b, DATAGRAM.modernKe3],
      [DATAGRAM.modernKe2a, DATAGRAM.modernKe2b],
    ];
    assert.deepEqual([typesFrom(world, "a"), typesFrom(world, "b")], suite === 1 ? classic : modern);
    assert.deepEqual([world.a.timerAt, world.b.timerAt], [null, null]);
  });

  Deno.test(`No datagram of an exchange of suite ${suite} is over 1,232 bytes, no answer larger than its question`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(500);
    const total = (name: string) =>
      world.sent.filter(({ from }) => from === name).reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert.ok(world.sent.every(({ bytes }) => bytes.length <= MAX_EXCHANGE_DATAGRAM_LENGTH));
    assert.ok(total("b") <= total("a"));
    // KE1 is the question of KE2, KE3 that of CONFIRM or KEEPALIVE.
    const answers = world.sent.filter(({ from }) => from === "b").map(({ bytes }) => bytes.length);
    const questions = world.sent.filter(({ from }) => from === "a").map(({ bytes }) => bytes.length);
    for (const [index, length] of answers.entries()) assert.ok(length <= questions[index]!, `answer ${index}`);
  });

  Deno.test(`An initiator of suite ${suite} repeats KE1 every 250 ms times 1.5, at most 4 s apart, and fails after 10 s`, () => {
    const world = new ExchangeWorld({ suite, network: NOTHING });
    world.start(world.a);
    world.run(60_000);
    const type = suite === 1 ? DATAGRAM.classicKe1 : DATAGRAM.modernKe1a;
    const times = world.sent.filter(({ bytes }) => bytes[4] === type).map(({ at }) => Math.round(at));
    assert.deepEqual(times, [0, 250, 625, 1188, 2031, 3297, 5195, 8043]);
    assert.deepEqual(world.a.failures, ["no answer"]);
    assert.equal(world.isUp, false);
  });

  Deno.test(`An initiator of suite ${suite} repeats KE3 in the same way until it is answered`, () => {
    const last = suite === 1 ? DATAGRAM.classicKe3 : DATAGRAM.modernKe3;
    const network: Network = (from, bytes, world) =>
      from === world.a && bytes[4] === last && bytes[3] === 0 ? [] : PERFECT(from, bytes, world);
    const world = new ExchangeWorld({ suite, network });
    world.start(world.a);
    world.run(60_000);
    const times = world.sent.filter(({ bytes }) => bytes[3] === 0 && bytes[4] === last).map(({ at }) =>
      Math.round(at) - 40
    );
    assert.deepEqual(times, [0, 250, 625, 1188, 2031, 3297, 5195, 8043]);
    assert.deepEqual(world.a.failures, ["no confirmation"]);
    assert.deepEqual([world.a.established, world.b.established], [[], []]);
    assert.equal(world.b.exchanges.halfOpenCount, 0, "the responder has forgotten it");
  });

  Deno.test(`A responder of suite ${suite} answers each repeated KE3 when its answers are lost`, () => {
    let lost = 0;
    const network: Network = (from, bytes, world) => {
      const isLastAnswer = from === world.b &&
        (bytes[3] !== 0 || bytes[2] !== 0 || bytes[4] === DATAGRAM.classicConfirm);
      return isLastAnswer && lost++ < 3 ? [] : PERFECT(from, bytes, world);
    };
    const world = new ExchangeWorld({ suite, network });
    world.start(world.a);
    world.run(3000);
    assert.ok(world.isUp);
    assert.equal(world.a.established.length, 1);
    assert.equal(world.b.established.length, 1);
  });

  Deno.test(`A responder of suite ${suite} starts nothing, and asks for a rekey only where there are keys`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.b);
    world.run(1000);
    assert.deepEqual(world.sent, []);
    world.start(world.a);
    world.run(10_000);
    world.start(world.b);
    world.run(1000);
    assert.deepEqual(world.a.established.map(({ isRekey }) => isRekey), [false, true]);
    assert.ok(world.isUp);
  });

  Deno.test(`A rekey of suite ${suite} loses no packet in either direction`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(10_000);
    let count = 0;
    for (let ms = 0; ms < 2000; ms += 5) {
      const payload = utf8(String(count++));
      world.after(ms, () => {
        world.sendFrame(world.a, INNER_FRAME.packet, payload);
        world.sendFrame(world.b, INNER_FRAME.packet, payload);
      });
    }
    world.after(500, () => world.start(world.a));
    world.after(1000, () => assert.equal(world.a.established.length, 2, "within half a second"));
    world.run(4000);
    const all = Array.from({ length: count }, (_, index) => String(index));
    assert.deepEqual(world.a.received, all);
    assert.deepEqual(world.b.received, all);
  });

  Deno.test(`An exchange of suite ${suite} is not begun again within 5 s, by either end`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(1000);
    const count = world.sent.length;
    world.start(world.a);
    assert.equal(world.sent.length, count);
    world.start(world.b);
    world.run(100);
    assert.equal(world.a.established.length, 1);
    world.run(5000);
    world.start(world.a);
    world.run(100);
    assert.equal(world.a.established.length, 2);
  });

  Deno.test(`A start while an exchange of suite ${suite} is under way changes nothing`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.start(world.a);
    world.run(30);
    world.start(world.a);
    world.run(500);
    assert.equal(world.a.established.length, 1);
    assert.equal(typesFrom(world, "a").filter((type) => type === 0x11 || type === 0x21).length, 1);
  });

  Deno.test(`PeerExchanges of suite ${suite} keeps the old keys when a rekey fails`, () => {
    let isCut = false;
    const network: Network = (from, bytes, world) => isCut && bytes[3] === 0 ? [] : PERFECT(from, bytes, world);
    const world = new ExchangeWorld({ suite, network });
    world.start(world.a);
    world.run(10_000);
    isCut = true;
    world.start(world.a);
    world.run(15_000);
    assert.deepEqual(world.a.failures, ["no answer"]);
    assert.ok(world.isUp);
    world.sendFrame(world.a, INNER_FRAME.packet, utf8("still"));
    world.run(100);
    assert.deepEqual(world.b.received, ["still"]);
  });

  Deno.test(`A tunnel of suite ${suite} recovers when the responder had KE3 but none of its answers arrived`, () => {
    let isCut = true;
    const network: Network = (from, bytes, world) => {
      const isAnswerToKe3 = from === world.b && (bytes[2] !== 0 || bytes[4] === DATAGRAM.classicConfirm);
      return isCut && isAnswerToKe3 ? [] : PERFECT(from, bytes, world);
    };
    const world = new ExchangeWorld({ suite, network });
    world.start(world.a);
    world.run(20_000);
    assert.deepEqual([world.a.failures, world.b.established.length], [["no confirmation"], 1]);
    isCut = false;
    world.start(world.a);
    world.run(1000);
    assert.ok(world.isUp);
    assert.equal(world.a.established.at(-1)!.epoch, world.b.established.at(-1)!.epoch);
  });
}

Deno.test("A suite 2 exchange given up after KE3 still ends with the first datagram under its keys", () => {
  let isCut = true;
  const network: Network = (from, bytes, world) =>
    isCut && from === world.b && bytes[2] !== 0 ? [] : PERFECT(from, bytes, world);
  const world = new ExchangeWorld({ suite: 2, network });
  world.start(world.a);
  world.run(20_000);
  assert.deepEqual(world.a.failures, ["no confirmation"]);
  isCut = false;
  world.sendFrame(world.b, INNER_FRAME.keepalive, new Uint8Array());
  world.run(100);
  assert.deepEqual(world.a.established, [{ epoch: 0, isRekey: false }]);
  assert.ok(world.isUp);
});

Deno.test("A suite 2 datagram under keys of an earlier attempt ends a later one, whose epoch is the same", () => {
  let isCut = true;
  const network: Network = (from, bytes, world) =>
    isCut && from === world.b && bytes[2] !== 0 ? [] : PERFECT(from, bytes, world);
  const world = new ExchangeWorld({ suite: 2, network });
  world.start(world.a);
  world.run(20_000);
  world.start(world.a);
  isCut = false;
  world.sendFrame(world.b, INNER_FRAME.keepalive, new Uint8Array());
  world.run(5000);
  assert.ok(world.isUp);
  assert.equal(world.a.dataPlane.agreesWith(world.b.dataPlane), true);
});

Deno.test("Epochs of suite 2 count up by one with each rekey and wrap at 256", () => {
  const world = new ExchangeWorld({ suite: 2 });
  for (let i = 0; i < 258; i++) {
    world.start(world.a);
    world.run(6000);
  }
  const expected = Array.from({ length: 258 }, (_, index) => index % 256);
  assert.deepEqual(world.a.established.map(({ epoch }) => epoch), expected);
  assert.ok(world.isUp);
});

Deno.test("KE2 of suite 2 may arrive with its second half first", () => {
  const network: Network = (_from, bytes) => [{ delayMs: bytes[4] === DATAGRAM.modernKe2a ? 60 : 20, bytes }];
  const world = new ExchangeWorld({ suite: 2, network });
  world.start(world.a);
  world.run(240);
  assert.ok(world.isUp);
});

Deno.test("PeerExchanges refuses SPIs that are reserved, equal or taken", () => {
  const world = new ExchangeWorld({ suite: 2 });
  const { a, b } = world;
  const peer = { address: 1, publicKey: b.party.ed25519!.publicKey };
  const settings = { sources: { candidates: [], relays: [] }, networkSecrets: new Map() };
  const open = (localSpi: number, remoteSpi: number) =>
    a.exchanges.open({ suite: 2, localSpi, remoteSpi, local: a.party, peer }, settings);
  assert.throws(() => open(255, 3000), RangeError);
  assert.throws(() => open(3000, 255), RangeError);
  assert.throws(() => open(3000, 3000), RangeError);
  assert.throws(() => open(SPI.a, 3000), RangeError);
  open(3000, 3001);
  assert.ok(a.exchanges.has(3000));
});

Deno.test("PeerExchanges refuses a tunnel without the local key of its suite", () => {
  const { a, b } = new ExchangeWorld({ suite: 2 });
  const settings = { sources: { candidates: [], relays: [] }, networkSecrets: new Map() };
  const spis = { localSpi: 3000, remoteSpi: 3001 };
  const modern = {
    ...spis,
    suite: 2,
    local: { ...a.party, ed25519: null },
    peer: { address: 1, publicKey: b.party.ed25519!.publicKey },
  } as const;
  const classic = {
    ...spis,
    suite: 1,
    local: { ...a.party, rsa: null },
    peer: { address: 1, publicKey: b.party.rsa!.publicBlob },
  } as const;
  assert.throws(() => a.exchanges.open(modern, settings), /no Ed25519 key/);
  assert.throws(() => a.exchanges.open(classic, settings), /no RSA key/);
});

Deno.test("PeerExchanges forgets a closed tunnel: nothing is sent or answered for it", () => {
  for (const suite of SUITES) {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(25);
    world.b.exchanges.close(SPI.b);
    assert.equal(world.b.exchanges.has(SPI.b), false);
    assert.equal(world.b.exchanges.halfOpenCount, 0);
    world.run(2000);
    assert.equal(world.a.established.length, 0);
    assert.ok(world.b.drops.length > 0 && world.b.drops.every((reason) => reason === "unknown SPI"));
    assert.deepEqual(world.b.exchanges.start(SPI.b, world.now), []);
    assert.deepEqual(world.b.exchanges.onTimer(SPI.b, world.now), []);
  }
});
