import assert from "node:assert/strict";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { createArena, RECEIVE_AT } from "../../src/dataplane/arena.ts";
import { PacketHeader, parsePacket } from "../../src/dataplane/packet.ts";
import { PacketWriter } from "../../src/dataplane/packet_writer.ts";
import { Tally } from "../../src/dataplane/tally.ts";
import { ArrayDevice, type DeviceMessage } from "../support/arena_ports.ts";
import {
  ACK,
  buildPacket,
  CWR,
  FIN,
  hasRightSums,
  headerLengthOf,
  type PacketFields,
  PSH,
} from "../support/packets.ts";
import "../support/load_native.ts";

const NEEDS_CHECKSUM = 1;
const [TCP4, TCP6, UDP] = [1, 4, 5];
const FLOW: PacketFields = { source: 0x0a000001, destination: 0x0a000002, isPartial: true };

/** What the kernel makes of a message: each packet by itself, with its checksum done; null where it would refuse it. */
function deliver({ flags, gsoType, gsoSize, headerLength, checksumStart, checksumOffset, packet }: DeviceMessage) {
  const isVersion4 = packet[0]! >> 4 === 4;
  const ipLength = isVersion4 ? 20 : 40;
  if (flags !== NEEDS_CHECKSUM) return [packet];
  const isTcp = packet[isVersion4 ? 9 : 6] === 6;
  assert.equal(checksumStart, ipLength);
  assert.equal(checksumOffset, isTcp ? 16 : 6);
  assert.equal(headerLength, headerLengthOf(packet));
  if (gsoType === 0) return [completed(packet, checksumStart, checksumOffset)];
  assert.equal(gsoType, isTcp ? (isVersion4 ? TCP4 : TCP6) : UDP);
  if (isVersion4) assert.equal(new DataView(packet.buffer).getUint16(2), packet.length);
  const parts: Uint8Array[] = [];
  for (let at = headerLength; at < packet.length; at += gsoSize) {
    parts.push(cut(packet, headerLength, at - headerLength, Math.min(gsoSize, packet.length - at), isTcp));
  }
  return parts.map((part) => completed(part, checksumStart, checksumOffset));
}

/** One piece of a super-packet, its headers patched as RFC 9293 and RFC 768 have them. */
function cut(whole: Uint8Array, headerLength: number, offset: number, length: number, isTcp: boolean): Uint8Array {
  const part = new Uint8Array(headerLength + length);
  part.set(whole.subarray(0, headerLength));
  part.set(whole.subarray(headerLength + offset, headerLength + offset + length), headerLength);
  const view = new DataView(part.buffer);
  const ipLength = part[0]! >> 4 === 4 ? 20 : 40;
  if (ipLength === 20) {
    view.setUint16(2, part.length);
    view.setUint16(10, 0);
    let sum = 0;
    for (let index = 0; index < 20; index += 2) sum += view.getUint16(index);
    view.setUint16(10, ((sum & 0xffff) + (sum >>> 16)) ^ 0xffff);
  } else view.setUint16(4, part.length - 40);
  if (!isTcp) view.setUint16(ipLength + 4, part.length - ipLength);
  else {
    view.setUint32(ipLength + 4, (view.getUint32(ipLength + 4) + offset) >>> 0);
    const isLast = headerLength + offset + length === whole.length;
    if (!isLast) view.setUint8(ipLength + 13, view.getUint8(ipLength + 13) & ~(FIN | PSH));
  }
  return part;
}

