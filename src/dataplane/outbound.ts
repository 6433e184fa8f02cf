import { IoVectors } from "../ffi/io_vectors.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { INNER_FRAME } from "../protocol/inner_frames.ts";
import {
  LINEAR_AT,
  MAX_HEADER_LENGTH,
  MAX_PACKET_LENGTH,
  READ_HEAD_AT,
  READ_VECTORS_AT,
  SLOTS_AT,
  VECTOR_COUNT,
  VNET_LENGTH,
} from "./arena.ts";
import type { DataPath, DevicePort } from "./data_path.ts";
import { DROP } from "./drops.ts";
import { HoldQueue } from "./hold_queue.ts";
import { checksumOffset, completeChecksum, PacketHeader, parsePacket, PROTOCOL_OPAQUE } from "./packet.ts";
import { FRAME_TYPE_LENGTH } from "./protection.ts";
import { Segmenter } from "./segmenter.ts";
import { COUNT, type Tunnel } from "./tunnel.ts";
import { checksumField, checksumStart, GSO, gsoSize, gsoType, needsChecksum } from "./virtio.ts";

/** What a read of 0 bytes means: the other end of the device is gone. */
const ENODEV = 19;
/** Reads per wake, so that a flood from one side cannot starve the other. */
const MAX_READS = 8;
/** Single packets in a row after which the next is no longer expected to be a super-packet. */
const SINGLES_TO_FORGET = 8;
/** Super-packets of smaller segments are rare, and would need more vectors than they are worth. */
const MIN_PREDICTED_SEGMENT = 1024;
/** Where a packet is read behind the start of its datagram: right for suite 2, moved for suite 1. */
const PACKET_BEHIND = 12 + FRAME_TYPE_LENGTH;
const HEAD_PACKET_AT = READ_HEAD_AT + VNET_LENGTH;

/** How the last super-packet looked, and so, in bulk, how the next one will. */
interface Shape {
  /** Packet's first byte: version and, for IPv4, header length. */
  firstByte: number;
  gso: number;
  headerLength: number;
  segment: number;
  /** Where the inner header is behind the start of a datagram. */
  behind: number;
  /** How many vectors hold the longest packet. */
  vectorCount: number;
}

/**
 * Packets from the device to the tunnels.
 *
 * A read expects either a single packet, which lands where its datagram is being built, or a super-packet of the shape of
 * the last one: its header goes aside and each piece of its payload to where it will be sealed, so that in bulk no payload
 * byte is copied. What comes otherwise is straightened out with copies.
 */
export class Outbound {
  readonly #path: DataPath;
  readonly #device: DevicePort;
  readonly #memory: NativeMemory;
  readonly #vectors: IoVectors;
  readonly #header = new PacketHeader();
  readonly #segmenter: Segmenter;
  readonly #hold = new HoldQueue();
  readonly #shape: Shape = { firstByte: 0, gso: 0, headerLength: 0, segment: 0, behind: 0, vectorCount: 0 };
  #isScattering = false;
  #singles = 0;

  constructor(path: DataPath, device: DevicePort) {
    this.#path = path;
    this.#device = device;
    this.#memory = path.memory;
    this.#vectors = new IoVectors(path.memory, READ_VECTORS_AT, VECTOR_COUNT);
    this.#segmenter = new Segmenter(path.memory.view);
    this.#expectSingle();
  }

  /** Sends what waits at the device, up to a limit. Returns 0, or -errno of a read that failed. */
  drain(): number {
    let result = 0;
    for (let count = 0; count < MAX_READS; count++) {
      result = this.#isScattering ? this.#readScattered() : this.#readSingle();
      if (result <= 0) break;
      this.#path.tally.deviceReads++;
    }
    this.#path.batch.flush();
    return result === 0 ? -ENODEV : Math.min(result, 0);
  }

