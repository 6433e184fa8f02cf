import assert from "node:assert/strict";
import {
  B,
  CoreEnd,
  CoreWorld,
  endpoint,
  ENDPOINT_A,
  ENDPOINT_B,
  keyPair,
  SPI_A,
  SPI_B,
} from "../support/core_world.ts";
import "../support/load_native.ts";

const PROBE = 4;
const PROBE_ANSWER = 5;
const MTU_PROBE = 6;
const MTU_ANSWER = 7;
const CHAT = 0x0b;
const STRANGER = endpoint(66);

Deno.test("DataPlaneCore tells authentic frames that are not packets, with their sequence and where they came from", () => {
  const world = new CoreWorld();
  world.sendFrame(CHAT, Uint8Array.of(1, 2, 3));
  const [datagram] = world.a.takeSent();
  world.b.receive(STRANGER, [datagram!]);
  assert.deepEqual(world.b.told("frame"), [{
    on: "frame",
    localSpi: SPI_B,
    from: STRANGER,
    epoch: 0,
    sequence: 1,
    isNewest: true,
    frameType: CHAT,
    payload: Uint8Array.of(1, 2, 3),
  }]);
});

Deno.test("DataPlaneCore says of an older datagram that it is not the newest", () => {
  const world = new CoreWorld();
  world.sendFrame(CHAT, Uint8Array.of(1));
  world.sendFrame(CHAT, Uint8Array.of(2));
  world.b.receive(ENDPOINT_A, world.a.takeSent().reverse());
  assert.deepEqual(world.b.told("frame").map(({ sequence, isNewest }) => [sequence, isNewest]), [[2, true], [
    1,
    false,
  ]]);
});

Deno.test("DataPlaneCore takes keepalives in silence", () => {
  const world = new CoreWorld();
  world.sendFrame(3, new Uint8Array());
  world.carry();
  assert.deepEqual([world.b.events, world.b.drops(), world.b.device.written], [[], {}, []]);
  assert.equal(world.b.core.stats()[0]!.idleInMs, 0);
});

Deno.test("DataPlaneCore answers a probe where it came from, and measures the round trip of its own", () => {
  const world = new CoreWorld();
  const elsewhere = endpoint(9, 9999);
  world.sendFrame(PROBE, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0), elsewhere);
  const [train] = world.a.socket.sent.splice(0);
  assert.deepEqual(train!.to, elsewhere);
  world.setTime(30);
  world.b.receive(STRANGER, train!.datagrams);
  const [answer] = world.b.socket.sent.splice(0);
  assert.deepEqual(answer!.to, STRANGER, "not along B's path");
  assert.ok(answer!.datagrams[0]!.length <= 29 + 8 + 18);
  world.setTime(42.5);
  world.a.receive(elsewhere, answer!.datagrams);
  assert.deepEqual(world.a.told("probeAnswer"), [{
    on: "probeAnswer",
    localSpi: SPI_A,
    from: elsewhere,
    probeId: 0x0102030405060708n,
    rttMs: 42.5,
    seenAs: STRANGER,
  }]);
  assert.deepEqual(world.b.told("frame"), [], "the probe itself is not told");
});

Deno.test("DataPlaneCore takes an answer to a probe once, and none to one it did not send", () => {
  const world = new CoreWorld();
  const answer = (id: number) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, id, ...new Uint8Array(18));
  world.b.do({ do: "sendFrame", localSpi: SPI_B, endpoint: null, frameType: PROBE, payload: answer(1).slice(0, 8) });
  world.b.takeSent();
  for (const id of [1, 1, 2]) world.sendFrame(PROBE_ANSWER, answer(id));
  world.sendFrame(PROBE_ANSWER, answer(1).slice(0, 25));
  world.carry();
  assert.equal(world.b.told("probeAnswer").length, 1);
  assert.deepEqual(world.b.drops(), { malformedFrame: 3 });
});

Deno.test("DataPlaneCore answers an MTU probe with the length of its datagram; the answer is told", () => {
  const world = new CoreWorld();
  const payload = new Uint8Array(1100);
  payload[7] = 5;
  world.sendFrame(MTU_PROBE, payload);
  world.carry();
  const [told] = world.a.told("frame");
  assert.equal(told!.frameType, MTU_ANSWER);
  assert.deepEqual([...told!.payload], [0, 0, 0, 0, 0, 0, 0, 5, ...[1129 >> 8, 1129 & 255]]);
});

Deno.test("DataPlaneCore does not answer a probe without a number", () => {
  const world = new CoreWorld();
  for (const type of [PROBE, MTU_PROBE]) world.sendFrame(type, new Uint8Array(7));
  world.carry();
  assert.deepEqual(world.b.drops(), { malformedFrame: 2 });
  assert.deepEqual([world.a.events, world.b.events], [[], []]);
});

Deno.test("DataPlaneCore sends no frame without keys or without a way, and none that is too long", () => {
  const end = new CoreEnd();
  const tunnel = {
    localSpi: 500,
    remoteSpi: 600,
    suite: 2,
    virtualAddress: B,
    peerAcceptsPartialChecksum: true,
  } as const;
  const send = (to: typeof ENDPOINT_B | null, length = 1) =>
    end.do({ do: "sendFrame", localSpi: 500, endpoint: to, frameType: CHAT, payload: new Uint8Array(length) });
  end.do({ do: "addTunnel", tunnel });
  send(ENDPOINT_B);
  end.do({ do: "installKeys", localSpi: 500, keys: keyPair(0).a, use: "both" });
  send(null);
  send(ENDPOINT_B, 1501);
  assert.deepEqual(end.takeSent(), []);
  assert.deepEqual(end.drops(), { noSealingKeys: 1, notReady: 1, tooLong: 1 });
  send(ENDPOINT_B);
  assert.equal(end.takeSent().length, 1);
});

Deno.test("DataPlaneCore hands control datagrams over as they are and sends them as they are", () => {
  const world = new CoreWorld();
  const datagram = Uint8Array.of(0, 0, 0, 0, 0x21, 9, 9);
  world.b.receive(STRANGER, [datagram]);
  assert.deepEqual(world.b.told("control"), [{ on: "control", from: STRANGER, datagram }]);
  world.b.do({ do: "sendDatagram", endpoint: STRANGER, bytes: datagram });
  assert.deepEqual(world.b.socket.sent, [{ to: STRANGER, datagrams: [datagram] }]);
});

Deno.test("DataPlaneCore lets no flood of control datagrams through, but goes on hearing those it speaks with", () => {
  const world = new CoreWorld();
  const datagram = Uint8Array.of(0, 0, 0, 0, 0x21);
  world.b.do({ do: "sendDatagram", endpoint: ENDPOINT_A, bytes: datagram });
  world.b.receive(STRANGER, new Array(5000).fill(datagram));
  assert.equal(world.b.told("control").length, 32);
  assert.equal(world.b.drops().tooManyControlDatagrams, 4968);
  // Forged sources: each passes its own limit, so that only what the main thread has not taken can stop them.
  world.b.waitingControl = 256;
  for (let host = 100; host < 200; host++) world.b.receive(endpoint(host), [datagram]);
  assert.equal(world.b.told("control").length, 32);
  world.b.receive(ENDPOINT_A, [datagram]);
  assert.equal(world.b.told("control").length, 33);
  world.b.receive(ENDPOINT_A, [new Uint8Array(1501)]);
  assert.equal(world.b.drops().malformedDatagram, 1);
});
