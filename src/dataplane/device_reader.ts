import { IoVectors } from "../ffi/io_vectors.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
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
import type { DevicePort } from "./data_path.ts";
import { PacketHeader, parsePacket, PROTOCOL_OPAQUE } from "./packet.ts";
import { FRAME_TYPE_LENGTH, type Protection } from "./protection.ts";
import type { SendBatch } from "./send_batch.ts";
import { GSO, gsoSize, gsoType } from "./virtio.ts";

/** Single packets in a row after which the next is no longer expected to be a super-packet. */
const SINGLES_TO_FORGET = 8;
/** Super-packets of smaller segments are rare, and would need more vectors than they are worth. */
const MIN_PREDICTED_SEGMENT = 1024;

/** Where a single packet lies behind the start of its datagram: right for suite 2, to be moved for suite 1. */
export const PACKET_BEHIND: number = 12 + FRAME_TYPE_LENGTH;

/** Where the header of a super-packet lies. */
export const HEAD_PACKET_AT: number = READ_HEAD_AT + VNET_LENGTH;

/** How the last super-packet looked, and so, in bulk, how the next one will. */
interface Shape {
  headerLength: number;
  segment: number;
  /** Where the inner header is behind the start of a datagram. */
  behind: number;
  /** How many vectors hold the longest packet. */
  vectorCount: number;
}

/**
 * Reads packets from the device to where they will be sealed.
 *
 * A read expects either a single packet, which lands where its datagram is being built, or a super-packet of the shape of
 * the last one: its header goes aside and each piece of its payload to its place in the datagrams, so that in bulk no payload
 * byte is copied. What comes otherwise is straightened out with copies.
 */
export class DeviceReader {
  /** Whether the last read gave a super-packet. */
  isSuper = false;
  /** Length of the packet read last. */
  length = 0;
  /** Single packet: where its datagram begins; the packet is {@linkcode PACKET_BEHIND} that. */
  at = 0;
  /** Super-packet: where its payload is, or -1 when each piece is in its place. Its header is at {@linkcode HEAD_PACKET_AT}. */
  payloadAt = 0;
  /** Super-packet: its headers; opaque for one that cannot be cut. */
  readonly header: PacketHeader = new PacketHeader();
  readonly #memory: NativeMemory;
  readonly #device: DevicePort;
  readonly #batch: SendBatch;
  readonly #vectors: IoVectors;
  readonly #shape: Shape = { headerLength: 0, segment: 0, behind: 0, vectorCount: 0 };
  #isScattering = false;
  #singles = 0;

  /** Reads `device` to the end of `batch`. */
  constructor(memory: NativeMemory, device: DevicePort, batch: SendBatch) {
    this.#memory = memory;
    this.#device = device;
    this.#batch = batch;
    this.#vectors = new IoVectors(memory, READ_VECTORS_AT, VECTOR_COUNT);
    this.#expectSingle();
  }

  /** Reads one packet; bytes read, 0 at the end of the device, or -errno. */
  read(): number {
    return this.#isScattering ? this.#readScattered() : this.#readWhole();
  }

  #readWhole(): number {
    const at = this.#batch.nextAt();
    this.#vectors.set(1, at + PACKET_BEHIND, MAX_PACKET_LENGTH);
    const result = this.#device.read(2);
    if (result <= 0) return result;
    this.length = Math.max(0, result - VNET_LENGTH);
    this.isSuper = gsoType(this.#memory.view, READ_HEAD_AT) !== GSO.none;
    this.at = at;
    if (!this.isSuper) return result;
    this.#memory.bytes.copyWithin(LINEAR_AT, at + PACKET_BEHIND, at + PACKET_BEHIND + this.length);
    this.#takeApart();
    return result;
  }

  #readScattered(): number {
    const { view, bytes } = this.#memory;
    const shape = this.#shape;
    this.#batch.flush();
    const at = this.#batch.nextAt();
    const result = this.#device.read(shape.vectorCount);
    if (result <= 0) return result;
    this.length = Math.max(0, result - VNET_LENGTH);
    this.isSuper = gsoType(view, READ_HEAD_AT) !== GSO.none;
    if (this.#isOfShape()) {
      this.#singles = 0;
      this.payloadAt = -1;
      return result;
    }
    this.#straighten();
    if (this.isSuper) this.#takeApart();
    else {
      this.at = at;
      bytes.copyWithin(at + PACKET_BEHIND, LINEAR_AT, LINEAR_AT + this.length);
      if (++this.#singles >= SINGLES_TO_FORGET) this.#expectSingle();
    }
    return result;
  }

  /**
   * Whether the scattered packet is what was expected. All that the parser looks at lies before the length it finds, so that if
   * that is the expected one, all was in the head.
   */
  #isOfShape(): boolean {
    const { view } = this.#memory;
    const { headerLength, segment } = this.#shape;
    return this.isSuper && gsoSize(view, READ_HEAD_AT) === segment && this.length > headerLength &&
      parsePacket(view, HEAD_PACKET_AT, this.length, this.header) && this.header.length === headerLength &&
      this.header.protocol !== PROTOCOL_OPAQUE;
  }

  /** Puts a scattered packet together at {@linkcode LINEAR_AT}. */
  #straighten(): void {
    const { bytes } = this.#memory;
    const { headerLength } = this.#shape;
    bytes.copyWithin(LINEAR_AT, HEAD_PACKET_AT, HEAD_PACKET_AT + Math.min(this.length, headerLength));
    let done = headerLength;
    for (let index = 1; done < this.length; index++) {
      const from = this.#vectors.offsetOf(index);
      const count = Math.min(this.#vectors.lengthOf(index), this.length - done);
      bytes.copyWithin(LINEAR_AT + done, from, from + count);
      done += count;
    }
  }

  /** Puts the header of the super-packet at {@linkcode LINEAR_AT} where {@linkcode HEAD_PACKET_AT} says. */
  #takeApart(): void {
    const { bytes, view } = this.#memory;
    const { header } = this;
    const isWhole = parsePacket(view, LINEAR_AT, this.length, header) && header.length <= MAX_HEADER_LENGTH;
    if (!isWhole) header.protocol = PROTOCOL_OPAQUE;
    else bytes.copyWithin(HEAD_PACKET_AT, LINEAR_AT, LINEAR_AT + header.length);
    this.payloadAt = LINEAR_AT + header.length;
  }

  /**
   * Gets ready for the next super-packet to be like this one, for a tunnel with this protection.
   * Where the pieces of this one lie in the places of another suite, it is straightened first.
   */
  expectLike(protection: Protection): void {
    const { view } = this.#memory;
    const { length: headerLength } = this.header;
    const shape = this.#shape;
    const segment = gsoSize(view, READ_HEAD_AT);
    const behind = protection.headerLength + FRAME_TYPE_LENGTH;
    if (this.payloadAt < 0) {
      if (behind === shape.behind) return;
      this.#straighten();
      this.payloadAt = LINEAR_AT + headerLength;
    }
    if (segment < MIN_PREDICTED_SEGMENT) return this.#expectSingle();
    const stride = protection.datagramLength(FRAME_TYPE_LENGTH + headerLength + segment);
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

  #expectSingle(): void {
    this.#isScattering = false;
    this.#vectors.set(0, READ_HEAD_AT, VNET_LENGTH);
  }
}
