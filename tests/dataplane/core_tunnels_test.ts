import assert from "node:assert/strict";
import { deviceMessage } from "../support/arena_ports.ts";
import {
  A,
  B,
  CoreEnd,
  CoreWorld,
  endpoint,
  ENDPOINT_A,
  ENDPOINT_B,
  keyPair,
  numbered,
  POOL,
  SPI_A,
  SPI_B,
} from "../support/core_world.ts";
import { buildPacket, type PacketFields, PREFIX6 } from "../support/packets.ts";
import "../support/load_native.ts";

const FROM_A: PacketFields = { source: A, destination: B, protocol: "udp" };
const CHAT = 0x0b;

Deno.test("DataPlaneCore wants a tunnel for an address without one, and sends the first packets once there is one", () => {
  const a = new CoreEnd();
  const { b } = new CoreWorld();
  a.do({ do: "setOverlay", overlay: { virtualAddress: A, pool: POOL, prefix6: PREFIX6 } });
  for (let number = 0; number < 20; number++) {
    a.core.setTime(number * 100);
    a.device.toRead.push(deviceMessage(numbered(number)));
    a.readDevice();
  }
  assert.deepEqual(a.told("tunnelWanted"), new Array(2).fill({ on: "tunnelWanted", virtualAddress: B }));
  assert.equal(a.drops().notReady, 4);
  const tunnel = {
    localSpi: SPI_A,
    remoteSpi: SPI_B,
    suite: 2,
    virtualAddress: B,
    peerAcceptsPartialChecksum: true,
  } as const;
  a.do(
    { do: "addTunnel", tunnel },
    { do: "route", virtualAddress: B, localSpi: SPI_A },
    { do: "installKeys", localSpi: SPI_A, keys: keyPair(0).a, use: "open" },
    { do: "setPath", localSpi: SPI_A, endpoint: ENDPOINT_B },
  );
  assert.deepEqual(a.takeSent(), []);
  a.do({ do: "useKeys", localSpi: SPI_A, epoch: 0 });
  b.receive(ENDPOINT_A, a.takeSent());
  assert.deepEqual(b.numbersWritten(), Array.from({ length: 16 }, (_, number) => number));
});

Deno.test("DataPlaneCore keeps the first packets while a tunnel has no path, in each order of commands", () => {
  const commands = (world: CoreWorld) => [
    () => world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: ENDPOINT_B }),
    () => world.a.do({ do: "route", virtualAddress: B, localSpi: SPI_A }),
  ];
  for (const order of [[0, 1], [1, 0]]) {
    const world = new CoreWorld();
    world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: null }, { do: "unroute", virtualAddress: B });
    world.sendNumber(1);
    for (const index of order) commands(world)[index]!();
    world.carry();
    assert.deepEqual(world.b.numbersWritten(), [1]);
  }
});

Deno.test("DataPlaneCore drops what waited too long for a tunnel", () => {
  const world = new CoreWorld();
  world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: null });
  world.sendNumber(1);
  world.setTime(4999);
  assert.equal(world.a.core.tick(), true);
  world.setTime(5000);
  world.a.core.tick();
  world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: ENDPOINT_B });
  assert.deepEqual(world.a.takeSent(), []);
  assert.deepEqual(world.a.drops(), { expired: 1 });
});

Deno.test("DataPlaneCore changes keys under traffic without losing a packet", () => {
  const world = new CoreWorld();
  let number = 0;
  // Ten packets each way of time, some of them always on their way while the keys change.
  const flying: Uint8Array[] = [];
  const traffic = () => {
    for (let count = 0; count < 10; count++) world.sendNumber(number++);
    flying.push(...world.a.takeSent());
    world.b.receive(ENDPOINT_A, flying.splice(0, flying.length - 5));
    world.b.device.toRead.push(deviceMessage(buildPacket({ source: B, destination: A, payload: new Uint8Array(9) })));
    world.b.readDevice();
    world.a.receive(ENDPOINT_B, world.b.takeSent());
  };
  let sentBack = 0;
  for (let epoch = 1; epoch <= 300; epoch++) {
    world.setTime(epoch * 10);
    const { a, b } = keyPair(epoch & 255);
    traffic();
    world.a.do({ do: "installKeys", localSpi: SPI_A, keys: a, use: "open" });
    traffic();
    world.b.do({ do: "installKeys", localSpi: SPI_B, keys: b, use: "both" });
    traffic();
    assert.equal(world.a.told("keysConfirmed").at(-1)?.epoch, epoch & 255);
    world.a.do({ do: "useKeys", localSpi: SPI_A, epoch: epoch & 255 });
    traffic();
    sentBack += 4;
  }
  world.b.receive(ENDPOINT_A, flying.splice(0));
  assert.deepEqual(world.b.numbersWritten(), Array.from({ length: number }, (_, index) => index & 0xffff));
  assert.equal(world.a.device.written.length, sentBack);
  assert.deepEqual([world.a.drops(), world.b.drops()], [{}, {}]);
  assert.equal(world.a.told("keysConfirmed").length, 300);
});

Deno.test("DataPlaneCore wants new keys each 5 s from 120 s on, and at 180 s holds packets back", () => {
  const world = new CoreWorld();
  const wanted = (now: number) => {
    world.setTime(now);
    world.sendNumber(1);
    return world.a.told("rekeyWanted").length;
  };
  assert.deepEqual([119_999, 120_000, 124_999, 125_000, 180_000].map(wanted), [0, 1, 1, 2, 3]);
  assert.equal(world.a.takeSent().length, 4);
  world.a.do({ do: "installKeys", localSpi: SPI_A, keys: keyPair(1).a, use: "both" });
  assert.equal(world.a.takeSent().length, 1);
});

