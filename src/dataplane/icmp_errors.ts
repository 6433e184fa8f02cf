/**
 * What a router would tell our own system about a packet that goes no further (RFC 792, RFC 1191, RFC 4443): written back
 * to the device, as if the peer's side had sent it.
 *
 * @module
 */
import { MAX_FRAME_LENGTH } from "./frame_sender.ts";
import { SCRATCH_AT } from "./arena.ts";
import type { DataPath } from "./data_path.ts";
import { foldSum, PacketHeader, sumOf, writeIpv4Checksum } from "./packet.ts";
import type { PacketWriter } from "./packet_writer.ts";

const IPV4_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
const ICMP_HEADER_LENGTH = 8;
const ICMP = 1;
const ICMP_FOR_IPV6 = 58;
const HOP_LIMIT = 64;
/** An error about an IPv4 packet has at most 576 bytes (RFC 1812 section 4.3.2.3), one about IPv6 at most 1,280. */
const MAX_ERROR_LENGTH = [576, Math.min(1280, MAX_FRAME_LENGTH)] as const;
/** RFC 1812 section 4.3.2.8 and RFC 4443 section 2.4 (f) ask for a limit; each system's own senders are the only readers. */
const BUDGET = 50;
const REFILL_PER_MS = 0.1;
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);
const FIRST_ICMPV6_QUERY = 128;

/** Why a packet goes no further: type and code for IPv4, then for IPv6. */
export const UNREACHABLE = {
  /** No route: the address is none of the overlay's. */
  network: [3, 0, 1, 0],
  /** Nobody has the address, or its owner cannot be reached. */
  host: [3, 1, 1, 3],
} as const;

const TOO_BIG = [3, 4, 2, 0] as const;

type Kind = readonly [type4: number, code4: number, type6: number, code6: number];

/** Writes such errors, a limited number in any time. */
export class IcmpErrors {
  readonly #path: DataPath;
  readonly #writer: PacketWriter;
  readonly #header = new PacketHeader();
  #budget = BUDGET;
  #refilledAt = 0;

  /** Writes to the device of `writer`. */
  constructor(path: DataPath, writer: PacketWriter) {
    this.#path = path;
    this.#writer = writer;
  }

  /** The packet at `at`, of which `length` bytes are there, must not be longer than `mtu` bytes. */
  tooBig(at: number, length: number, mtu: number): void {
    this.#tell(at, length, TOO_BIG, mtu);
  }

  /** The packet at `at`, of which `length` bytes are there, has nowhere to go. */
  unreachable(at: number, length: number, kind: typeof UNREACHABLE[keyof typeof UNREACHABLE]): void {
    this.#tell(at, length, kind, 0);
  }

  #tell(at: number, length: number, [type4, code4, type6, code6]: Kind, mtu: number): void {
    const { view } = this.#path.memory;
    const isVersion4 = view.getUint8(at) >>> 4 === 4;
    if (!isVersion4 && length < IPV6_HEADER_LENGTH) return;
    if (!(isVersion4 ? mayTell4(view, at, length) : mayTell6(view, at, length)) || !this.#spend()) return;
    const total = isVersion4 ? this.#write4(at, length, type4, code4) : this.#write6(at, length, type6, code6);
    const icmpAt = SCRATCH_AT + (isVersion4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH);
    // The MTU is 16 bits in IPv4, behind 16 unused ones, and 32 bits in IPv6: the same bytes for any that fits.
    view.setUint32(icmpAt + 4, mtu);
    const icmpLength = total - (icmpAt - SCRATCH_AT);
    const pseudo = isVersion4 ? 0 : sumOf(view, SCRATCH_AT + 8, 32) + ICMP_FOR_IPV6 + icmpLength;
    view.setUint16(icmpAt + 2, 0);
    view.setUint16(icmpAt + 2, foldSum(pseudo + sumOf(view, icmpAt, icmpLength)) ^ 0xffff);
    this.#header.version = isVersion4 ? 4 : 6;
    this.#header.length = this.#header.ipLength = icmpAt - SCRATCH_AT;
    this.#writer.add(SCRATCH_AT, total, this.#header, false);
  }

