import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { PacketHeader, parsePacket } from "../../src/dataplane/packet.ts";
import { Segmenter } from "../../src/dataplane/segmenter.ts";
import { ACK, buildPacket, CWR, FIN, type PacketFields, PSH } from "../support/packets.ts";

/** What a network card would send for a super-packet: each packet built from scratch. */
function slowSegments(fields: PacketFields, segment: number): Uint8Array[] {
  const payload = fields.payload!;
  const packets: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += segment) {
    const isLast = offset + segment >= payload.length;
    let flags = fields.flags ?? ACK;
    if (!isLast) flags &= ~(FIN | PSH);
    if (offset > 0) flags &= ~CWR;
    packets.push(buildPacket({
      ...fields,
      flags,
      sequence: ((fields.sequence ?? 0) + offset) % 2 ** 32,
      id: ((fields.id ?? 7) + packets.length) & 0xffff,
      payload: payload.subarray(offset, offset + segment),
      isPartial: true,
    }));
  }
  return packets;
}

function segments(fields: PacketFields, segment: number): Uint8Array[] {
  const whole = buildPacket({ ...fields, isPartial: true });
  const memory = new Uint8Array(whole.length + 2000);
  const view = new DataView(memory.buffer);
  memory.set(whole);
  const header = new PacketHeader();
  assert.ok(parsePacket(view, 0, whole.length, header));
  const segmenter = new Segmenter(view);
  segmenter.begin(0, header);
  const packets: Uint8Array[] = [];
  const { length: payloadLength } = fields.payload!;
  for (let offset = 0; offset < payloadLength; offset += segment) {
    const length = Math.min(segment, payloadLength - offset);
    segmenter.write(whole.length, offset, length, offset + length === payloadLength);
    const packet = memory.slice(whole.length, whole.length + header.length + length);
    packet.set(fields.payload!.subarray(offset, offset + length), header.length);
    packets.push(packet);
  }
  return packets;
}

Deno.test("Segmenter equals building each packet from scratch", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 300; round++) {
    const protocol = random.below(3) === 0 ? "udp" : "tcp";
    const fields: PacketFields = {
      version: random.below(2) === 0 ? 4 : 6,
      source: random.u32(),
      destination: random.u32(),
      protocol,
      sequence: random.u32(),
      acknowledgement: random.u32(),
      window: random.below(65536),
      id: random.below(65536),
      typeOfService: random.below(256),
      flags: ACK | (random.u32() & (FIN | PSH | CWR)),
      options: protocol === "tcp" ? random.bytes(4 * random.below(11)) : new Uint8Array(),
      payload: random.bytes(1 + random.below(9000)),
    };
    const segment = 1 + random.below(1400) + (fields.payload!.length >> 5);
    assert.deepEqual(segments(fields, segment), slowSegments(fields, segment), `round ${round}`);
  }
});
