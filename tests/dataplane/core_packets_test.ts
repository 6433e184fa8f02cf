import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { seededRandom } from "../../src/base/random.ts";
import { type DeviceMessage, deviceMessage } from "../support/arena_ports.ts";
import { A, B, CoreWorld, ENDPOINT_A, POOL, SPI_A, SPI_B, type WorldOptions } from "../support/core_world.ts";
import { ACK, buildPacket, hasRightSums, headerLengthOf, type PacketFields, PREFIX6, PSH } from "../support/packets.ts";
import "../support/load_native.ts";

const NEEDS_CHECKSUM = 1;
const FROM_A: PacketFields = { source: A, destination: B };

/** What a kernel with offloads hands over: a packet or super-packet with a partial checksum. */
function partial(fields: PacketFields, gsoSize = 0): DeviceMessage {
  const packet = buildPacket({ ...fields, isPartial: true });
  const isTcp = (fields.protocol ?? "tcp") === "tcp";
  const tcpType = fields.version === 6 ? 4 : 1;
  return deviceMessage(packet, {
    flags: NEEDS_CHECKSUM,
    gsoType: gsoSize === 0 ? 0 : isTcp ? tcpType : 5,
    gsoSize,
    headerLength: headerLengthOf(packet),
    checksumStart: fields.version === 6 ? 40 : 20,
    checksumOffset: isTcp ? 16 : 6,
  });
}