  #spend(): boolean {
    const { now } = this.#path;
    this.#budget = Math.min(BUDGET, this.#budget + (now - this.#refilledAt) * REFILL_PER_MS);
    this.#refilledAt = now;
    if (this.#budget < 1) return false;
    this.#budget--;
    return true;
  }

  /** The error seems to come from where the packet was to go: an address that our own system routes to the device. */
  #write4(at: number, length: number, type: number, code: number): number {
    const { view, bytes } = this.#path.memory;
    const quoted = Math.min(length, MAX_ERROR_LENGTH[0] - IPV4_HEADER_LENGTH - ICMP_HEADER_LENGTH);
    const total = IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH + quoted;
    view.setUint32(SCRATCH_AT, 0x45c0_0000 | total);
    view.setUint32(SCRATCH_AT + 4, 0x4000);
    view.setUint32(SCRATCH_AT + 8, (HOP_LIMIT << 24) | (ICMP << 16));
    view.setInt32(SCRATCH_AT + 12, view.getInt32(at + 16));
    view.setInt32(SCRATCH_AT + 16, view.getInt32(at + 12));
    writeIpv4Checksum(view, SCRATCH_AT, IPV4_HEADER_LENGTH);
    view.setUint16(SCRATCH_AT + IPV4_HEADER_LENGTH, (type << 8) | code);
    bytes.copyWithin(SCRATCH_AT + IPV4_HEADER_LENGTH + ICMP_HEADER_LENGTH, at, at + quoted);
    return total;
  }

  #write6(at: number, length: number, type: number, code: number): number {
    const { view, bytes } = this.#path.memory;
    const quoted = Math.min(length, MAX_ERROR_LENGTH[1] - IPV6_HEADER_LENGTH - ICMP_HEADER_LENGTH);
    view.setUint32(SCRATCH_AT, 0x6000_0000);
    view.setUint32(
      SCRATCH_AT + 4,
      ((ICMP_HEADER_LENGTH + quoted) << 16 | ICMP_FOR_IPV6 << 8 | HOP_LIMIT) >>> 0,
    );
    bytes.copyWithin(SCRATCH_AT + 8, at + 24, at + 40);
    bytes.copyWithin(SCRATCH_AT + 24, at + 8, at + 24);
    view.setUint16(SCRATCH_AT + IPV6_HEADER_LENGTH, (type << 8) | code);
    bytes.copyWithin(SCRATCH_AT + IPV6_HEADER_LENGTH + ICMP_HEADER_LENGTH, at, at + quoted);
    return IPV6_HEADER_LENGTH + ICMP_HEADER_LENGTH + quoted;
  }
}

/** Never about an error, a group, all, or a later fragment (RFC 1122 section 3.2.2). */
function mayTell4(view: DataView, at: number, length: number): boolean {
  const ipLength = (view.getUint8(at) & 15) << 2;
  const isLaterFragment = (view.getUint16(at + 6) & 0x1fff) !== 0;
  const isError = view.getUint8(at + 9) === ICMP && length > ipLength && ICMP_ERRORS.has(view.getUint8(at + ipLength));
  const destination = view.getUint32(at + 16);
  return !isLaterFragment && !isError && destination >>> 28 < 14 && (destination & 0xffff) !== 0xffff;
}

/** Never about an error or a group (RFC 4443 section 2.4 (e)). "Too big" may be about a group, but we have none of that size. */
function mayTell6(view: DataView, at: number, length: number): boolean {
  const isIcmp = view.getUint8(at + 6) === ICMP_FOR_IPV6 && length > IPV6_HEADER_LENGTH;
  const isError = isIcmp && view.getUint8(at + IPV6_HEADER_LENGTH) < FIRST_ICMPV6_QUERY;
  return !isError && view.getUint8(at + 24) !== 0xff;
}