  #readSingle(): number {
    const at = this.#path.batch.nextAt();
    this.#vectors.set(1, at + PACKET_BEHIND, MAX_PACKET_LENGTH);
    const length = this.#device.read(2);
    if (length <= VNET_LENGTH) return length;
    if (gsoType(this.#memory.view, READ_HEAD_AT) === GSO.none) this.#sendSingle(at, length - VNET_LENGTH);
    else this.#sendLinear(at + PACKET_BEHIND, length - VNET_LENGTH);
    return length;
  }

  #readScattered(): number {
    const { view, bytes } = this.#memory;
    const shape = this.#shape;
    this.#path.batch.flush();
    this.#path.batch.nextAt();
    const length = this.#device.read(shape.vectorCount);
    if (length <= VNET_LENGTH) return length;
    const packetLength = length - VNET_LENGTH;
    if (gsoType(view, READ_HEAD_AT) === shape.gso && this.#isOfShape(packetLength)) {
      this.#singles = 0;
      this.#sendInPlace(packetLength);
      return length;
    }
    const linearAt = this.#straighten(packetLength);
    if (gsoType(view, READ_HEAD_AT) !== GSO.none) {
      this.#sendLinear(linearAt, packetLength);
      return length;
    }
    bytes.copyWithin(SLOTS_AT + PACKET_BEHIND, linearAt, linearAt + packetLength);
    this.#sendSingle(SLOTS_AT, packetLength);
    if (++this.#singles >= SINGLES_TO_FORGET) this.#expectSingle();
    return length;
  }

  /** All that the parser looks at lies before the length it finds, so that if that is the expected one, all was in the head. */
  #isOfShape(packetLength: number): boolean {
    const { view } = this.#memory;
    const shape = this.#shape;
    return view.getUint8(HEAD_PACKET_AT) === shape.firstByte && gsoSize(view, READ_HEAD_AT) === shape.segment &&
      packetLength > shape.headerLength && parsePacket(view, HEAD_PACKET_AT, packetLength, this.#header) &&
      this.#header.length === shape.headerLength && this.#header.protocol !== PROTOCOL_OPAQUE;
  }

  /** Puts a scattered packet together; where it is then. */
  #straighten(length: number): number {
    const { bytes } = this.#memory;
    const { headerLength } = this.#shape;
    bytes.copyWithin(LINEAR_AT, HEAD_PACKET_AT, HEAD_PACKET_AT + Math.min(length, headerLength));
    let done = headerLength;
    for (let index = 1; done < length; index++) {
      const from = this.#vectors.offsetOf(index);
      const count = Math.min(this.#vectors.lengthOf(index), length - done);
      bytes.copyWithin(LINEAR_AT + done, from, from + count);
      done += count;
    }
    return LINEAR_AT;
  }

  /** A super-packet whose payload lies where it is to be sealed. */
  #sendInPlace(length: number): void {
    const tunnel = this.#tunnelFor(HEAD_PACKET_AT, length);
    if (tunnel === null) return;
    if (tunnel.protection.headerLength + FRAME_TYPE_LENGTH !== this.#shape.behind) {
      // Another suite than the last one's: the pieces lie a few bytes off.
      this.#sendSegments(tunnel, HEAD_PACKET_AT, this.#straighten(length) + this.#header.length, length);
    } else this.#sendSegments(tunnel, HEAD_PACKET_AT, -1, length);
  }

