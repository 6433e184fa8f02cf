import { IoVectors } from "../ffi/io_vectors.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { MAX_PACKET_LENGTH, VNET_LENGTH, WRITE_HEAD_AT, WRITE_VECTORS_AT } from "./arena.ts";
import type { DevicePort } from "./data_path.ts";
import { DROP } from "./drops.ts";
import {
  checksumOffset,
  copyHeader,
  PacketHeader,
  PROTOCOL_OPAQUE,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeaderSum,
  writeIpv4Checksum,
} from "./packet.ts";
import type { Tally } from "./tally.ts";
import { GSO, writeComplete, writePartial } from "./virtio.ts";

const HEAD_AT = WRITE_HEAD_AT + VNET_LENGTH;
/** A super-packet for the kernel has at most this many pieces (UDP_MAX_SEGMENTS was 64; the vectors' room is larger). */
const MAX_PIECES = 64;

const IPV4_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
const TCP_FLAGS = 13;
const ACK = 0x10;
const ECE = 0x40;
const FIN_PSH = 0x09;
/** Data offset, flags and window are one word; FIN and PSH may differ within a run, all else may not. */
const TCP_FLAG_WORD_MASK = ~(FIN_PSH << 16);

/**
 * Packets from the tunnels to the device. Packets of one TCP or UDP flow that follow each other are handed over as one
 * super-packet, gathered from where they were opened; the kernel takes it as if it had put it together itself (GRO).
 *
 * Only packets whose checksum is partial are joined: the AEAD vouches for their bytes, and nobody has to add them up.
 */
export class PacketWriter {
  readonly #view: DataView;
  readonly #vectors: IoVectors;
  readonly #device: DevicePort;
  readonly #tally: Tally;
  readonly #joinsUdp: boolean;
  /** Of the run's first packet. */
  readonly #run = new PacketHeader();
  #count = 0;
  #pieceLength = 0;
  #payloadLength = 0;
  #nextSequence = 0;
  #isClosed = false;

  /** `joinsUdp` says whether the device takes UDP super-packets. */
  constructor(memory: NativeMemory, device: DevicePort, tally: Tally, joinsUdp: boolean) {
    this.#view = memory.view;
    this.#vectors = new IoVectors(memory, WRITE_VECTORS_AT, MAX_PIECES + 1);
    this.#device = device;
    this.#tally = tally;
    this.#joinsUdp = joinsUdp;
  }

  /** Whether packets wait that still lie where they were opened. */
  get isPending(): boolean {
    return this.#count > 0;
  }

  /**
   * Takes the packet of `length` bytes at `at`, which must stay there until {@linkcode PacketWriter.flush}.
   * With `isPartial` its checksum field is written anew, from its own header.
   */
  add(at: number, length: number, header: PacketHeader, isPartial: boolean): void {
    const payloadLength = length - header.length;
    if (!isPartial || payloadLength === 0 || !this.#canJoin(at, header)) {
      this.flush();
      this.#writeAlone(at, length, header, isPartial);
    } else if (this.#count > 0 && !this.#isClosed && this.#continues(at, header, payloadLength)) {
      this.#append(at, payloadLength);
    } else {
      this.flush();
      this.#begin(at, header, payloadLength);
    }
  }

  /** Hands over what waits. */
  flush(): void {
    if (this.#count === 0) return;
    this.#finishHeader();
    this.#write(this.#count + 1, this.#count);
    this.#count = 0;
  }

  /** Plain TCP data or UDP, without IP options or extension headers. */
  #canJoin(at: number, header: PacketHeader): boolean {
    if (header.ipLength !== (header.version === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH)) return false;
    if (header.protocol === PROTOCOL_UDP) return this.#joinsUdp;
    const flags = this.#view.getUint8(at + header.ipLength + TCP_FLAGS);
    return header.protocol === PROTOCOL_TCP && (flags & ~(FIN_PSH | ECE)) === ACK;
  }

  #begin(at: number, header: PacketHeader, payloadLength: number): void {
    copyHeader(this.#view, at, HEAD_AT, header.length);
    this.#run.version = header.version;
    this.#run.protocol = header.protocol;
    this.#run.ipLength = header.ipLength;
    this.#run.length = header.length;
    this.#pieceLength = payloadLength;
    this.#payloadLength = 0;
    this.#isClosed = false;
    if (header.protocol === PROTOCOL_TCP) this.#nextSequence = this.#view.getInt32(at + header.ipLength + 4);
    this.#append(at, payloadLength);
  }

