import { SOCKET_ADDRESS_LENGTH } from "../ffi/socket_address_linux.ts";

const BUCKET_COUNT = 1024;
/** Datagrams per second and how many may come at once, from an address we know nothing of. */
const STRANGER = { rate: 64, burst: 32 } as const;
/** The same from an address that we sent a control datagram to lately: a server, a relay, a peer we punch. */
const KNOWN = { rate: 1024, burst: 256 } as const;
const KNOWN_MS = 60_000;
/** How many datagrams may lie before the main thread; strangers may not take the places of those we know. */
const MAX_WAITING = 512;
const MAX_WAITING_STRANGERS = 256;

/**
 * Decides which control datagrams reach the main thread: a token bucket per source address (per /64 of IPv6), and a limit on
 * what the main thread has not yet taken. Sources share a fixed number of buckets, placed by a keyed hash, so that forged
 * addresses can neither fill memory nor choose whom they collide with. Addresses we send to have buckets of their own.
 */
export class ControlGate {
  readonly #strangers = new Buckets(STRANGER.rate, STRANGER.burst);
  readonly #known = new Buckets(KNOWN.rate, KNOWN.burst);
  readonly #knownUntil = new Float64Array(BUCKET_COUNT);
  readonly #hashKey: number;

  /** `hashKey` is a random number of 32 bits. */
  constructor(hashKey: number) {
    this.#hashKey = hashKey | 1;
  }

  /** Notes that a control datagram is sent to the `struct sockaddr` at `at`. */
  noteSent(view: DataView, at: number, now: number): void {
    const key = this.#hash(view, at);
    this.#known.claim(key, now);
    this.#knownUntil[bucketOf(key)] = now + KNOWN_MS;
  }

  /** Whether a control datagram from the `struct sockaddr` at `at` passes, when `waiting` others do already. */
  passes(view: DataView, at: number, waiting: number, now: number): boolean {
    const key = this.#hash(view, at);
    const isKnown = this.#known.has(key) && now < this.#knownUntil[bucketOf(key)]!;
    if (waiting >= (isKnown ? MAX_WAITING : MAX_WAITING_STRANGERS)) return false;
    if (isKnown) return this.#known.spend(key, now);
    this.#strangers.claim(key, now);
    return this.#strangers.spend(key, now);
  }

  /** Multiplies and mixes the address, not the port: one host has one bucket. */
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

function bucketOf(key: number): number {
  return (key >>> 8) % BUCKET_COUNT;
}

/** Token buckets by key; a key takes the bucket of another that has the same place. */
class Buckets {
  readonly #rate: number;
  readonly #burst: number;
  readonly #keys = new Int32Array(BUCKET_COUNT);
  readonly #tokens = new Float64Array(BUCKET_COUNT);
  readonly #filledAt = new Float64Array(BUCKET_COUNT);

  /** `rate` is per second. */
  constructor(rate: number, burst: number) {
    this.#rate = rate;
    this.#burst = burst;
  }

  has(key: number): boolean {
    return this.#keys[bucketOf(key)] === key;
  }

  /** Makes the bucket this key's, and full, unless it is this key's already. */
  claim(key: number, now: number): void {
    if (this.has(key)) return;
    const bucket = bucketOf(key);
    this.#keys[bucket] = key;
    this.#tokens[bucket] = this.#burst;
    this.#filledAt[bucket] = now;
  }

  /** Takes a token out of the key's bucket, if there is one. */
  spend(key: number, now: number): boolean {
    const bucket = bucketOf(key);
    const refill = (now - this.#filledAt[bucket]!) * this.#rate / 1000;
    const tokens = Math.min(this.#burst, this.#tokens[bucket]! + refill);
    this.#filledAt[bucket] = now;
    this.#tokens[bucket] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }
}
