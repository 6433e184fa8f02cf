import assert from "node:assert/strict";
import { deviceMessage } from "../support/arena_ports.ts";
import { A, B, CoreWorld, POOL, SPI_A, SPI_B } from "../support/core_world.ts";
import { buildPacket, internetSum, type PacketFields, PREFIX6 } from "../support/packets.ts";
import "../support/load_native.ts";

const FROM_A: PacketFields = { source: A, destination: B, protocol: "udp" };
/** Suite 2 adds 28 bytes and the frame type to a packet. */
const AROUND = 29;
const NOBODY = POOL.base + 99;

interface IcmpError {
  version: number;
  source: Uint8Array;
  destination: Uint8Array;
  type: number;
  code: number;
  mtu: number;
  quoted: Uint8Array;
}

/** Reads an error the slow way. */
function parseError(packet: Uint8Array): IcmpError {
  const version = packet[0]! >> 4;
  const [ipLength, sourceAt, addressLength] = version === 4 ? [20, 12, 4] : [40, 8, 16];
  const icmp = packet.subarray(ipLength);
  if (version === 4) {
    assert.equal(internetSum(packet.subarray(0, 20)), 0xffff);
    assert.equal(packet[9], 1);
    assert.equal(internetSum(icmp), 0xffff);
  } else {
    assert.equal(packet[6], 58);
    const pseudo = Uint8Array.of(...packet.subarray(8, 40), 0, 0, icmp.length >> 8, icmp.length & 255, 0, 0, 0, 58);
    const sum = internetSum(pseudo) + internetSum(icmp);
    assert.equal(sum > 0xffff ? sum - 0xffff : sum, 0xffff);
  }
  const view = new DataView(packet.buffer, packet.byteOffset);
  assert.equal(view.getUint16(version === 4 ? 2 : 4), version === 4 ? packet.length : packet.length - 40);
  return {
    version,
    source: packet.slice(sourceAt, sourceAt + addressLength),
    destination: packet.slice(sourceAt + addressLength, sourceAt + 2 * addressLength),
    type: icmp[0]!,
    code: icmp[1]!,
    mtu: view.getUint32(ipLength + 4),
    quoted: icmp.slice(8),
  };
}

/** What A's system hears about a packet of its own. */
function errorsAbout(world: CoreWorld, ...packets: Uint8Array[]): IcmpError[] {
  world.a.device.toRead.push(...packets.map((packet) => deviceMessage(packet)));
  world.a.readDevice();
  return world.a.device.written.splice(0).map(({ packet }) => parseError(packet));
}

/** The one error that A's system has heard. */
function takeError(world: CoreWorld): IcmpError {
  const [message, ...more] = world.a.device.written.splice(0);
  assert.deepEqual(more, []);
  return parseError(message!.packet);
}

function limited(length: number, suite: 1 | 2 = 2): CoreWorld {
  const world = new CoreWorld({ suite });
  world.a.do({ do: "setMaxDatagramLength", localSpi: SPI_A, length });
  world.b.do({ do: "setMaxDatagramLength", localSpi: SPI_B, length });
  return world;
}

function packetOf(length: number, fields: Partial<PacketFields> = {}): Uint8Array {
  const version = fields.version ?? 4;
  return buildPacket({ ...FROM_A, ...fields, payload: new Uint8Array(length - (version === 4 ? 28 : 48)).fill(5) });
}

Deno.test("DataPlaneCore sends no datagram longer than the path carries and tells its system the MTU", () => {
  for (const version of [4, 6] as const) {
    const world = limited(1272);
    const fitting = packetOf(1272 - AROUND, { version });
    const tooLong = packetOf(1272 - AROUND + 1, { version });
    const [error, ...more] = errorsAbout(world, fitting, tooLong);
    assert.deepEqual(world.a.takeSent().map(({ length }) => length), [1272]);
    assert.deepEqual(more, []);
    const [kind, quotedLength] = version === 4 ? [[3, 4], 548] : [[2, 0], 1232];
    assert.deepEqual([error!.type, error!.code, error!.mtu], [...kind, 1243]);
    assert.deepEqual(error!.quoted, tooLong.subarray(0, quotedLength));
    const [at, count] = version === 4 ? [12, 4] : [8, 16];
    assert.deepEqual(error!.destination, tooLong.slice(at, at + count), "it is told to the sender");
    assert.deepEqual(error!.source, tooLong.slice(at + count, at + 2 * count));
    assert.deepEqual(world.a.drops(), { tooLong: 1 });
  }
});

Deno.test("DataPlaneCore counts the padding of suite 1 when it says how long packets may be", () => {
  const world = limited(1272, 1);
  // 1,272 - 36 = 1,236 bytes hold 77 blocks, of which one byte is padding and one the type.
  const [error] = errorsAbout(world, packetOf(1230), packetOf(1231));
  assert.equal(error!.mtu, 77 * 16 - 2);
  assert.deepEqual(world.a.takeSent().map(({ length }) => length), [1268]);
});

