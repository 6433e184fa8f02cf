import { SOCKET_ADDRESS_LENGTH } from "../ffi/socket_address_linux.ts";

const BUCKET_COUNT = 1024;
/** Datagrams per second and how many may come at once, from an address we know nothing of. */
const STRANGER_RATE = 64;
const STRANGER_BURST = 32;
/** The same from an address that we sent a control datagram to lately: a server, a relay, a peer we punch. */
const KNOWN_RATE = 1024;
const KNOWN_BURST = 256;
const KNOWN_MS = 60_000;
/** How many datagrams may lie before the main thread; strangers may not take the places of those we know. */
const MAX_WAITING = 512;
const MAX_WAITING_STRANGERS = 256;

/**
 * Decides which control datagrams reach the main thread: a token bucket per source address (per /64 of IPv6), and a limit on
 * what the main thread has not yet taken. Sources share a fixed number of buckets, placed by a keyed hash, so that forged
 * addresses can neither fill memory nor choose whom they collide with.
 */
export class ControlGate {
  readonly #keys = new Int32Array(BUCKET_COUNT);
  readonly #tokens = new Float64Array(BUCKET_COUNT);
  readonly #filledAt = new Float64Array(BUCKET_COUNT);
  readonly #knownUntil = new Float64Array(BUCKET_COUNT);
  readonly #hashKey: number;

  /** `hashKey` is a random number of 32 bits. */
  constructor(hashKey: number) {
    this.#hashKey = hashKey | 1;
  }

  /** Notes that a control datagram is sent to the `struct sockaddr` at `at`. */
  noteSent(view: DataView, at: number, now: number): void {
    this.#knownUntil[this.#bucketOf(view, at, now)] = now + KNOWN_MS;
  }

  /** Whether a control datagram from the `struct sockaddr` at `at` passes, when `waiting` others do already. */
  passes(view: DataView, at: number, waiting: number, now: number): boolean {
    const bucket = this.#bucketOf(view, at, now);
    const isKnown = now < this.#knownUntil[bucket]!;
    const [rate, burst] = isKnown ? [KNOWN_RATE, KNOWN_BURST] : [STRANGER_RATE, STRANGER_BURST];
    const refilled = this.#tokens[bucket]! + (now - this.#filledAt[bucket]!) * rate / 1000;
    const tokens = Math.min(burst, refilled);
    this.#filledAt[bucket] = now;
    const passes = tokens >= 1 && waiting < (isKnown ? MAX_WAITING : MAX_WAITING_STRANGERS);
    this.#tokens[bucket] = passes ? tokens - 1 : tokens;
    return passes;
  }

  /** The bucket of an address; one that was another's starts full and unknown. */
  #bucketOf(view: DataView, at: number, now: number): number {
    const key = this.#hash(view, at);
    const bucket = (key >>> 8) % BUCKET_COUNT;
    if (this.#keys[bucket] !== key) {
      this.#keys[bucket] = key;
      this.#tokens[bucket] = KNOWN_BURST;
      this.#filledAt[bucket] = now;
      this.#knownUntil[bucket] = 0;
    }
    return bucket;
  }

  /** Multiply and mix the address, not the port: one host has one bucket. */
  #hash(view: DataView, at: number): number {
    let hash = this.#hashKey;
    const isMapped = view.getInt32(at + 8) === 0 && view.getInt32(at + 12) === 0;
    const end = isMapped ? SOCKET_ADDRESS_LENGTH - 4 : 16;
    for (let offset = 4; offset < end; offset += 4) {
      hash = Math.imul(hash ^ view.getInt32(at + offset), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return Math.imul(hash, this.#hashKey) | 0;
  }
}
