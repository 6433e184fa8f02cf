import type { NativeMemory } from "../ffi/native_memory.ts";
import { INNER_FRAME } from "../protocol/inner_frames.ts";
import { LINEAR_AT, READ_HEAD_AT } from "./arena.ts";
import type { DataPath, DevicePort } from "./data_path.ts";
import { DeviceReader, HEAD_PACKET_AT, PACKET_BEHIND } from "./device_reader.ts";
import { DROP } from "./drops.ts";
import { type HeldPacket, HoldQueue } from "./hold_queue.ts";
import { checksumOffset, completeChecksum, PacketHeader, parsePacket, PROTOCOL_OPAQUE } from "./packet.ts";
import { type IcmpErrors, UNREACHABLE } from "./icmp_errors.ts";
import { FRAME_TYPE_LENGTH } from "./protection.ts";
import { clampSegmentSize } from "./segment_size.ts";
import { Segmenter } from "./segmenter.ts";
import { COUNT, type Tunnel } from "./tunnel.ts";
import { checksumField, checksumStart, gsoSize, needsChecksum } from "./virtio.ts";

/** Reads per wake, so that a flood from one side cannot starve the other. */
const MAX_READS = 8;
/** What a read of 0 bytes means: the other end of the device is gone. */
const ENODEV = 19;

/** Packets from the device to the tunnels. */
export class Outbound {
  readonly #path: DataPath;
  readonly #memory: NativeMemory;
  readonly #reader: DeviceReader;
  readonly #header = new PacketHeader();
  readonly #segmenter: Segmenter;
  readonly #hold = new HoldQueue();
  readonly #errors: IcmpErrors;

  /** Takes packets from `device`, and tells `errors` of those that go no further. */
  constructor(path: DataPath, device: DevicePort, errors: IcmpErrors) {
    this.#path = path;
    this.#errors = errors;
    this.#memory = path.memory;
    this.#reader = new DeviceReader(path.memory, device, path.batch);
    this.#segmenter = new Segmenter(path.memory.view);
  }

  /** Sends what waits at the device, up to a limit. Returns 0, or -errno of a read that failed. */
  drain(): number {
    const reader = this.#reader;
    let result = 0;
    for (let count = 0; count < MAX_READS; count++) {
      result = reader.read();
      if (result <= 0) break;
      this.#path.tally.deviceReads++;
      if (reader.isSuper) this.#sendSuper(reader.length);
      else this.#sendSingle(reader.at, reader.length);
    }
    this.#path.batch.flush();
    return result === 0 ? -ENODEV : Math.min(result, 0);
  }

  /** Seals each packet that a super-packet stands for. */
  #sendSuper(packetLength: number): void {
    const { bytes, view } = this.#memory;
    const { batch, tally } = this.#path;
    const reader = this.#reader;
    const { header } = reader;
    const segment = gsoSize(view, READ_HEAD_AT);
    if (header.protocol === PROTOCOL_OPAQUE || segment === 0) return tally.drop(DROP.foreignPacket);
    const tunnel = this.#tunnelFor(HEAD_PACKET_AT, packetLength, header, null);
    if (tunnel === null || this.#isTooBig(tunnel, HEAD_PACKET_AT, header.length, header.length + segment)) return;
    const { protection } = tunnel;
    reader.expectLike(protection);
    const { payloadAt } = reader;
    const payloadLength = packetLength - header.length;
    const behind = protection.headerLength + FRAME_TYPE_LENGTH;
    this.#segmenter.begin(HEAD_PACKET_AT, header);
    let at = batch.nextAt();
    for (let offset = 0; offset < payloadLength; offset += segment) {
      const length = Math.min(segment, payloadLength - offset);
      if (payloadAt >= 0) {
        at = batch.nextAt();
        bytes.copyWithin(at + behind + header.length, payloadAt + offset, payloadAt + offset + length);
      }
      this.#segmenter.write(at + behind, offset, length, offset + length >= payloadLength);
      if (!this.#seal(tunnel, at, header.length + length, header, true)) return;
      at += protection.datagramLength(FRAME_TYPE_LENGTH + header.length + length);
    }
  }

  /** The packet of `length` bytes {@linkcode PACKET_BEHIND} the start of a datagram at `at`. */
  #sendSingle(at: number, length: number): void {
    const { view, bytes } = this.#memory;
    const header = this.#header;
    const packetAt = at + PACKET_BEHIND;
    if (!parsePacket(view, packetAt, length, header)) return this.#path.tally.drop(DROP.foreignPacket);
    let isPartial = needsChecksum(view, READ_HEAD_AT);
    if (isPartial && !this.#isPlainChecksum()) {
      const start = checksumStart(view, READ_HEAD_AT);
      const field = start + checksumField(view, READ_HEAD_AT);
      if (field + 2 > length) return this.#path.tally.drop(DROP.foreignPacket);
      completeChecksum(view, packetAt + start, length - start, packetAt + field);
      isPartial = false;
    }
    const tunnel = this.#tunnelFor(packetAt, length, header, isPartial);
    if (tunnel === null || this.#isTooBig(tunnel, packetAt, length, length)) return;
    clampSegmentSize(view, packetAt, header, tunnel.maxPacketLength, isPartial);
    const behind = tunnel.protection.headerLength + FRAME_TYPE_LENGTH;
    if (behind !== PACKET_BEHIND) bytes.copyWithin(at + behind, packetAt, packetAt + length);
    this.#seal(tunnel, at, length, header, isPartial);
  }

  /** Whether packets of `length` bytes are too long for the path; then our system hears of it. `known` bytes are at `at`. */
  #isTooBig(tunnel: Tunnel, at: number, known: number, length: number): boolean {
    if (length <= tunnel.maxPacketLength) return false;
    tunnel.counts[COUNT.dropsOut]!++;
    this.#path.tally.drop(DROP.tooLong);
    this.#errors.tooBig(at, known, tunnel.maxPacketLength);
    return true;
  }

