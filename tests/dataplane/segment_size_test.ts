import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { PacketHeader, parsePacket } from "../../src/dataplane/packet.ts";
import { clampSegmentSize } from "../../src/dataplane/segment_size.ts";
import { A, B } from "../support/core_world.ts";
import { ACK, buildPacket, hasRightSums, type PacketFields } from "../support/packets.ts";

const SYN = 0x02;
const WANTED = Uint8Array.of(2, 4, 0x05, 0x50);
const FIELDS: PacketFields = { source: A, destination: B, flags: SYN, options: WANTED };

/** The packet after the clamp to packets of `maxLength` bytes. */
function clamped(fields: PacketFields, maxLength: number): Uint8Array {
  const packet = buildPacket(fields);
  const view = new DataView(packet.buffer);
  const header = new PacketHeader();
  assert.ok(parsePacket(view, 0, packet.length, header));
  clampSegmentSize(view, 0, header, maxLength, fields.isPartial ?? false);
  return packet;
}

const options = (packet: Uint8Array, version = 4) => packet.subarray(version === 4 ? 40 : 60);

Deno.test("clampSegmentSize makes both halves of a handshake ask for what fits, in both IP versions", () => {
  for (const flags of [SYN, SYN | ACK]) {
    const packet4 = clamped({ ...FIELDS, flags }, 1243);
    assert.deepEqual(options(packet4), Uint8Array.of(2, 4, 1203 >> 8, 1203 & 255));
    const packet6 = clamped({ ...FIELDS, flags, version: 6 }, 1243);
    assert.deepEqual(options(packet6, 6), Uint8Array.of(2, 4, 1183 >> 8, 1183 & 255));
    assert.ok(hasRightSums(packet4) && hasRightSums(packet6));
  }
});

Deno.test("clampSegmentSize keeps the checksum right wherever the option stands", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 200; round++) {
    const before = random.below(3);
    const bytes = new Uint8Array(8).fill(1, 0, before);
    bytes.set([2, 4, 5 + random.below(4), random.below(256)], before);
    const fields = { ...FIELDS, options: bytes, sequence: random.u32(), payload: random.bytes(random.below(30)) };
    const packet = clamped(fields, 1100 + random.below(100));
    assert.ok(hasRightSums(packet), `round ${round}`);
    assert.notDeepEqual(packet, buildPacket(fields));
  }
});

Deno.test("clampSegmentSize leaves a partial checksum alone: it does not cover the option yet", () => {
  const fields = { ...FIELDS, isPartial: true };
  const packet = clamped(fields, 1200);
  assert.deepEqual(packet.subarray(36, 38), buildPacket(fields).subarray(36, 38));
  assert.deepEqual(options(packet), Uint8Array.of(2, 4, 1160 >> 8, 1160 & 255));
});

Deno.test("clampSegmentSize changes nothing that fits, is no SYN, or has no such option", () => {
  const cases: [PacketFields, number][] = [
    [FIELDS, 1400],
    [{ ...FIELDS, flags: ACK }, 1000],
    [{ ...FIELDS, options: new Uint8Array() }, 1000],
    [{ ...FIELDS, options: Uint8Array.of(0, 2, 4, 9, 9, 9, 9, 9) }, 1000],
    [{ ...FIELDS, options: Uint8Array.of(2, 3, 9, 9) }, 1000],
    [{ ...FIELDS, options: Uint8Array.of(8, 0, 8, 1, 9, 9, 2, 4) }, 1000],
    [{ ...FIELDS, protocol: "udp", payload: WANTED }, 1000],
  ];
  for (const [fields, maxLength] of cases) assert.deepEqual(clamped(fields, maxLength), buildPacket(fields));
});
