import { foldSum, type PacketHeader, PROTOCOL_TCP } from "./packet.ts";

const TCP_HEADER_LENGTH = 20;
const TCP_FLAGS = 13;
const TCP_CHECKSUM = 16;
const SYN = 0x02;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const MAXIMUM_SEGMENT_SIZE = 2;

/**
 * Makes a TCP SYN ask for segments that fit packets of `maxLength` bytes (RFC 9293 section 3.7.1, RFC 6691), whichever end
 * it comes from; every other packet stays as it is. With `isPartial` the checksum does not cover the option yet.
 */
export function clampSegmentSize(
  view: DataView,
  at: number,
  header: PacketHeader,
  maxLength: number,
  isPartial: boolean,
): void {
  if (header.protocol !== PROTOCOL_TCP) return;
  const tcpAt = at + header.ipLength;
  if ((view.getUint8(tcpAt + TCP_FLAGS) & SYN) === 0) return;
  const valueAt = findSegmentSize(view, tcpAt, at + header.length);
  const most = maxLength - (header.version === 4 ? 20 : 40) - TCP_HEADER_LENGTH;
  if (valueAt < 0 || view.getUint16(valueAt) <= most) return;
  if (!isPartial) {
    const isOdd = ((valueAt - tcpAt) & 1) !== 0;
    const before = inWords(view.getUint16(valueAt), isOdd);
    // RFC 1624, equation 3.
    const sum = (view.getUint16(tcpAt + TCP_CHECKSUM) ^ 0xffff) + (before ^ 0xffff) + inWords(most, isOdd);
    view.setUint16(tcpAt + TCP_CHECKSUM, foldSum(sum) ^ 0xffff);
  }
  view.setUint16(valueAt, most);
}

/** The sum of 16-bit words does not care where bytes are, but in which half of a word (RFC 1071 section 2). */
function inWords(value: number, isOdd: boolean): number {
  return isOdd ? ((value & 0xff) << 8) | (value >>> 8) : value;
}

/** Where the option's value is, or -1. */
function findSegmentSize(view: DataView, tcpAt: number, end: number): number {
  let at = tcpAt + TCP_HEADER_LENGTH;
  while (at + 4 <= end) {
    const kind = view.getUint8(at);
    if (kind === END_OF_OPTIONS) return -1;
    if (kind === MAXIMUM_SEGMENT_SIZE) return view.getUint8(at + 1) === 4 ? at + 2 : -1;
    // An option of length 0 or 1 would keep us here for ever.
    at += kind === NO_OPERATION ? 1 : Math.max(2, view.getUint8(at + 1));
  }
  return -1;
}
