/** A tunnel device and a UDP socket over the data plane's arena, made of arrays. */
import type { Endpoint } from "../../src/base/ip.ts";
import {
  READ_VECTORS_AT,
  RECEIVE_MESSAGE_AT,
  SEND_MESSAGE_AT,
  VECTOR_COUNT,
  VNET_LENGTH,
  WRITE_VECTORS_AT,
} from "../../src/dataplane/arena.ts";
import type { DevicePort, SocketPort } from "../../src/dataplane/data_path.ts";
import { ReceiveMessage, SendMessage } from "../../src/ffi/datagram_message_linux.ts";
import { IoVectors } from "../../src/ffi/io_vectors.ts";
import type { NativeMemory } from "../../src/ffi/native_memory.ts";
import {
  readSocketAddress,
  socketAddressLength,
  type SocketFamily,
  writeSocketAddress,
} from "../../src/ffi/socket_address_linux.ts";

const EAGAIN = 11;
const EINVAL = 22;

/** What the device gives or takes: a virtio header and a packet. */
export interface DeviceMessage {
  flags: number;
  gsoType: number;
  gsoSize: number;
  headerLength: number;
  checksumStart: number;
  checksumOffset: number;
  packet: Uint8Array;
}

/** A device message; packets lack nothing unless told otherwise. */
export function deviceMessage(packet: Uint8Array, rest: Partial<DeviceMessage> = {}): DeviceMessage {
  return { flags: 0, gsoType: 0, gsoSize: 0, headerLength: 0, checksumStart: 0, checksumOffset: 0, ...rest, packet };
}

function encode(message: DeviceMessage): Uint8Array {
  const bytes = new Uint8Array(VNET_LENGTH + message.packet.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, message.flags);
  view.setUint8(1, message.gsoType);
  view.setUint16(2, message.headerLength, true);
  view.setUint16(4, message.gsoSize, true);
  view.setUint16(6, message.checksumStart, true);
  view.setUint16(8, message.checksumOffset, true);
  bytes.set(message.packet, VNET_LENGTH);
  return bytes;
}

function decode(bytes: Uint8Array): DeviceMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    flags: view.getUint8(0),
    gsoType: view.getUint8(1),
    headerLength: view.getUint16(2, true),
    gsoSize: view.getUint16(4, true),
    checksumStart: view.getUint16(6, true),
    checksumOffset: view.getUint16(8, true),
    packet: bytes.slice(VNET_LENGTH),
  };
}

/** Reads what a test queued and keeps what is written. */
export class ArrayDevice implements DevicePort {
  /** What the next reads give. */
  readonly toRead: DeviceMessage[] = [];
  /** What was written, oldest first. */
  readonly written: DeviceMessage[] = [];
  /** Vectors that each read offered. */
  readonly offered: number[] = [];
  readonly #memory: NativeMemory;
  readonly #read: IoVectors;
  readonly #write: IoVectors;

  constructor(memory: NativeMemory) {
    this.#memory = memory;
    this.#read = new IoVectors(memory, READ_VECTORS_AT, VECTOR_COUNT);
    this.#write = new IoVectors(memory, WRITE_VECTORS_AT, VECTOR_COUNT);
  }

  read(count: number): number {
    const message = this.toRead.shift();
    if (message === undefined) return -EAGAIN;
    this.offered.push(count);
    const bytes = encode(message);
    let done = 0;
    for (let index = 0; index < count && done < bytes.length; index++) {
      const part = bytes.subarray(done, done + this.#read.lengthOf(index));
      this.#memory.bytes.set(part, this.#read.offsetOf(index));
      done += part.length;
    }
    return done;
  }

  write(count: number): number {
    const parts: number[] = [];
    for (let index = 0; index < count; index++) {
      const offset = this.#write.offsetOf(index);
      parts.push(...this.#memory.bytes.subarray(offset, offset + this.#write.lengthOf(index)));
    }
    this.written.push(decode(Uint8Array.from(parts)));
    return parts.length;
  }
}

/** Datagrams that one send carried. */
export interface SentTrain {
  to: Endpoint;
  datagrams: Uint8Array[];
}

/** Receives what a test queued, as trains, and keeps what is sent. */
export class ArraySocket implements SocketPort {
  /** What the next receives give; `segment` is the length of all datagrams in `bytes` but the last. */
  readonly toReceive: { from: Endpoint; bytes: Uint8Array; segment?: number }[] = [];
  /** What was sent, oldest first. */
  readonly sent: SentTrain[] = [];
  /** Errors (-errno) that the next sends give instead. */
  readonly sendErrors: number[] = [];
  /** Longest datagram that passes; longer ones give EMSGSIZE, in a train EINVAL. */
  maxLength = Infinity;
  readonly #memory: NativeMemory;
  readonly #family: SocketFamily;
  readonly #send: SendMessage;
  readonly #receive: ReceiveMessage;

  constructor(memory: NativeMemory, family: SocketFamily = "dual") {
    this.#memory = memory;
    this.#family = family;
    this.#send = new SendMessage(memory, SEND_MESSAGE_AT, socketAddressLength(family));
    this.#receive = new ReceiveMessage(memory, RECEIVE_MESSAGE_AT, socketAddressLength(family));
  }

  receive(): number {
    const train = this.toReceive.shift();
    if (train === undefined) return -EAGAIN;
    this.#memory.bytes.set(train.bytes, this.#receive.offset);
    writeSocketAddress(this.#memory.view, this.#receive.addressAt, train.from, this.#family);
    this.#memory.view.setInt32(RECEIVE_MESSAGE_AT + 40, 0, true);
    if (train.segment !== undefined) this.#receive.setSegmentLength(train.segment);
    return train.bytes.length;
  }

  send(): number {
    const error = this.sendErrors.shift();
    if (error !== undefined) return error;
    const { offset, length, segmentLength, addressAt } = this.#send;
    if (segmentLength > this.maxLength) return segmentLength < length ? -EINVAL : -90;
    const datagrams: Uint8Array[] = [];
    for (let at = 0; at < length; at += segmentLength) {
      datagrams.push(this.#memory.bytes.slice(offset + at, offset + Math.min(at + segmentLength, length)));
    }
    this.sent.push({ to: readSocketAddress(this.#memory.view, addressAt, this.#family), datagrams });
    return length;
  }
}