Deno.test("DataPlaneCore stops at the last sequence, wants keys, and neither wraps nor throws", () => {
  const world = new CoreWorld({ firstSequence: 2 ** 28 - 5 });
  for (let number = 0; number < 10; number++) world.sendNumber(number);
  world.carry();
  assert.deepEqual(world.b.numbersWritten(), [0, 1, 2, 3, 4]);
  assert.equal(world.a.told("rekeyWanted").length, 1);
  const bulk = deviceMessage(buildPacket({ ...FROM_A, payload: new Uint8Array(4000), isPartial: true }), {
    flags: 1,
    gsoType: 5,
    gsoSize: 100,
    checksumStart: 20,
    checksumOffset: 6,
  });
  world.a.device.toRead.push(bulk);
  world.a.readDevice();
  assert.deepEqual(world.a.takeSent(), []);
});

Deno.test("DataPlaneCore ends a super-packet where the sequences end", () => {
  const world = new CoreWorld({ firstSequence: 2 ** 28 - 5 });
  const bulk = deviceMessage(buildPacket({ ...FROM_A, payload: new Uint8Array(4000), isPartial: true }), {
    flags: 1,
    gsoType: 5,
    gsoSize: 100,
    checksumStart: 20,
    checksumOffset: 6,
  });
  world.a.device.toRead.push(bulk);
  world.a.readDevice();
  assert.equal(world.a.takeSent().length, 5);
  assert.deepEqual(world.a.drops(), { noSealingKeys: 1 });
});

Deno.test("DataPlaneCore forgets a removed tunnel, its keys and its routes, and ignores commands for it", () => {
  const world = new CoreWorld();
  world.sendNumber(1);
  world.sendNumber(2);
  const [first, second] = world.a.takeSent();
  world.b.receive(ENDPOINT_A, [first!]);
  world.b.do({ do: "removeTunnel", localSpi: SPI_B });
  world.b.receive(ENDPOINT_A, [second!]);
  world.b.do(
    { do: "sendFrame", localSpi: SPI_B, endpoint: ENDPOINT_A, frameType: CHAT, payload: new Uint8Array(1) },
    { do: "installKeys", localSpi: SPI_B, keys: keyPair(0).b, use: "both" },
    { do: "route", virtualAddress: A, localSpi: SPI_B },
  );
  world.b.device.toRead.push(deviceMessage(buildPacket({ source: B, destination: A })));
  world.b.readDevice();
  assert.deepEqual(world.b.numbersWritten(), [1]);
  assert.deepEqual(world.b.drops(), { unknownSpi: 1 });
  assert.deepEqual(world.b.takeSent(), []);
  assert.deepEqual(world.b.told("tunnelWanted").length, 1);
  assert.deepEqual(world.b.core.stats(), []);
});

Deno.test("DataPlaneCore takes a tunnel with a known SPI for a new one, without the keys and routes of the old", () => {
  const world = new CoreWorld();
  world.sendNumber(1);
  const tunnel = {
    localSpi: SPI_B,
    remoteSpi: SPI_A,
    suite: 2,
    virtualAddress: A,
    peerAcceptsPartialChecksum: true,
  } as const;
  world.b.do({ do: "addTunnel", tunnel });
  world.carry();
  assert.deepEqual(world.b.drops(), { noOpeningKeys: 1 });
  world.b.do({ do: "installKeys", localSpi: SPI_B, keys: keyPair(0).b, use: "both" });
  world.sendNumber(2);
  world.carry();
  assert.deepEqual(world.b.drops(), { noOpeningKeys: 1, notRouted: 1 });
  world.b.device.toRead.push(deviceMessage(buildPacket({ source: B, destination: A })));
  world.b.readDevice();
  assert.deepEqual(world.b.told("tunnelWanted").length, 1);
});

Deno.test("DataPlaneCore keeps many tunnels apart, and gives the place of a removed one to the next", () => {
  const end = new CoreEnd();
  end.do({ do: "setOverlay", overlay: { virtualAddress: A, pool: POOL, prefix6: PREFIX6 } });
  const add = (index: number) => {
    const [localSpi, virtualAddress] = [10_000 + index, POOL.base + 100 + index];
    end.do(
      {
        do: "addTunnel",
        tunnel: { localSpi, remoteSpi: 20_000 + index, suite: 2, virtualAddress, peerAcceptsPartialChecksum: true },
      },
      { do: "installKeys", localSpi, keys: keyPair(index & 255).a, use: "both" },
      { do: "setPath", localSpi, endpoint: endpoint(index) },
      { do: "route", virtualAddress, localSpi },
    );
  };
  for (let index = 0; index < 200; index++) add(index);
  for (let index = 0; index < 200; index += 2) end.do({ do: "removeTunnel", localSpi: 10_000 + index });
  for (let index = 200; index < 300; index++) add(index);
  for (let index = 1; index < 300; index += index < 199 ? 2 : 1) {
    end.device.toRead.push(deviceMessage(buildPacket({ source: A, destination: POOL.base + 100 + index })));
  }
  end.readDevice();
  for (const { to, datagrams } of end.socket.sent) {
    const spi = new DataView(datagrams[0]!.buffer).getUint32(0);
    assert.deepEqual(to, endpoint(spi - 20_000));
  }
  assert.equal(end.takeSent().length, 200);
});

Deno.test("DataPlaneCore needs no tick once all keys are past their time", () => {
  const world = new CoreWorld();
  assert.equal(world.a.core.tick(), true);
  world.setTime(190_000);
  assert.equal(world.a.core.tick(), false);
});
