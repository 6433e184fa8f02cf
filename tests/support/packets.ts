/**
 * IP packets for tests, made and checked the slow and obvious way: the twins of what the data plane does in place.
 */
import { mappedIpv4 } from "../../src/base/ip.ts";
import type { Random } from "../../src/base/random.ts";

/** What a test says of a packet; all else has a default. */
export interface PacketFields {
  version?: 4 | 6;
  /** Virtual addresses as unsigned numbers; IPv6 packets carry them behind `prefix6`. */
  source: number;
  destination: number;
  prefix6?: Uint8Array;
  /** Where the destination has another. */
  destinationPrefix6?: Uint8Array;
  protocol?: "tcp" | "udp" | "icmp";
  sourcePort?: number;
  destinationPort?: number;
  sequence?: number;
  acknowledgement?: number;
  window?: number;
  /** TCP flags; 0x10 is ACK. */
  flags?: number;
  /** TCP options, a multiple of 4 bytes. */
  options?: Uint8Array;
  id?: number;
  ttl?: number;
  typeOfService?: number;
  payload?: Uint8Array;
  /** Whether the checksum field is to hold only the pseudo-header sum. Default false. */
  isPartial?: boolean;
}

export const PREFIX6: Uint8Array = Uint8Array.of(0xfd, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1 } as const;

export const FIN = 0x01;
export const PSH = 0x08;
export const ACK = 0x10;
export const CWR = 0x80;

/** RFC 1071, one 16-bit word at a time. */
export function internetSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum += (bytes[index]! << 8) | (bytes[index + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

function addressBytes(version: 4 | 6, address: number, prefix6: Uint8Array): Uint8Array {
  const four = mappedIpv4(address).slice(12);
  return version === 4 ? four : Uint8Array.of(...prefix6, ...four);
}

function transportHeader(fields: PacketFields): Uint8Array {
  const { protocol = "tcp", payload = new Uint8Array(), options = new Uint8Array() } = fields;
  if (protocol === "icmp") return Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 1);
  const header = new Uint8Array(protocol === "udp" ? 8 : 20 + options.length);
  const view = new DataView(header.buffer);
  view.setUint16(0, fields.sourcePort ?? 1000);
  view.setUint16(2, fields.destinationPort ?? 2000);
  if (protocol === "udp") {
    view.setUint16(4, 8 + payload.length);
    return header;
  }
  view.setUint32(4, fields.sequence ?? 0);
  view.setUint32(8, fields.acknowledgement ?? 0);
  view.setUint8(12, header.length / 4 << 4);
  view.setUint8(13, fields.flags ?? ACK);
  view.setUint16(14, fields.window ?? 512);
  header.set(options, 20);
  return header;
}

function ipHeader(fields: PacketFields, length: number): Uint8Array {
  const { version = 4, source, destination, prefix6 = PREFIX6, protocol = "tcp" } = fields;
  const header = new Uint8Array(version === 4 ? 20 : 40);
  const view = new DataView(header.buffer);
  const next = version === 6 && protocol === "icmp" ? 58 : PROTOCOLS[protocol];
  if (version === 4) {
    view.setUint8(0, 0x45);
    view.setUint8(1, fields.typeOfService ?? 0);
    view.setUint16(2, 20 + length);
    view.setUint16(4, fields.id ?? 7);
    view.setUint16(6, 0x4000);
    view.setUint8(8, fields.ttl ?? 64);
    view.setUint8(9, next);
  } else {
    view.setUint32(0, (6 << 28 | (fields.typeOfService ?? 0) << 20 | 0x12345) >>> 0);
    view.setUint16(4, length);
    view.setUint8(6, next);
    view.setUint8(7, fields.ttl ?? 64);
  }
  header.set(addressBytes(version, source, prefix6), version === 4 ? 12 : 8);
  header.set(addressBytes(version, destination, fields.destinationPrefix6 ?? prefix6), version === 4 ? 16 : 24);
  if (version === 4) view.setUint16(10, internetSum(header) ^ 0xffff);
  return header;
}

function pseudoHeader(fields: PacketFields, length: number): Uint8Array {
  const { version = 4, source, destination, prefix6 = PREFIX6, protocol = "tcp" } = fields;
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint16(0, PROTOCOLS[protocol]);
  new DataView(tail.buffer).setUint16(2, length);
  return Uint8Array.of(
    ...addressBytes(version, source, prefix6),
    ...addressBytes(version, destination, fields.destinationPrefix6 ?? prefix6),
    ...tail,
  );
}

/** The packet as bytes, with all lengths and sums right. */
export function buildPacket(fields: PacketFields): Uint8Array<ArrayBuffer> {
  const { payload = new Uint8Array(), protocol = "tcp", isPartial = false } = fields;
  const transport = transportHeader(fields);
  const length = transport.length + payload.length;
  const ip = ipHeader(fields, length);
  const packet = new Uint8Array(ip.length + length);
  packet.set(ip);
  packet.set(transport, ip.length);
  packet.set(payload, ip.length + transport.length);
  if (protocol === "icmp") return packet;
  const view = new DataView(packet.buffer);
  const fieldAt = ip.length + (protocol === "tcp" ? 16 : 6);
  const pseudo = internetSum(pseudoHeader(fields, length));
  view.setUint16(fieldAt, pseudo);
  if (!isPartial) {
    const sum = internetSum(packet.subarray(ip.length)) ^ 0xffff;
    view.setUint16(fieldAt, sum === 0 ? 0xffff : sum);
  }
  return packet;
}

/** Whether every checksum of a packet that {@linkcode buildPacket} could have made is right. */
export function hasRightSums(packet: Uint8Array): boolean {
  const isVersion4 = packet[0]! >> 4 === 4;
  const ipLength = isVersion4 ? 20 : 40;
  const protocol = packet[isVersion4 ? 9 : 6]!;
  if (isVersion4 && internetSum(packet.subarray(0, 20)) !== 0xffff) return false;
  if (protocol !== 6 && protocol !== 17) return true;
  const addresses = isVersion4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const length = packet.length - ipLength;
  const pseudo = Uint8Array.of(...addresses, 0, protocol, length >> 8, length & 255);
  const sum = internetSum(pseudo) + internetSum(packet.subarray(ipLength));
  return (sum > 0xffff ? sum - 0xffff : sum) === 0xffff;
}

/** Where TCP's or UDP's payload begins in such a packet. */
export function headerLengthOf(packet: Uint8Array): number {
  const isVersion4 = packet[0]! >> 4 === 4;
  const ipLength = isVersion4 ? 20 : 40;
  return ipLength + (packet[isVersion4 ? 9 : 6] === 6 ? (packet[ipLength + 12]! >> 4) * 4 : 8);
}

/** Bytes that no compressor or checksum would take for others. */
export function randomPayload(random: Random, length: number): Uint8Array {
  return random.bytes(length);
}
