/**
 * IP packets in place: strict parsing and checksums. Nothing here allocates.
 *
 * @module
 */

/** IP protocol numbers. */
export const PROTOCOL_TCP = 6;
/** See {@linkcode PROTOCOL_TCP}. */
export const PROTOCOL_UDP = 17;
/** Said of a packet whose transport header is absent (a fragment) or not understood. */
export const PROTOCOL_OPAQUE: number = -1;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
const MAX_EXTENSION_HEADERS = 8;
const IPV6_HEADER_LENGTH = 40;
const IPV4_MIN_HEADER_LENGTH = 20;
const TCP_MIN_HEADER_LENGTH = 20;
const UDP_HEADER_LENGTH = 8;

/** What {@linkcode parsePacket} found; one record is used over and over. */
export class PacketHeader {
  /** 4 or 6. */
  version = 0;
  /** TCP, UDP, or opaque. */
  protocol: number = PROTOCOL_OPAQUE;
  /** Length of the IP header with its options or extension headers. */
  ipLength = 0;
  /** Length of the IP and the TCP or UDP header; of the IP header alone where that is all we know. */
  length = 0;
}

/**
 * Reads the headers of the packet of exactly `length` bytes at `at`; false unless every length in the IP header agrees with it.
 * A TCP or UDP header that does not fit makes the packet opaque, not malformed: that is for its receiver to judge.
 */
export function parsePacket(view: DataView, at: number, length: number, into: PacketHeader): boolean {
  if (length < IPV4_MIN_HEADER_LENGTH) return false;
  const version = view.getUint8(at) >>> 4;
  into.version = version;
  if (version === 4) return parseIpv4(view, at, length, into);
  return version === 6 && parseIpv6(view, at, length, into);
}

function parseIpv4(view: DataView, at: number, length: number, into: PacketHeader): boolean {
  const ipLength = (view.getUint8(at) & 15) << 2;
  if (ipLength < IPV4_MIN_HEADER_LENGTH || ipLength > length || view.getUint16(at + 2) !== length) return false;
  const isFragment = (view.getUint16(at + 6) & 0x3fff) !== 0;
  parseTransport(view, at, length, ipLength, isFragment ? PROTOCOL_OPAQUE : view.getUint8(at + 9), into);
  return true;
}

function parseIpv6(view: DataView, at: number, length: number, into: PacketHeader): boolean {
  if (length < IPV6_HEADER_LENGTH || view.getUint16(at + 4) + IPV6_HEADER_LENGTH !== length) return false;
  let next = view.getUint8(at + 6);
  let offset = IPV6_HEADER_LENGTH;
  for (let count = 0; next === HOP_BY_HOP || next === ROUTING || next === DESTINATION_OPTIONS; count++) {
    if (count === MAX_EXTENSION_HEADERS || offset + 8 > length) return false;
    next = view.getUint8(at + offset);
    offset += (view.getUint8(at + offset + 1) + 1) << 3;
    if (offset > length) return false;
  }
  if (next === FRAGMENT && offset + 8 > length) return false;
  parseTransport(view, at, length, offset, next, into);
  return true;
}

function parseTransport(
  view: DataView,
  at: number,
  length: number,
  ipLength: number,
  protocol: number,
  into: PacketHeader,
): void {
  into.ipLength = ipLength;
  into.length = ipLength;
  into.protocol = PROTOCOL_OPAQUE;
  const rest = length - ipLength;
  if (protocol === PROTOCOL_TCP && rest >= TCP_MIN_HEADER_LENGTH) {
    const tcpLength = (view.getUint8(at + ipLength + 12) >>> 4) << 2;
    if (tcpLength < TCP_MIN_HEADER_LENGTH || tcpLength > rest) return;
    into.protocol = PROTOCOL_TCP;
    into.length = ipLength + tcpLength;
  } else if (protocol === PROTOCOL_UDP && rest >= UDP_HEADER_LENGTH && view.getUint16(at + ipLength + 4) === rest) {
    into.protocol = PROTOCOL_UDP;
    into.length = ipLength + UDP_HEADER_LENGTH;
  }
}

/** Where the checksum is within a TCP or UDP header (RFC 9293 section 3.1, RFC 768). */
export function checksumOffset(protocol: number): number {
  return protocol === PROTOCOL_TCP ? 16 : 6;
}

/** Folds a sum of 16-bit words into one (RFC 1071). `sum` is below 2^48. */
export function foldSum(sum: number): number {
  const high = Math.floor(sum / 0x10000);
  let folded = sum - high * 0x10000 + high;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The sum of the 16-bit words of `length` bytes, not folded; an odd last byte counts as if a zero followed. */
export function sumOf(view: DataView, at: number, length: number): number {
  let sum = 0;
  let offset = at;
  const end = at + length;
  // 32-bit words add up to the same once folded (RFC 1071 section 2): half the loads, and a double holds the sum exactly.
  for (const last = end - 16; offset <= last; offset += 16) {
    sum += view.getUint32(offset) + view.getUint32(offset + 4) + view.getUint32(offset + 8) +
      view.getUint32(offset + 12);
  }
  for (; offset + 1 < end; offset += 2) sum += view.getUint16(offset);
  return offset < end ? sum + (view.getUint8(offset) << 8) : sum;
}

/** The folded sum of a pseudo-header (RFC 768, RFC 8200 section 8.1) for `transportLength` bytes of TCP or UDP. */
export function pseudoHeaderSum(view: DataView, at: number, header: PacketHeader, transportLength: number): number {
  const addresses = header.version === 4 ? sumOf(view, at + 12, 8) : sumOf(view, at + 8, 32);
  return foldSum(addresses + header.protocol + transportLength);
}

/** Writes the header checksum of an IPv4 packet. */
export function writeIpv4Checksum(view: DataView, at: number, ipLength: number): void {
  view.setUint16(at + 10, 0);
  view.setUint16(at + 10, foldSum(sumOf(view, at, ipLength)) ^ 0xffff);
}

/** Completes a checksum at `fieldAt` that covers `length` bytes from `at` on and holds the pseudo-header sum so far. */
export function completeChecksum(view: DataView, at: number, length: number, fieldAt: number): void {
  const checksum = foldSum(sumOf(view, at, length)) ^ 0xffff;
  // To UDP 0 means "no checksum" and 0xffff is the same number in one's complement; TCP does not mind.
  view.setUint16(fieldAt, checksum === 0 ? 0xffff : checksum);
}

/** Copies `length` bytes, a multiple of 4, within one memory; faster than copyWithin for headers. */
export function copyHeader(view: DataView, from: number, to: number, length: number): void {
  for (let offset = 0; offset < length; offset += 4) view.setInt32(to + offset, view.getInt32(from + offset));
}