  /** A super-packet in one piece at `at`; the next ones are then expected to be like it. */
  #sendLinear(at: number, length: number): void {
    const { view, bytes } = this.#memory;
    const header = this.#header;
    if (!parsePacket(view, at, length, header) || header.protocol === PROTOCOL_OPAQUE) {
      return this.#path.tally.drop(DROP.foreignPacket);
    }
    const tunnel = this.#tunnelFor(at, length);
    if (tunnel === null || header.length > MAX_HEADER_LENGTH) return;
    if (at !== LINEAR_AT) bytes.copyWithin(LINEAR_AT, at, at + length);
    bytes.copyWithin(HEAD_PACKET_AT, LINEAR_AT, LINEAR_AT + header.length);
    const segment = gsoSize(view, READ_HEAD_AT);
    if (segment >= MIN_PREDICTED_SEGMENT) this.#expectLike(tunnel, segment);
    this.#sendSegments(tunnel, HEAD_PACKET_AT, LINEAR_AT + header.length, length);
  }

  /** Seals each packet of a super-packet; its payload is at `payloadAt`, or already in its places if that is below 0. */
  #sendSegments(tunnel: Tunnel, headAt: number, payloadAt: number, packetLength: number): void {
    const { bytes } = this.#memory;
    const { batch } = this.#path;
    const { protection } = tunnel;
    const headerLength = this.#header.length;
    const segment = gsoSize(this.#memory.view, READ_HEAD_AT);
    const payloadLength = packetLength - headerLength;
    const behind = protection.headerLength + FRAME_TYPE_LENGTH;
    if (segment === 0) return this.#path.tally.drop(DROP.foreignPacket);
    this.#segmenter.begin(headAt, this.#header);
    let at = batch.nextAt();
    for (let offset = 0; offset < payloadLength; offset += segment) {
      const length = Math.min(segment, payloadLength - offset);
      if (payloadAt >= 0) {
        at = batch.nextAt();
        bytes.copyWithin(at + behind + headerLength, payloadAt + offset, payloadAt + offset + length);
      }
      this.#segmenter.write(at + behind, offset, length, offset + length >= payloadLength);
      if (!this.#seal(tunnel, at, headerLength + length, true)) return;
      at += protection.datagramLength(FRAME_TYPE_LENGTH + headerLength + length);
    }
  }

  /** The packet of `length` bytes behind the start of a datagram at `at`. */
  #sendSingle(at: number, length: number): void {
    const { view, bytes } = this.#memory;
    const packetAt = at + PACKET_BEHIND;
    if (!parsePacket(view, packetAt, length, this.#header)) return this.#path.tally.drop(DROP.foreignPacket);
    let isPartial = needsChecksum(view, READ_HEAD_AT);
    if (isPartial && !this.#isPlainChecksum()) {
      const start = checksumStart(view, READ_HEAD_AT);
      if (start + checksumField(view, READ_HEAD_AT) + 2 > length) return this.#path.tally.drop(DROP.foreignPacket);
      completeChecksum(view, packetAt + start, length - start, packetAt + start + checksumField(view, READ_HEAD_AT));
      isPartial = false;
    }
    const tunnel = this.#tunnelFor(packetAt, length, isPartial);
    if (tunnel === null) return;
    const behind = tunnel.protection.headerLength + FRAME_TYPE_LENGTH;
    if (behind !== PACKET_BEHIND) bytes.copyWithin(at + behind, packetAt, packetAt + length);
    this.#seal(tunnel, at, length, isPartial);
  }

  /** Whether the partial checksum is where a receiver will look for it: in the TCP or UDP header right behind the IP header. */
  #isPlainChecksum(): boolean {
    const { view } = this.#memory;
    const { protocol, ipLength } = this.#header;
    return protocol !== PROTOCOL_OPAQUE && checksumStart(view, READ_HEAD_AT) === ipLength &&
      checksumField(view, READ_HEAD_AT) === checksumOffset(protocol);
  }

  /** Seals the packet in the datagram at `at` and queues it; false when the tunnel can take no more. */
  #seal(tunnel: Tunnel, at: number, length: number, isPartial: boolean): boolean {
    const { view } = this.#memory;
    const { protection, counts } = tunnel;
    const typeAt = at + protection.headerLength;
    const staysPartial = isPartial && tunnel.options.peerAcceptsPartialChecksum;
    if (isPartial && !staysPartial) {
      const { ipLength, protocol } = this.#header;
      const start = typeAt + FRAME_TYPE_LENGTH + ipLength;
      completeChecksum(view, start, length - ipLength, start + checksumOffset(protocol));
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

  /** The tunnel that can take the packet at `at` now, or null: then it waits, or was dropped. */
  #tunnelFor(at: number, length: number, isPartial?: boolean): Tunnel | null {
    const { table, tally, now } = this.#path;
    const { view, bytes } = this.#memory;
    const { version } = this.#header;
    if (!table.isFromUs(view, at, version)) {
      tally.drop(DROP.foreignPacket);
      return null;
    }
    const address = table.destinationOf(view, at, version);
    if (address === 0 || table.isForUs(view, at, version)) {
      tally.drop(DROP.unroutable);
      return null;
    }
    const tunnel = table.byAddress(address);
    if (tunnel !== undefined && tunnel.isReady(now)) return tunnel;
    if (tunnel === undefined && this.#hold.shouldAsk(address, now)) {
      this.#path.emit({ on: "tunnelWanted", virtualAddress: address >>> 0 });
    }
    // Super-packets are not kept: TCP sends again, and by then in smaller pieces.
    const isKept = isPartial !== undefined && this.#hold.put(address, bytes.subarray(at, at + length), isPartial, now);
    if (!isKept) {
      tally.drop(DROP.notReady);
      if (tunnel !== undefined) tunnel.counts[COUNT.dropsOut]!++;
    }
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
        this.#seal(tunnel, at, packet.bytes.length, packet.isPartial);
      }
    }
    batch.flush();
  }

  /** Drops what waited too long; whether anything still waits. */
  expireHeld(): boolean {
    const dropped = this.#hold.expire(this.#path.now);
    if (dropped > 0) this.#path.tally.drop(DROP.expired, dropped);
    return !this.#hold.isEmpty;
  }

  #expectSingle(): void {
    this.#isScattering = false;
    this.#vectors.set(0, READ_HEAD_AT, VNET_LENGTH);
  }

  /** Lays the vectors out for super-packets like the one whose header is in the head. */
  #expectLike(tunnel: Tunnel, segment: number): void {
    const { view } = this.#memory;
    const shape = this.#shape;
    const { length: headerLength } = this.#header;
    const behind = tunnel.protection.headerLength + FRAME_TYPE_LENGTH;
    const stride = tunnel.protection.datagramLength(FRAME_TYPE_LENGTH + headerLength + segment);
    shape.firstByte = view.getUint8(HEAD_PACKET_AT);
    shape.gso = gsoType(view, READ_HEAD_AT);
    shape.headerLength = headerLength;
    shape.segment = segment;
    shape.behind = behind;
    shape.vectorCount = 1 + Math.ceil(MAX_PACKET_LENGTH / segment);
    this.#vectors.set(0, READ_HEAD_AT, VNET_LENGTH + headerLength);
    for (let index = 1; index < shape.vectorCount; index++) {
      this.#vectors.set(index, SLOTS_AT + (index - 1) * stride + behind + headerLength, segment);
    }
    this.#isScattering = true;
    this.#singles = 0;
  }
}