/** The checksum as it must be, whatever the field held. */
function completed(packet: Uint8Array, start: number, offset: number): Uint8Array {
  const copy = packet.slice();
  const view = new DataView(copy.buffer);
  const addresses = start === 20 ? copy.subarray(12, 20) : copy.subarray(8, 40);
  const length = copy.length - start;
  view.setUint16(start + offset, 0);
  const bytes = [
    ...addresses,
    0,
    start === 20 ? copy[9]! : copy[6]!,
    length >> 8,
    length & 255,
    ...copy.subarray(start),
  ];
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) sum += (bytes[index]! << 8) | (bytes[index + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = sum ^ 0xffff;
  view.setUint16(start + offset, checksum === 0 ? 0xffff : checksum);
  return copy;
}

/** Writes packets as they would come out of one receive. */
class Bench {
  readonly memory = createArena();
  readonly device = new ArrayDevice(this.memory);
  readonly tally = new Tally();
  readonly writer: PacketWriter;
  #at = RECEIVE_AT;

  constructor(joinsUdp = true) {
    this.writer = new PacketWriter(this.memory, this.device, this.tally, joinsUdp);
  }

  add(packet: Uint8Array, isPartial = true): void {
    const header = new PacketHeader();
    this.memory.bytes.set(packet, this.#at);
    assert.ok(parsePacket(this.memory.view, this.#at, packet.length, header));
    this.writer.add(this.#at, packet.length, header, isPartial);
    this.#at += packet.length + 29;
  }

  /** What the kernel delivers of all that was added. */
  end(): Uint8Array[] {
    this.writer.flush();
    this.#at = RECEIVE_AT;
    return this.device.written.flatMap(deliver);
  }
}

/** Without the identification, which the joining loses: packets of a run get those that follow the first one's. */
function withoutId(packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  if (copy[0]! >> 4 === 4) copy.fill(0, 4, 6).fill(0, 10, 12);
  return copy;
}

function tcpRun(count: number, length: number, fields: PacketFields = {} as PacketFields): PacketFields[] {
  return Array.from({ length: count }, (_, index) => ({
    ...FLOW,
    ...fields,
    sequence: ((fields.sequence ?? 100) + index * length) % 2 ** 32,
    payload: new Uint8Array(length).fill(index),
  }));
}

Deno.test("PacketWriter joins a run of TCP packets into one write, in both IP versions", () => {
  for (const version of [4, 6] as const) {
    const bench = new Bench();
    const packets = tcpRun(40, 1300, {
      ...FLOW,
      version,
      sequence: 2 ** 32 - 5000,
      options: new Uint8Array(12).fill(1),
    })
      .map(buildPacket);
    packets.forEach((packet) => bench.add(packet));
    const delivered = bench.end();
    assert.equal(bench.device.written.length, 1);
    assert.equal(delivered.length, 40);
    delivered.forEach((packet) => assert.ok(hasRightSums(packet)));
    assert.deepEqual(
      delivered.map((packet) => packet.subarray(headerLengthOf(packet))),
      packets.map((packet) => packet.subarray(headerLengthOf(packet))),
    );
  }
});

Deno.test("PacketWriter joins UDP packets of equal length where the device takes them, else none", () => {
  for (const joinsUdp of [true, false]) {
    const bench = new Bench(joinsUdp);
    for (let index = 0; index < 10; index++) {
      bench.add(buildPacket({ ...FLOW, protocol: "udp", payload: new Uint8Array(index === 9 ? 3 : 500).fill(index) }));
    }
    assert.equal(bench.end().length, 10);
    assert.equal(bench.device.written.length, joinsUdp ? 1 : 10);
  }
});

Deno.test("PacketWriter does not join what differs in anything but length, identification, FIN and PSH", () => {
  const [first, second] = tcpRun(2, 100);
  const different: Record<string, Partial<PacketFields>> = {
    "source": { source: 0x0a000003 },
    "destination": { destination: 0x0a000003 },
    "source port": { sourcePort: 9 },
    "destination port": { destinationPort: 9 },
    "sequence": { sequence: second!.sequence! + 1 },
    "acknowledgement": { acknowledgement: 1 },
    "window": { window: 513 },
    "time to live": { ttl: 63 },
    "type of service": { typeOfService: 4 },
    "options": { options: new Uint8Array(4).fill(1) },
    "a longer payload": { payload: new Uint8Array(101) },
    "SYN": { flags: ACK | 2 },
    "RST": { flags: ACK | 4 },
    "URG": { flags: ACK | 0x20 },
    "ECE": { flags: ACK | 0x40 },
    "CWR": { flags: ACK | CWR },
    "no ACK": { flags: 0 },
    "no payload": { payload: new Uint8Array() },
    "UDP": { protocol: "udp" },
    "IPv6": { version: 6 },
  };
  for (const [name, change] of Object.entries(different)) {
    const bench = new Bench();
    const packets = [buildPacket(first!), buildPacket({ ...second!, ...change })];
    packets.forEach((packet) => bench.add(packet));
    assert.equal(bench.end().length, 2, name);
    assert.equal(bench.device.written.length, 2, name);
  }
});

Deno.test("PacketWriter does not join packets whose options differ, of the same length", () => {
  const bench = new Bench();
  const run = tcpRun(2, 100, { ...FLOW, options: new Uint8Array(12) });
  bench.add(buildPacket(run[0]!));
  bench.add(buildPacket({ ...run[1]!, options: new Uint8Array(12).fill(1, 11) }));
  bench.end();
  assert.equal(bench.device.written.length, 2);
});

Deno.test("PacketWriter ends a run behind PSH, FIN and a shorter packet", () => {
  const enders: Partial<PacketFields>[] = [{ flags: ACK | PSH }, { flags: ACK | FIN }, { payload: new Uint8Array(50) }];
  for (const ender of enders) {
    const bench = new Bench();
    const run = tcpRun(3, 100);
    const middle = { ...run[1]!, ...ender };
    const last = { ...run[2]!, sequence: middle.sequence! + middle.payload!.length };
    const packets = [run[0]!, middle, last].map(buildPacket);
    packets.forEach((packet) => bench.add(packet));
    const delivered = bench.end();
    assert.equal(bench.device.written.length, 2);
    assert.deepEqual(delivered.map((packet) => packet[33]), packets.map((packet) => packet[33]), "flags");
  }
});

Deno.test("PacketWriter joins nothing whose checksum is complete, and leaves it to the kernel to check", () => {
  const bench = new Bench();
  const packets = tcpRun(3, 100).map((fields) => buildPacket({ ...fields, isPartial: false }));
  packets.forEach((packet) => bench.add(packet, false));
  assert.deepEqual(bench.end(), packets);
  assert.deepEqual(bench.device.written.map(({ flags, gsoType }) => [flags, gsoType]), [[0, 0], [0, 0], [0, 0]]);
});

Deno.test("PacketWriter writes the pseudo-header sum itself, whatever the sender left there", () => {
  const bench = new Bench();
  const packet = buildPacket({ ...FLOW, payload: new Uint8Array(10).fill(1) });
  const sum = packet.slice(36, 38);
  packet.fill(0xee, 36, 38);
  bench.add(packet);
  bench.end();
  assert.deepEqual(bench.device.written[0]!.packet.slice(36, 38), sum);
});

Deno.test("PacketWriter drops a packet that is said to lack a checksum but has none", () => {
  const bench = new Bench();
  bench.add(buildPacket({ ...FLOW, protocol: "icmp" }), true);
  assert.equal(bench.end().length, 0);
  assert.equal(bench.tally.counters().drops.malformedPacket, 1);
});

/** A few flows, sent in runs, with now and then something that does not fit. */
function randomTraffic(random: Random): { packet: Uint8Array; isPartial: boolean }[] {
  const flows = Array.from({ length: 4 }, (_, index): PacketFields => ({
    ...FLOW,
    version: random.below(2) === 0 ? 4 : 6,
    protocol: index === 3 ? "udp" : "tcp",
    sourcePort: index,
    sequence: random.u32(),
    options: random.bytes(4 * random.below(4)),
  }));
  const traffic: { packet: Uint8Array; isPartial: boolean }[] = [];
  while (traffic.length < 120) {
    const flow = flows[random.below(flows.length)]!;
    const length = 1 + random.below(1400);
    for (let count = 1 + random.below(30); count > 0; count--) {
      if (random.below(20) === 0) flow.acknowledgement = random.u32();
      const payload = random.bytes(random.below(12) === 0 ? random.below(length + 1) : length);
      const isPartial = random.below(15) !== 0;
      const flags = ACK | (random.below(10) === 0 ? PSH : 0) | (random.below(40) === 0 ? FIN : 0);
      traffic.push({ packet: buildPacket({ ...flow, payload, flags, isPartial }), isPartial });
      if (flow.protocol === "tcp") flow.sequence = (flow.sequence! + payload.length) % 2 ** 32;
      if (random.below(30) === 0) flow.sequence = random.u32();
    }
  }
  return traffic;
}

Deno.test("PacketWriter delivers exactly what was added, in order, on random traffic", () => {
  const random = seededRandom(21);
  let writeCount = 0;
  let packetCount = 0;
  for (let round = 0; round < 15; round++) {
    const traffic = randomTraffic(random);
    const delivered: Uint8Array[] = [];
    let bench = new Bench();
    for (const [index, { packet, isPartial }] of traffic.entries()) {
      bench.add(packet, isPartial);
      if (index % 45 !== 44 && index !== traffic.length - 1) continue;
      delivered.push(...bench.end());
      writeCount += bench.device.written.length;
      bench = new Bench();
    }
    packetCount += traffic.length;
    const expected = traffic.map(({ packet, isPartial }) => {
      const isVersion4 = packet[0]! >> 4 === 4;
      const start = isVersion4 ? 20 : 40;
      return withoutId(isPartial ? completed(packet, start, packet[isVersion4 ? 9 : 6] === 6 ? 16 : 6) : packet);
    });
    assert.deepEqual(delivered.map(withoutId), expected, `round ${round}`);
  }
  assert.ok(writeCount < packetCount / 2, `${writeCount} writes for ${packetCount} packets`);
});