  #append(at: number, payloadLength: number): void {
    const view = this.#view;
    this.#count++;
    this.#vectors.set(this.#count, at + this.#run.length, payloadLength);
    this.#payloadLength += payloadLength;
    if (payloadLength < this.#pieceLength || this.#count === MAX_PIECES) this.#isClosed = true;
    if (this.#run.protocol !== PROTOCOL_TCP) return;
    this.#nextSequence = (this.#nextSequence + payloadLength) | 0;
    const flags = view.getUint8(at + this.#run.ipLength + TCP_FLAGS) & FIN_PSH;
    if (flags === 0) return;
    view.setUint8(
      HEAD_AT + this.#run.ipLength + TCP_FLAGS,
      view.getUint8(HEAD_AT + this.#run.ipLength + TCP_FLAGS) | flags,
    );
    this.#isClosed = true;
  }

  /** Whether the packet at `at` is the next one of the run. */
  #continues(at: number, header: PacketHeader, payloadLength: number): boolean {
    if (
      header.version !== this.#run.version || header.protocol !== this.#run.protocol ||
      header.length !== this.#run.length ||
      payloadLength > this.#pieceLength ||
      this.#run.length + this.#payloadLength + payloadLength > MAX_PACKET_LENGTH
    ) return false;
    const isSameFlow = header.version === 4 ? this.#isSameIpv4(at) : this.#isSameIpv6(at);
    return isSameFlow &&
      (header.protocol === PROTOCOL_TCP ? this.#isNextTcp(at) : this.#isSameWord(at + this.#run.ipLength));
  }

  /** All but length, identification and checksum. */
  #isSameIpv4(at: number): boolean {
    const view = this.#view;
    return view.getInt16(at) === view.getInt16(HEAD_AT) && view.getInt32(at + 6) === view.getInt32(HEAD_AT + 6) &&
      view.getInt32(at + 12) === view.getInt32(HEAD_AT + 12) && view.getInt32(at + 16) === view.getInt32(HEAD_AT + 16);
  }

  /** All but the length. */
  #isSameIpv6(at: number): boolean {
    const view = this.#view;
    if (view.getInt32(at) !== view.getInt32(HEAD_AT) || view.getInt16(at + 6) !== view.getInt16(HEAD_AT + 6)) {
      return false;
    }
    for (let offset = 8; offset < IPV6_HEADER_LENGTH; offset += 4) {
      if (view.getInt32(at + offset) !== view.getInt32(HEAD_AT + offset)) return false;
    }
    return true;
  }

  #isSameWord(at: number): boolean {
    return this.#view.getInt32(at) === this.#view.getInt32(HEAD_AT + this.#run.ipLength);
  }

  /** Same ports, acknowledgement, window and options, and the sequence that follows. */
  #isNextTcp(at: number): boolean {
    const view = this.#view;
    const tcp = at + this.#run.ipLength;
    const head = HEAD_AT + this.#run.ipLength;
    if (
      view.getInt32(tcp) !== view.getInt32(head) || view.getInt32(tcp + 4) !== this.#nextSequence ||
      view.getInt32(tcp + 8) !== view.getInt32(head + 8) ||
      ((view.getInt32(tcp + 12) ^ view.getInt32(head + 12)) & TCP_FLAG_WORD_MASK) !== 0
    ) return false;
    const optionsEnd = this.#run.length - this.#run.ipLength;
    for (let offset = 20; offset < optionsEnd; offset += 4) {
      if (view.getInt32(tcp + offset) !== view.getInt32(head + offset)) return false;
    }
    return true;
  }

  /** Lengths and sums of the whole run, in the head. */
  #finishHeader(): void {
    const view = this.#view;
    const length = this.#run.length + this.#payloadLength;
    if (this.#run.version === 4) {
      view.setUint16(HEAD_AT + 2, length);
      writeIpv4Checksum(view, HEAD_AT, this.#run.ipLength);
    } else {
      view.setUint16(HEAD_AT + 4, length - IPV6_HEADER_LENGTH);
    }
    const isUdp = this.#run.protocol === PROTOCOL_UDP;
    if (isUdp) view.setUint16(HEAD_AT + this.#run.ipLength + 4, length - this.#run.ipLength);
    const tcpType = this.#run.version === 4 ? GSO.tcp4 : GSO.tcp6;
    const type = this.#count === 1 ? GSO.none : isUdp ? GSO.udp : tcpType;
    this.#writePartial(HEAD_AT, length, this.#run, type);
    this.#vectors.set(0, WRITE_HEAD_AT, VNET_LENGTH + this.#run.length);
  }

  /** The pseudo-header sum of the packet at `at`, and a virtio header that says the rest is to be done. */
  #writePartial(at: number, length: number, header: Readonly<PacketHeader>, type: number): void {
    const view = this.#view;
    const { ipLength } = header;
    const field = checksumOffset(header.protocol);
    view.setUint16(at + ipLength + field, pseudoHeaderSum(view, at, header, length - ipLength));
    const size = type === GSO.none ? 0 : this.#pieceLength;
    writePartial(view, WRITE_HEAD_AT, header.length, ipLength, field, type, size);
  }

  #writeAlone(at: number, length: number, header: PacketHeader, isPartial: boolean): void {
    if (isPartial && header.protocol === PROTOCOL_OPAQUE) return this.#tally.drop(DROP.malformedPacket);
    if (isPartial) this.#writePartial(at, length, header, GSO.none);
    else writeComplete(this.#view, WRITE_HEAD_AT);
    this.#vectors.set(0, WRITE_HEAD_AT, VNET_LENGTH);
    this.#vectors.set(1, at, length);
    this.#write(2, 1);
  }

  #write(vectorCount: number, packetCount: number): void {
    if (this.#device.write(vectorCount) < 0) return this.#tally.drop(DROP.deviceRefused, packetCount);
    this.#tally.deviceWrites++;
    this.#tally.packetsWritten += packetCount;
  }
}