Deno.test("DataPlaneCore refuses a super-packet of segments that are too long, and quotes its headers", () => {
  const world = limited(1272);
  const packet = buildPacket({ ...FROM_A, protocol: "tcp", payload: new Uint8Array(5000), isPartial: true });
  world.a.device.toRead.push(
    deviceMessage(packet, {
      flags: 1,
      gsoType: 1,
      gsoSize: 1300,
      headerLength: 40,
      checksumStart: 20,
      checksumOffset: 16,
    }),
  );
  world.a.readDevice();
  assert.deepEqual(world.a.takeSent(), []);
  const error = parseError(world.a.device.written[0]!.packet);
  assert.deepEqual([error.type, error.code, error.mtu, error.quoted.length], [3, 4, 1243, 40]);
  // The segmenter must not have touched what is quoted.
  assert.deepEqual(error.quoted, packet.subarray(0, 40));
});

Deno.test("DataPlaneCore makes a handshake of TCP ask for segments that fit, at either end", () => {
  const SYN = 2;
  const wanted = Uint8Array.of(2, 4, 1360 >> 8, 1360 & 255);
  const syn = deviceMessage(buildPacket({ source: A, destination: B, flags: SYN, options: wanted }));
  for (const limitedEnd of ["a", "b"] as const) {
    const world = new CoreWorld();
    const localSpi = limitedEnd === "a" ? SPI_A : SPI_B;
    world[limitedEnd].do({ do: "setMaxDatagramLength", localSpi, length: 1272 });
    world.a.device.toRead.push(syn);
    world.a.readDevice();
    world.carry();
    const [written] = world.b.device.written;
    assert.deepEqual(written!.packet.slice(40), Uint8Array.of(2, 4, 1203 >> 8, 1203 & 255), limitedEnd);
  }
});

Deno.test("DataPlaneCore holds packets that waited for a tunnel to the limit as well", () => {
  const world = new CoreWorld();
  world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: null });
  world.a.do({ do: "setMaxDatagramLength", localSpi: SPI_A, length: 1272 });
  assert.deepEqual(errorsAbout(world, packetOf(1300)), []);
  world.a.do({ do: "setPath", localSpi: SPI_A, endpoint: { address: new Uint8Array(16).fill(1), port: 9 } });
  assert.deepEqual(world.a.takeSent(), []);
  assert.equal(parseError(world.a.device.written[0]!.packet).mtu, 1243);
});

Deno.test("DataPlaneCore says at once that an address outside of the overlay cannot be reached", () => {
  const world = new CoreWorld();
  const [four] = errorsAbout(world, packetOf(100, { destination: 0x08080808 }));
  assert.deepEqual([four!.type, four!.code], [3, 0]);
  const elsewhere = new Uint8Array(12).fill(0x20);
  const [six] = errorsAbout(world, packetOf(100, { version: 6, destinationPrefix6: elsewhere }));
  assert.deepEqual([six!.type, six!.code], [1, 0]);
  assert.deepEqual(world.a.drops(), { unroutable: 2 });
});

Deno.test("DataPlaneCore says that an address cannot be reached when no tunnel came, or nobody has it", () => {
  for (const version of [4, 6] as const) {
    const world = new CoreWorld();
    const packet = packetOf(100, { destination: NOBODY, version });
    const expected = version === 4 ? [3, 1] : [1, 3];
    assert.deepEqual(errorsAbout(world, packet), []);
    world.setTime(4999);
    world.a.core.tick();
    assert.equal(world.a.device.written.length, 0);
    world.setTime(5000);
    world.a.core.tick();
    const late = takeError(world);
    assert.deepEqual([late.type, late.code], expected);
    assert.deepEqual(late.quoted, packet);
    errorsAbout(world, packet);
    world.a.do({ do: "refuse", virtualAddress: NOBODY });
    const refused = takeError(world);
    assert.deepEqual([refused.type, refused.code], expected);
    assert.deepEqual(world.a.drops(), { expired: 2 });
  }
});

Deno.test("DataPlaneCore tells no errors about errors, later fragments, groups and all", () => {
  const outside = { destination: 0x08080808 };
  const cases: [string, Uint8Array][] = [
    ["an ICMP error", packetOf(60, { ...outside, protocol: "icmp" }).map((byte, at) => at === 20 ? 3 : byte)],
    ["a later fragment", packetOf(60, outside).map((byte, at) => at === 7 ? 9 : byte)],
    ["a group", packetOf(60, { destination: 0xe0000001 })],
    ["everybody", packetOf(60, { destination: 0xffffffff })],
    [
      "an ICMPv6 error",
      packetOf(90, { ...outside, version: 6, protocol: "icmp" }).map((byte, at) => at === 40 ? 1 : byte),
    ],
    ["an IPv6 group", packetOf(90, { version: 6, destinationPrefix6: new Uint8Array(12).fill(0xff) })],
  ];
  for (const [what, packet] of cases) {
    const world = new CoreWorld();
    world.a.do({
      do: "setOverlay",
      overlay: { virtualAddress: A, pool: { base: 0x0a4d0000, bits: 16 }, prefix6: PREFIX6 },
    });
    assert.deepEqual(errorsAbout(world, packet), [], what);
    assert.equal(world.a.drops()["unroutable"], 1, what);
  }
  const query = packetOf(60, { ...outside, protocol: "icmp" });
  assert.equal(errorsAbout(new CoreWorld(), query).length, 1, "a query is answered");
});

Deno.test("DataPlaneCore tells a limited number of errors in any time", () => {
  const world = new CoreWorld();
  const flood = Array.from({ length: 200 }, () => packetOf(100, { destination: 0x08080808 }));
  assert.equal(errorsAbout(world, ...flood).length, 50);
  world.setTime(100);
  assert.equal(errorsAbout(world, ...flood).length, 10);
});
