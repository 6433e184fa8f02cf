/**
 * The `struct msghdr` blocks of one UDP socket: built once, then a few 32-bit stores per call.
 *
 *     msghdr  name ptr@0, namelen u32@8, iov ptr@16, iovlen@24, control ptr@32, controllen@40, flags i32@48   (56 bytes)
 *     cmsghdr len u64@0, level i32@8, type i32@12, data@16
 *
 * @module
 */
import { IO_VECTOR_LENGTH, IoVectors } from "./io_vectors.ts";
import type { NativeMemory } from "./native_memory.ts";
import { SOCKET_ADDRESS_LENGTH } from "./socket_address_linux.ts";

const MSGHDR_LENGTH = 56;
const CONTROL_LENGTH = 64;
const CMSG_DATA = 16;
/** CMSG_SPACE of a u16 and of an int. */
const CMSG_SPACE = 24;
const CMSG_LEN_U16 = 18;
const CMSG_LEN_INT = 20;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

const VECTOR_AT = MSGHDR_LENGTH + 8;
const CONTROL_AT = VECTOR_AT + IO_VECTOR_LENGTH;
const NAME_AT = CONTROL_AT + CONTROL_LENGTH;

/** Bytes that either message takes. */
export const DATAGRAM_MESSAGE_LENGTH: number = NAME_AT + SOCKET_ADDRESS_LENGTH + 4;

/** What sendmsg(2) sends: one datagram, or a train of equal ones of which the last may be shorter (UDP_SEGMENT). */
export class SendMessage {
  /** Where the `msghdr` is. */
  readonly at: number;
  readonly #memory: NativeMemory;
  readonly #vector: IoVectors;

  /** Takes {@linkcode DATAGRAM_MESSAGE_LENGTH} bytes at `at`, a multiple of 8; `nameLength` is that of the socket's addresses. */
  constructor(memory: NativeMemory, at: number, nameLength: number) {
    this.#memory = memory;
    this.at = at;
    this.#vector = prepare(memory, at);
    memory.view.setUint32(at + 8, nameLength, true);
    memory.view.setUint32(at + CONTROL_AT, CMSG_LEN_U16, true);
    memory.view.setInt32(at + CONTROL_AT + 8, SOL_UDP, true);
    memory.view.setInt32(at + CONTROL_AT + 12, UDP_SEGMENT, true);
  }

  /** `length` bytes from `offset` to the `struct sockaddr` at `addressAt`, cut every `segmentLength` bytes if that is less. */
  set(offset: number, length: number, segmentLength: number, addressAt: number): void {
    const { view, addressLow } = this.#memory;
    this.#vector.set(0, offset, length);
    view.setInt32(this.at, (addressLow + addressAt) | 0, true);
    const isTrain = segmentLength < length;
    view.setInt32(this.at + 40, isTrain ? CMSG_SPACE : 0, true);
    if (isTrain) view.setUint16(this.at + CONTROL_AT + CMSG_DATA, segmentLength, true);
  }

  /** Where the bytes to send begin. */
  get offset(): number {
    return this.#vector.offsetOf(0);
  }

  /** How many bytes there are to send. */
  get length(): number {
    return this.#vector.lengthOf(0);
  }

  /** Length of each datagram but the last. */
  get segmentLength(): number {
    const { view } = this.#memory;
    return view.getInt32(this.at + 40, true) === 0
      ? this.length
      : view.getUint16(this.at + CONTROL_AT + CMSG_DATA, true);
  }

  /** Where the `struct sockaddr` of the receiver is. */
  get addressAt(): number {
    return this.#memory.readAddress(this.at);
  }
}

/** Where recvmsg(2) puts one datagram, or a train that the kernel put together (UDP_GRO). */
export class ReceiveMessage {
  /** Where the `msghdr` is. */
  readonly at: number;
  /** Where the sender's `struct sockaddr` is after a receive. */
  readonly addressAt: number;
  readonly #memory: NativeMemory;
  readonly #vector: IoVectors;
  readonly #nameLength: number;

  /** As for {@linkcode SendMessage}. */
  constructor(memory: NativeMemory, at: number, nameLength: number) {
    this.#memory = memory;
    this.at = at;
    this.addressAt = at + NAME_AT;
    this.#nameLength = nameLength;
    this.#vector = prepare(memory, at);
  }

  /** Must precede each receive: up to `capacity` bytes go to `offset`. The kernel shrinks the lengths it is given. */
  arm(offset: number, capacity: number): void {
    const { view } = this.#memory;
    this.#vector.set(0, offset, capacity);
    view.setInt32(this.at + 8, this.#nameLength, true);
    view.setInt32(this.at + 40, CONTROL_LENGTH, true);
  }

  /** Length of each datagram but the last in the `received` bytes. */
  segmentLength(received: number): number {
    const { view } = this.#memory;
    const control = this.at + CONTROL_AT;
    if (view.getInt32(this.at + 40, true) < CMSG_LEN_INT) return received;
    if (view.getInt32(control + 12, true) !== UDP_GRO || view.getInt32(control + 8, true) !== SOL_UDP) return received;
    const length = view.getInt32(control + CMSG_DATA, true);
    return length > 0 ? length : received;
  }

  /** For sockets that are not the kernel's: what recvmsg would leave behind. */
  setSegmentLength(length: number): void {
    const { view } = this.#memory;
    const control = this.at + CONTROL_AT;
    view.setInt32(this.at + 40, CMSG_SPACE, true);
    view.setInt32(control + 8, SOL_UDP, true);
    view.setInt32(control + 12, UDP_GRO, true);
    view.setInt32(control + CMSG_DATA, length, true);
  }

  /** Where the received bytes begin. */
  get offset(): number {
    return this.#vector.offsetOf(0);
  }
}

function prepare(memory: NativeMemory, at: number): IoVectors {
  const vector = new IoVectors(memory, at + VECTOR_AT, 1);
  memory.writeAddress(at, at + NAME_AT);
  memory.writeAddress(at + 16, at + VECTOR_AT);
  memory.view.setUint32(at + 24, 1, true);
  memory.writeAddress(at + 32, at + CONTROL_AT);
  return vector;
}