  /** Whether the partial checksum is where a receiver will look for it: in the TCP or UDP header right behind the IP header. */
  #isPlainChecksum(): boolean {
    const { view } = this.#memory;
    const { protocol, ipLength } = this.#header;
    return protocol !== PROTOCOL_OPAQUE && checksumStart(view, READ_HEAD_AT) === ipLength &&
      checksumField(view, READ_HEAD_AT) === checksumOffset(protocol);
  }

  /** Seals the packet in the datagram at `at` and queues it; false when the tunnel can take no more. */
  #seal(tunnel: Tunnel, at: number, length: number, header: PacketHeader, isPartial: boolean): boolean {
    const { view } = this.#memory;
    const { protection, counts } = tunnel;
    const typeAt = at + protection.headerLength;
    const staysPartial = isPartial && tunnel.options.peerAcceptsPartialChecksum;
    if (isPartial && !staysPartial) {
      const start = typeAt + FRAME_TYPE_LENGTH + header.ipLength;
      completeChecksum(view, start, length - header.ipLength, start + checksumOffset(header.protocol));
    }
    view.setUint8(typeAt, staysPartial ? INNER_FRAME.partialChecksumPacket : INNER_FRAME.packet);
    if (!protection.seal(at, FRAME_TYPE_LENGTH + length)) {
      counts[COUNT.dropsOut]!++;
      this.#path.tally.drop(DROP.noSealingKeys);
      return false;
    }
    counts[COUNT.packetsOut]!++;
    counts[COUNT.bytesOut]! += length;
    this.#path.batch.add(tunnel, at, protection.datagramLength(FRAME_TYPE_LENGTH + length));
    return true;
  }

  /**
   * The tunnel that can take the packet at `at` now, or null: then it waits, or was dropped.
   * `isPartial` is null for super-packets, which do not wait: TCP sends again, and by then in smaller pieces.
   */
  #tunnelFor(at: number, length: number, header: PacketHeader, isPartial: boolean | null): Tunnel | null {
    const { table, tally, now } = this.#path;
    const { view, bytes } = this.#memory;
    if (!table.isFromUs(view, at, header.version)) {
      tally.drop(DROP.foreignPacket);
      return null;
    }
    const address = table.destinationOf(view, at, header.version);
    if (address === 0 || table.isForUs(view, at, header.version)) {
      tally.drop(DROP.unroutable);
      this.#errors.unreachable(at, isPartial === null ? header.length : length, UNREACHABLE.network);
      return null;
    }
    const tunnel = table.byAddress(address);
    if (tunnel !== undefined && tunnel.isReady(now)) return tunnel;
    if (tunnel === undefined && this.#hold.shouldAsk(address, now)) {
      this.#path.emit({ on: "tunnelWanted", virtualAddress: address >>> 0 });
    }
    const isKept = isPartial !== null && this.#hold.put(address, bytes.subarray(at, at + length), isPartial, now);
    if (isKept) return null;
    tally.drop(DROP.notReady);
    if (tunnel !== undefined) tunnel.counts[COUNT.dropsOut]!++;
    return null;
  }

  /** Sends what waited for tunnels that are ready now. */
  releaseHeld(): void {
    const { table, now, batch } = this.#path;
    const { view, bytes } = this.#memory;
    for (const address of this.#hold.addresses) {
      const tunnel = table.byAddress(address);
      if (tunnel === undefined || !tunnel.isReady(now)) continue;
      for (const packet of this.#hold.take(address)) {
        const at = batch.nextAt();
        const packetAt = at + tunnel.protection.headerLength + FRAME_TYPE_LENGTH;
        bytes.set(packet.bytes, packetAt);
        parsePacket(view, packetAt, packet.bytes.length, this.#header);
        if (this.#isTooBig(tunnel, packetAt, packet.bytes.length, packet.bytes.length)) continue;
        clampSegmentSize(view, packetAt, this.#header, tunnel.maxPacketLength, packet.isPartial);
        this.#seal(tunnel, at, packet.bytes.length, this.#header, packet.isPartial);
      }
    }
    batch.flush();
  }

  /** Drops what waited too long; whether anything still waits. */
  expireHeld(): boolean {
    this.#giveUp(this.#hold.expire(this.#path.now));
    return !this.#hold.isEmpty;
  }

  /** Nobody has this address (signed): gives up what waits for it. */
  refuse(virtualAddress: number): void {
    this.#giveUp(this.#hold.take(virtualAddress));
  }

  #giveUp(packets: readonly HeldPacket[]): void {
    if (packets.length === 0) return;
    this.#path.tally.drop(DROP.expired, packets.length);
    for (const { bytes } of packets) {
      this.#memory.bytes.set(bytes, LINEAR_AT);
      this.#errors.unreachable(LINEAR_AT, bytes.length, UNREACHABLE.host);
    }
  }
}
