/**
 * The forwarding loop on Linux: whole trains of datagrams in by recvmsg with UDP_GRO, out by sendmsg with UDP_SEGMENT, from
 * the very bytes they arrived in. Nothing is allocated per datagram.
 *
 * @module
 */
import type { Endpoint } from "../base/ip.ts";
import { DATAGRAM_MESSAGE_LENGTH, ReceiveMessage, SendMessage } from "../ffi/datagram_message_linux.ts";
import { BootClock, DatagramPort } from "../ffi/libc_linux.ts";
import { NativeMemory } from "../ffi/native_memory.ts";
import {
  readSocketAddress,
  sameSocketAddress,
  socketAddressLength,
  type SocketFamily,
  writeSocketAddress,
} from "../ffi/socket_address_linux.ts";
import { BIND_LENGTH, BIND_SPI_OFFSET, isExchangeType } from "../protocol/mod.ts";
import { COUNTER } from "./counters.ts";
import { rateBucket } from "./rate.ts";
import type { TokenBucket } from "./token_bucket.ts";
import type { Binding, ClassRates } from "./types.ts";

/** Receives per wake-up before commands get a turn. */
const RECEIVES_PER_TURN = 64;

/** The kernel puts no more than this into one receive. */
const MAX_TRAIN_LENGTH = 65536;

/** Bytes from the start of one socket address to the next. */
const ADDRESS_STRIDE = 32;

const EIO = 5;

const SEND_AT = 0;
const RECEIVE_AT = align(SEND_AT + DATAGRAM_MESSAGE_LENGTH);
const CLOCK_AT = align(RECEIVE_AT + DATAGRAM_MESSAGE_LENGTH);
const SCRATCH_ADDRESS_AT = align(CLOCK_AT + BootClock.LENGTH);
const SCRATCH_AT = align(SCRATCH_ADDRESS_AT + ADDRESS_STRIDE);
const TRAIN_AT = align(SCRATCH_AT + BIND_LENGTH);
const ADDRESSES_AT = align(TRAIN_AT + MAX_TRAIN_LENGTH);

function align(offset: number): number {
  return Math.ceil(offset / 64) * 64;
}

/** A client that is bound: where it is, and what it may send. */
interface Bound {
  peerSpi: number;
  addressAt: number;
  bucket: TokenBucket | null;
}

/** What a {@linkcode LinuxForwarder} works with. */
export interface LinuxForwarderOptions {
  /** Open UDP socket, used without blocking; the caller closes it. */
  descriptor: number;
  /** Which addresses it speaks. */
  family: SocketFamily;
  /** Whether one send may carry a train. */
  hasSegmentation: boolean;
  /** Most bindings at a time. */
  capacity: number;
  /** See {@linkcode ClassRates}. */
  rates: ClassRates;
  /** Counted in; places are those of COUNTER. */
  counters: Float64Array;
  /** Whether a control datagram may be taken now; `isRenewal`: it comes from where its ticket's SPI is bound. */
  mayTake(isRenewal: boolean): boolean;
  /** Takes a copy of a control datagram. */
  onControl(from: Endpoint, datagram: Uint8Array): void;
}

/** Forwards between bound clients. It is told who they are and makes no rule of its own. */
export class LinuxForwarder {
  readonly #memory: NativeMemory;
  readonly #port: DatagramPort;
  readonly #sending: SendMessage;
  readonly #receiving: ReceiveMessage;
  readonly #clock: BootClock;
  readonly #options: LinuxForwarderOptions;
  readonly #bound = new Map<number, Bound>();
  readonly #freeAddresses: number[];
  #hasSegmentation: boolean;

  /** Allocates all the memory it will ever use. */
  constructor(options: LinuxForwarderOptions) {
    const nameLength = socketAddressLength(options.family);
    this.#memory = new NativeMemory(ADDRESSES_AT + options.capacity * ADDRESS_STRIDE);
    this.#sending = new SendMessage(this.#memory, SEND_AT, nameLength);
    this.#receiving = new ReceiveMessage(this.#memory, RECEIVE_AT, nameLength);
    this.#port = new DatagramPort(this.#memory, options.descriptor, RECEIVE_AT, SEND_AT);
    this.#clock = new BootClock(this.#memory, CLOCK_AT);
    this.#options = options;
    this.#hasSegmentation = options.hasSegmentation;
    this.#freeAddresses = Array.from({ length: options.capacity }, (_, n) => ADDRESSES_AT + n * ADDRESS_STRIDE);
  }

