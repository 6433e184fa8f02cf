/** `struct virtio_net_hdr` (virtio 1.2 section 5.1.6): what a packet at the device still lacks. Little-endian. */

/** The checksum at start + offset holds only the pseudo-header sum. */
export const NEEDS_CHECKSUM = 1;

/** Kinds of super-packets. */
export const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const;

/** Set in the kind when a TCP super-packet may carry congestion marks; how it is cut does not depend on it. */
const GSO_ECN = 0x80;

/** Whether the checksum is partial. */
export function needsChecksum(view: DataView, at: number): boolean {
  return (view.getUint8(at) & NEEDS_CHECKSUM) !== 0;
}

/** Kind of super-packet. */
export function gsoType(view: DataView, at: number): number {
  return view.getUint8(at + 1) & ~GSO_ECN;
}

/** Payload bytes of each of its packets but the last. */
export function gsoSize(view: DataView, at: number): number {
  return view.getUint16(at + 4, true);
}

/** Where the checksummed bytes begin in the packet. */
export function checksumStart(view: DataView, at: number): number {
  return view.getUint16(at + 6, true);
}

/** Where the checksum is, from there. */
export function checksumField(view: DataView, at: number): number {
  return view.getUint16(at + 8, true);
}

/** Writes the header of a packet that lacks nothing. */
export function writeComplete(view: DataView, at: number): void {
  for (let offset = 0; offset < 10; offset += 2) view.setUint16(at + offset, 0);
}

/** Writes the header of a packet or super-packet (`size` payload bytes each) whose checksum is partial. */
export function writePartial(
  view: DataView,
  at: number,
  headerLength: number,
  start: number,
  field: number,
  type: number,
  size: number,
): void {
  view.setUint8(at, NEEDS_CHECKSUM);
  view.setUint8(at + 1, type);
  view.setUint16(at + 2, headerLength, true);
  view.setUint16(at + 4, size, true);
  view.setUint16(at + 6, start, true);
  view.setUint16(at + 8, field, true);
}
