import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import {
  completeChecksum,
  foldSum,
  PacketHeader,
  parsePacket,
  PROTOCOL_OPAQUE,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeaderSum,
  sumOf,
} from "../../src/dataplane/packet.ts";
import { buildPacket, hasRightSums, internetSum, type PacketFields } from "../support/packets.ts";

const FIELDS: PacketFields = { source: 0x0a000001, destination: 0x0a000002, payload: new Uint8Array(33).fill(9) };

function viewOf(packet: Uint8Array): DataView {
  return new DataView(packet.buffer, packet.byteOffset, packet.length);
}

function parse(packet: Uint8Array, length = packet.length): PacketHeader | null {
  const header = new PacketHeader();
  return parsePacket(viewOf(packet), 0, length, header) ? header : null;
}

function changed(packet: Uint8Array, at: number, ...bytes: number[]): Uint8Array {
  const copy = packet.slice();
  copy.set(bytes, at);
  return copy;
}

Deno.test("parsePacket finds the headers of TCP and UDP in both IP versions", () => {
  const options = new Uint8Array(12);
  const cases: [PacketFields, number, number, number][] = [
    [{ ...FIELDS }, PROTOCOL_TCP, 20, 40],
    [{ ...FIELDS, options }, PROTOCOL_TCP, 20, 52],
    [{ ...FIELDS, protocol: "udp" }, PROTOCOL_UDP, 20, 28],
    [{ ...FIELDS, version: 6, options }, PROTOCOL_TCP, 40, 72],
    [{ ...FIELDS, version: 6, protocol: "udp" }, PROTOCOL_UDP, 40, 48],
    [{ ...FIELDS, protocol: "icmp" }, PROTOCOL_OPAQUE, 20, 20],
    [{ ...FIELDS, version: 6, protocol: "icmp" }, PROTOCOL_OPAQUE, 40, 40],
  ];
  for (const [fields, protocol, ipLength, length] of cases) {
    const header = parse(buildPacket(fields));
    assert.deepEqual({ ...header }, { version: fields.version ?? 4, protocol, ipLength, length });
  }
});

Deno.test("parsePacket refuses a packet whose IP lengths disagree with its own", () => {
  const v4 = buildPacket(FIELDS);
  const v6 = buildPacket({ ...FIELDS, version: 6 });
  const refused = {
    "empty": new Uint8Array(0),
    "no header": v4.slice(0, 19),
    "version 5": changed(v4, 0, 0x55),
    "header of 16 bytes": changed(v4, 0, 0x44),
    "header beyond the packet": changed(v4.slice(0, 40), 0, 0x4f, 0, 0, 40),
    "total length too long": changed(v4, 2, 0, v4.length + 1),
    "total length too short": changed(v4, 2, 0, v4.length - 1),
    "no IPv6 header": v6.slice(0, 39),
    "payload length too long": changed(v6, 4, 0, v6.length - 40 + 1),
    "payload length too short": changed(v6, 4, 0, v6.length - 40 - 1),
    "extension header beyond the packet": changed(changed(v6, 6, 0), 41, 200),
  };
  for (const [name, packet] of Object.entries(refused)) assert.equal(parse(packet), null, name);
});

Deno.test("parsePacket walks extension headers, but not more than eight", () => {
  const chain = (count: number) => {
    const packet = buildPacket({ ...FIELDS, version: 6, payload: new Uint8Array(100) });
    const bytes = new Uint8Array(packet.length + 8 * count);
    bytes.set(packet.subarray(0, 40));
    bytes.set(packet.subarray(40), 40 + 8 * count);
    for (let index = 0; index < count; index++) bytes[40 + 8 * index] = index === count - 1 ? 6 : 60;
    viewOf(bytes).setUint16(4, bytes.length - 40);
    if (count > 0) bytes[6] = 0;
    return bytes;
  };
  assert.equal(parse(chain(8))?.ipLength, 40 + 64);
  assert.equal(parse(chain(8))?.protocol, PROTOCOL_TCP);
  assert.equal(parse(chain(9)), null);
});

Deno.test("parsePacket takes fragments and broken transport headers as opaque", () => {
  const tcp = buildPacket(FIELDS);
  const udp = buildPacket({ ...FIELDS, protocol: "udp" });
  const opaque = {
    "more fragments": changed(tcp, 6, 0x20, 0),
    "a later fragment": changed(tcp, 6, 0, 1),
    "TCP header of 16 bytes": changed(tcp, 32, 0x40),
    "TCP header beyond the packet": changed(tcp.slice(), 32, 0xf0).slice(),
    "UDP length wrong": changed(udp, 24, 0, 5),
  };
  viewOf(opaque["TCP header beyond the packet"]).setUint8(32, 0xf0);
  for (const [name, packet] of Object.entries(opaque)) {
    const isLong = name === "TCP header beyond the packet";
    const shown = isLong ? changed(packet.slice(0, 60), 2, 0, 60) : packet;
    assert.equal(parse(shown)?.protocol, PROTOCOL_OPAQUE, name);
    assert.equal(parse(shown)?.length, 20, name);
  }
});

Deno.test("parsePacket neither throws nor reads a header longer than the packet, whatever it is given", () => {
  const random = seededRandom(3);
  const samples = [FIELDS, { ...FIELDS, version: 6 as const }, { ...FIELDS, protocol: "udp" as const }].map(
    buildPacket,
  );
  for (let round = 0; round < 20_000; round++) {
    const packet = round % 2 === 0 ? random.bytes(random.below(120)) : samples[round % 3]!.slice();
    if (packet.length > 0) packet[random.below(packet.length)] = random.below(256);
    const header = parse(packet);
    if (header !== null) assert.ok(header.length <= packet.length && header.ipLength <= header.length);
  }
});

Deno.test("sumOf and foldSum equal the sum of RFC 1071 word by word", () => {
  const random = seededRandom(4);
  for (let length = 0; length < 300; length++) {
    const bytes = length % 7 === 0 ? new Uint8Array(length + 1).fill(255) : random.bytes(length + 1);
    assert.equal(foldSum(sumOf(viewOf(bytes), 1, length)), internetSum(bytes.subarray(1)), `length ${length}`);
  }
});

Deno.test("completeChecksum turns a pseudo-header sum into a checksum that holds", () => {
  const random = seededRandom(5);
  for (let round = 0; round < 400; round++) {
    const protocol = round % 2 === 0 ? "tcp" : "udp";
    const fields: PacketFields = {
      ...FIELDS,
      version: round % 3 === 0 ? 6 : 4,
      protocol,
      payload: random.bytes(round),
      isPartial: true,
    };
    const packet = buildPacket(fields);
    const header = parse(packet)!;
    const fieldAt = header.ipLength + (protocol === "tcp" ? 16 : 6);
    const pseudo = pseudoHeaderSum(viewOf(packet), 0, header, packet.length - header.ipLength);
    assert.equal(pseudo, viewOf(packet).getUint16(fieldAt), "pseudo-header sum");
    completeChecksum(viewOf(packet), header.ipLength, packet.length - header.ipLength, fieldAt);
    assert.ok(hasRightSums(packet), `round ${round}`);
  }
});

Deno.test("completeChecksum never writes 0, which to UDP means that there is none", () => {
  const packet = buildPacket({ ...FIELDS, protocol: "udp", payload: new Uint8Array(2), isPartial: true });
  const view = viewOf(packet);
  // A payload that makes the sum 0xffff, whose complement is 0.
  view.setUint16(28, 0xffff - foldSum(sumOf(view, 20, 10)));
  completeChecksum(view, 20, 10, 26);
  assert.equal(view.getUint16(26), 0xffff);
});