  /** Binds a client, or moves it. One that the socket cannot reach stays unbound. */
  set(binding: Binding): void {
    this.clear(binding.spi);
    const addressAt = this.#freeAddresses.pop();
    if (addressAt === undefined) return;
    if (!writeSocketAddress(this.#memory.view, addressAt, binding.endpoint, this.#options.family)) {
      this.#freeAddresses.push(addressAt);
      return;
    }
    const bucket = rateBucket(binding, this.#options.rates, this.#clock.now());
    this.#bound.set(binding.spi, { peerSpi: binding.peerSpi, addressAt, bucket });
  }

  /** Forgets a client. */
  clear(spi: number): void {
    const bound = this.#bound.get(spi);
    if (bound === undefined) return;
    this.#bound.delete(spi);
    this.#freeAddresses.push(bound.addressAt);
  }

  /** Sends a control datagram of ours. */
  send(to: Endpoint, datagram: Uint8Array): void {
    if (datagram.length > BIND_LENGTH) return;
    if (!writeSocketAddress(this.#memory.view, SCRATCH_ADDRESS_AT, to, this.#options.family)) return;
    this.#memory.bytes.set(datagram, SCRATCH_AT);
    this.#sending.set(SCRATCH_AT, datagram.length, datagram.length, SCRATCH_ADDRESS_AT);
    if (this.#port.send() < 0) this.#count(COUNTER.system, 1);
  }

  /** Forwards what has arrived, up to a turn's worth. */
  work(): void {
    const now = this.#clock.now();
    for (let n = 0; n < RECEIVES_PER_TURN; n++) {
      this.#receiving.arm(TRAIN_AT, MAX_TRAIN_LENGTH);
      const received = this.#port.receive();
      if (received < 0) return;
      this.#train(received, Math.max(1, this.#receiving.segmentLength(received)), now);
    }
  }

  /** Cuts a train into runs of one SPI, each of which leaves as it came. */
  #train(received: number, segmentLength: number, now: number): void {
    this.#count(COUNTER.bytesIn, received);
    this.#count(COUNTER.datagramsIn, Math.ceil(received / segmentLength));
    let runAt = 0;
    let runSpi = 0;
    for (let at = 0; at < received; at += segmentLength) {
      const spi = this.#spiAt(TRAIN_AT + at, Math.min(segmentLength, received - at));
      if (spi === runSpi) continue;
      if (runSpi !== 0) this.#forward(runSpi, runAt, at - runAt, segmentLength, now);
      runAt = at;
      runSpi = spi;
    }
    if (runSpi !== 0) this.#forward(runSpi, runAt, received - runAt, segmentLength, now);
  }

  /** The SPI under which a datagram is forwarded; 0 = not forwarded, and dealt with already. */
  #spiAt(at: number, length: number): number {
    const { view } = this.#memory;
    if (length < 4) return 0;
    const word = view.getUint32(at);
    if (word !== 0) return word;
    if (length >= 9 && isExchangeType(view.getUint8(at + 4))) return view.getUint32(at + 5);
    if (length === BIND_LENGTH) this.#takeControl(at, length);
    return 0;
  }

  /** Clients that are bound keep their place while a flood of strangers knocks. */
  #takeControl(at: number, length: number): void {
    const { bytes, view } = this.#memory;
    const known = this.#bound.get(view.getUint32(at + BIND_SPI_OFFSET));
    const isRenewal = known !== undefined && sameSocketAddress(view, known.addressAt, this.#receiving.addressAt);
    if (!this.#options.mayTake(isRenewal)) return this.#count(COUNTER.controlDropped, 1);
    const from = readSocketAddress(view, this.#receiving.addressAt, this.#options.family);
    this.#options.onControl(from, bytes.slice(at, at + length));
  }

  /** The rule of section 12.3: to the endpoint bound to `spi`, if it comes from the one bound to its peer. */
  #forward(spi: number, offset: number, length: number, segmentLength: number, now: number): void {
    const count = Math.ceil(length / segmentLength);
    const receiver = this.#bound.get(spi);
    if (receiver === undefined) return this.#count(COUNTER.unbound, count);
    const sender = this.#bound.get(receiver.peerSpi);
    if (sender === undefined) return this.#count(COUNTER.unbound, count);
    if (!sameSocketAddress(this.#memory.view, sender.addressAt, this.#receiving.addressAt)) {
      return this.#count(COUNTER.stranger, count);
    }
    if (sender.bucket !== null && !sender.bucket.take(length, now)) return this.#count(COUNTER.rate, count);
    this.#sendRun(TRAIN_AT + offset, length, segmentLength, receiver.addressAt);
  }

  #sendRun(at: number, length: number, segmentLength: number, addressAt: number): void {
    const step = this.#hasSegmentation ? length : segmentLength;
    for (let done = 0; done < length; done += step) {
      const part = Math.min(step, length - done);
      this.#sending.set(at + done, part, segmentLength, addressAt);
      const sent = this.#port.send();
      if (sent === -EIO && this.#hasSegmentation) {
        // The interface on the way out cannot compute checksums, so the kernel will not segment for it.
        this.#hasSegmentation = false;
        return this.#sendRun(at + done, length - done, segmentLength, addressAt);
      }
      const count = Math.ceil(part / segmentLength);
      if (sent < 0) this.#count(COUNTER.system, count);
      else {
        this.#count(COUNTER.datagramsOut, count);
        this.#count(COUNTER.bytesOut, part);
      }
    }
  }

  #count(place: number, amount: number): void {
    this.#options.counters[place]! += amount;
  }
}