/** Packets as B's kernel would see them one by one: the payload bytes of each write, and whether they were joined. */
function payloadAt(world: CoreWorld): Uint8Array {
  const parts = world.b.device.written.map(({ packet }) => packet.subarray(headerLengthOf(packet)));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

function send(world: CoreWorld, ...messages: DeviceMessage[]): void {
  world.a.device.toRead.push(...messages);
  world.a.readDevice();
}

Deno.test("DataPlaneCore carries single packets as they are, in both IP versions and all protocols", () => {
  const world = new CoreWorld();
  const packets = (["tcp", "udp", "icmp"] as const).flatMap((protocol) =>
    ([4, 6] as const).map((version) =>
      buildPacket({ ...FROM_A, version, protocol, payload: new Uint8Array(100).fill(version) })
    )
  );
  send(world, ...packets.map((packet) => deviceMessage(packet)));
  world.carry();
  assert.deepEqual(world.b.device.written.map(({ packet }) => packet), packets);
  assert.deepEqual([world.a.drops(), world.b.drops()], [{}, {}]);
});

Deno.test("DataPlaneCore carries a partial checksum through, without anybody adding the payload up", () => {
  const world = new CoreWorld();
  send(world, partial({ ...FROM_A, payload: new Uint8Array(500).fill(7) }));
  world.carry();
  const [message] = world.b.device.written;
  assert.equal(message!.flags, NEEDS_CHECKSUM);
  assert.deepEqual(message!.packet, buildPacket({ ...FROM_A, payload: new Uint8Array(500).fill(7), isPartial: true }));
});

Deno.test("DataPlaneCore completes the checksum for a peer that does not take partial ones", () => {
  for (const protocol of ["tcp", "udp"] as const) {
    for (const version of [4, 6] as const) {
      const world = new CoreWorld({ peerAcceptsPartialChecksum: false });
      const fields: PacketFields = { ...FROM_A, version, protocol, payload: new Uint8Array(4000).fill(7) };
      send(world, partial({ ...fields, payload: new Uint8Array(33).fill(1) }), partial(fields, 1300));
      world.carry();
      const written = world.b.device.written;
      assert.equal(written.length, 5);
      written.forEach(({ packet, flags }) =>
        assert.ok(flags === 0 && hasRightSums(packet), `${protocol} in IPv${version}`)
      );
      assert.deepEqual(world.b.drops(), {});
    }
  }
});

Deno.test("DataPlaneCore completes a partial checksum that is not where a receiver would look for it", () => {
  const world = new CoreWorld();
  const packet = buildPacket({ ...FROM_A, protocol: "icmp", payload: new Uint8Array(64).fill(3) });
  // ICMP, with its checksum two bytes into its header.
  send(world, deviceMessage(packet, { flags: NEEDS_CHECKSUM, checksumStart: 20, checksumOffset: 2 }));
  world.carry();
  const [message] = world.b.device.written;
  assert.equal(message!.flags, 0);
  assert.notDeepEqual(message!.packet.slice(22, 24), packet.slice(22, 24));
});

for (
  const [name, options] of Object.entries(
    {
      "suite 2": {},
      "ChaCha20-Poly1305": { aead: 2 },
      "portable kernels": { portableOnly: true },
      "no segmentation at the socket": { canSegment: false },
      "suite 1": { suite: 1 },
      "complete checksums": { peerAcceptsPartialChecksum: false },
    } satisfies Record<string, WorldOptions>,
  )
) {
  Deno.test(`DataPlaneCore carries super-packets byte for byte: ${name}`, () => {
    const random = seededRandom(31);
    const world = new CoreWorld(options);
    const sent: Uint8Array[] = [];
    let sequence = 1000;
    for (let round = 0; round < 12; round++) {
      // Mostly of one shape, as in bulk; sometimes another version, size or header, or a small packet in between.
      const isOdd = round % 4 === 3;
      const version = isOdd ? 6 : 4;
      const options = new Uint8Array(isOdd ? 0 : 12).fill(1);
      const payload = random.bytes(isOdd ? 2000 : 20_000 + random.below(40_000));
      send(world, partial({ ...FROM_A, version, sequence, options, payload, flags: ACK | PSH }, isOdd ? 900 : 1348));
      sequence += payload.length;
      sent.push(payload);
      if (round % 3 !== 0) continue;
      const small = random.bytes(random.below(200));
      send(world, partial({ ...FROM_A, sourcePort: 7, payload: small }));
      sent.push(small);
    }
    world.carry(true);
    const expected = new Uint8Array(sent.reduce((sum, part) => sum + part.length, 0));
    sent.reduce((at, part) => (expected.set(part, at), at + part.length), 0);
    assert.ok(Buffer.from(payloadAt(world)).equals(Buffer.from(expected)));
    assert.deepEqual([world.a.drops(), world.b.drops()], [{}, {}]);
  });
}

Deno.test("DataPlaneCore carries super-packets whose shape changes in one thing at a time byte for byte", () => {
  const random = seededRandom(32);
  const world = new CoreWorld();
  const sent: Uint8Array[] = [];
  const shape = { version: 4 as 4 | 6, protocol: "tcp" as "tcp" | "udp", options: 12, gsoSize: 1348 };
  for (let round = 0; round < 200; round++) {
    if (round % 3 === 2) {
      const change = random.below(4);
      if (change === 0) shape.version = shape.version === 4 ? 6 : 4;
      else if (change === 1) shape.protocol = shape.protocol === "tcp" ? "udp" : "tcp";
      else if (change === 2) shape.options = 4 * random.below(11);
      else shape.gsoSize = 1024 + random.below(376);
    }
    const { version, protocol, gsoSize } = shape;
    const payload = random.bytes(gsoSize + 1 + random.below(8000));
    const options = new Uint8Array(protocol === "tcp" ? shape.options : 0).fill(1);
    send(world, partial({ ...FROM_A, version, protocol, options, sequence: random.u32(), payload }, gsoSize));
    sent.push(payload);
    if (round % 50 === 49) world.carry(true);
  }
  const expected = Buffer.concat(sent);
  assert.ok(expected.equals(payloadAt(world)));
  assert.deepEqual([world.a.drops(), world.b.drops()], [{}, {}]);
});

Deno.test("DataPlaneCore reads scattered once it has seen the shape, and straight again after single packets", () => {
  const world = new CoreWorld();
  const bulk = partial({ ...FROM_A, options: new Uint8Array(12).fill(1), payload: new Uint8Array(13_480) }, 1348);
  const single = partial({ ...FROM_A, payload: new Uint8Array(10) });
  send(world, bulk, bulk, ...new Array(9).fill(single), single);
  const offered = world.a.device.offered;
  assert.equal(offered[0], 2);
  assert.ok(offered.slice(1, 10).every((count) => count === offered[1] && count > 40), `${offered}`);
  assert.deepEqual(offered.slice(10), [2, 2]);
});

Deno.test("DataPlaneCore sends a super-packet in few sends and writes it in one", () => {
  const world = new CoreWorld();
  const bulk = partial({ ...FROM_A, options: new Uint8Array(12).fill(1), payload: new Uint8Array(45 * 1348) }, 1348);
  send(world, bulk, bulk);
  assert.deepEqual(world.a.socket.sent.map(({ datagrams }) => datagrams.length), [45, 45]);
  for (const { datagrams } of world.a.socket.sent.splice(0)) world.b.receive(ENDPOINT_A, datagrams, true);
  assert.equal(world.b.device.written.length, 2);
});

Deno.test("DataPlaneCore joins packets that were received one by one, if they wait together", () => {
  const world = new CoreWorld();
  send(world, partial({ ...FROM_A, options: new Uint8Array(12).fill(1), payload: new Uint8Array(40 * 1348) }, 1348));
  for (const bytes of world.a.takeSent()) world.b.socket.toReceive.push({ from: ENDPOINT_A, bytes });
  world.b.core.fromSocket();
  assert.equal(world.b.device.written.length, 1);
  assert.equal(world.b.core.counters().packetsWritten, 40);
});

Deno.test("DataPlaneCore joins single packets of one length into one send", () => {
  const world = new CoreWorld();
  const udp = partial({ ...FROM_A, protocol: "udp", payload: new Uint8Array(1300) });
  send(world, ...new Array(8).fill(udp));
  assert.deepEqual(world.a.socket.sent.map(({ datagrams }) => datagrams.length), [8]);
});

Deno.test("DataPlaneCore drops what our own system sends from another address, to another, or malformed", () => {
  const world = new CoreWorld();
  const good = buildPacket(FROM_A);
  const foreign = Uint8Array.of(0xfd, 0x43, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  send(
    world,
    deviceMessage(buildPacket({ source: B, destination: B })),
    deviceMessage(good.slice(0, -1)),
    deviceMessage(buildPacket({ ...FROM_A, version: 6, prefix6: foreign })),
    deviceMessage(buildPacket({ source: A, destination: 0x08080808 })),
    deviceMessage(buildPacket({ source: A, destination: A })),
    partial({ source: B, destination: B, payload: new Uint8Array(3000) }, 1000),
    deviceMessage(good, { flags: NEEDS_CHECKSUM, checksumStart: 20, checksumOffset: 19 }),
    partial({ ...FROM_A, protocol: "icmp", payload: new Uint8Array(3000) }, 1000),
    deviceMessage(good, { flags: NEEDS_CHECKSUM, gsoType: 1, gsoSize: 0 }),
  );
  assert.deepEqual(world.a.takeSent(), []);
  assert.deepEqual(world.a.drops(), { foreignPacket: 7, unroutable: 2 });
  assert.deepEqual(world.a.events, []);
});

Deno.test("DataPlaneCore takes a device message without a packet for a malformed one, not for the last one again", () => {
  for (const first of [partial(FROM_A), partial({ ...FROM_A, payload: new Uint8Array(9000) }, 1300)]) {
    const world = new CoreWorld();
    send(world, first);
    world.a.takeSent();
    send(world, deviceMessage(new Uint8Array()));
    assert.deepEqual(world.a.takeSent(), []);
    assert.deepEqual(world.a.drops(), { foreignPacket: 1 });
  }
});

Deno.test("DataPlaneCore never delivers a packet whose inner source is not the peer's or that is not for us", () => {
  const random = seededRandom(33);
  const world = new CoreWorld();
  // A turns against B: it claims to be others, and its packets go into the tunnel all the same.
  let count = 0;
  for (let round = 0; round < 4000; round++) {
    const version = random.below(2) === 0 ? 4 : 6;
    const isSource = random.below(2) === 0;
    const other = random.below(3) === 0 ? POOL.base + random.below(65536) : random.u32();
    const isPrefix = version === 6 && random.below(2) === 0;
    if (!isPrefix && (other === A || other === B)) continue;
    const changed = PREFIX6.slice();
    changed[random.below(12)]! ^= 1 << random.below(8);
    const prefix6 = isPrefix && isSource ? changed : PREFIX6;
    const destinationPrefix6 = isPrefix && !isSource ? changed : PREFIX6;
    const source = isSource && !isPrefix ? other : A;
    const destination = !isSource && !isPrefix ? other : B;
    const prefixes = { prefix6, destinationPrefix6 };
    const packet = buildPacket({
      source,
      destination,
      version,
      ...prefixes,
      protocol: "udp",
      payload: random.bytes(20),
    });
    sealFrame(world, 1 + random.below(2), packet);
    count++;
  }
  world.carry();
  assert.equal(world.b.device.written.length, 0);
  const { wrongSource, wrongDestination } = world.b.core.counters().drops;
  assert.equal(wrongSource! + wrongDestination!, count);
  assert.ok(wrongSource! > 1000 && wrongDestination! > 1000);
});

/** A frame of any type, sealed by A's own keys. */
function sealFrame(world: CoreWorld, frameType: number, payload: Uint8Array): void {
  world.a.do({ do: "sendFrame", localSpi: SPI_A, endpoint: null, frameType, payload });
}

Deno.test("DataPlaneCore delivers packets only from a tunnel that is routed", () => {
  const world = new CoreWorld();
  const packet = buildPacket(FROM_A);
  world.b.do({ do: "unroute", virtualAddress: A });
  sealFrame(world, 1, packet);
  world.carry();
  assert.deepEqual(world.b.drops(), { notRouted: 1 });
  world.b.do({ do: "route", virtualAddress: A, localSpi: SPI_B });
  sealFrame(world, 1, packet);
  world.carry();
  assert.equal(world.b.device.written.length, 1);
});

Deno.test("DataPlaneCore delivers nothing before it knows who it is", () => {
  const world = new CoreWorld();
  const { b } = new CoreWorld();
  b.do({ do: "setOverlay", overlay: { virtualAddress: B + 1, pool: POOL, prefix6: PREFIX6 } });
  sealFrame(world, 1, buildPacket(FROM_A));
  b.receive(ENDPOINT_A, world.a.takeSent());
  assert.deepEqual(b.drops(), { wrongDestination: 1 });
});

Deno.test("DataPlaneCore drops packets whose lengths disagree, and partial ones without a checksum", () => {
  const world = new CoreWorld();
  const packet = buildPacket(FROM_A);
  sealFrame(world, 1, packet.slice(0, -1));
  sealFrame(world, 2, Uint8Array.of(...packet, 0));
  sealFrame(world, 1, new Uint8Array());
  sealFrame(world, 2, buildPacket({ ...FROM_A, protocol: "icmp" }));
  world.carry();
  assert.equal(world.b.device.written.length, 0);
  assert.deepEqual(world.b.drops(), { malformedPacket: 4 });
});

Deno.test("DataPlaneCore recomputes where a partial checksum is and what it starts from, whatever the peer wrote there", () => {
  const world = new CoreWorld();
  const packet = buildPacket({ ...FROM_A, payload: new Uint8Array(50), isPartial: true });
  const forged = packet.slice();
  forged.fill(0xab, 36, 38);
  sealFrame(world, 2, forged);
  world.carry();
  const [message] = world.b.device.written;
  assert.deepEqual(message!.packet, packet);
  assert.deepEqual([message!.checksumStart, message!.checksumOffset], [20, 16]);
});

Deno.test("DataPlaneCore counts what each tunnel carries and drops", () => {
  const world = new CoreWorld();
  send(
    world,
    partial({ ...FROM_A, payload: new Uint8Array(960) }),
    partial({ ...FROM_A, payload: new Uint8Array(2000) }, 1000),
  );
  sealFrame(world, 1, buildPacket({ source: B, destination: B }));
  world.setTime(500);
  world.carry();
  world.setTime(750);
  const [out] = world.a.core.stats();
  assert.deepEqual([out!.packetsOut, out!.bytesOut, out!.packetsIn, out!.idleInMs], [3, 3080, 0, null]);
  const [into] = world.b.core.stats();
  assert.deepEqual([into!.packetsIn, into!.bytesIn, into!.dropsIn, into!.idleInMs], [3, 3080, 1, 250]);
});
