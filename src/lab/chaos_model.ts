/**
 * What a bad line does to packets: decided here, carried out by `chaos_link.ts`. The same seed and the same packets at the
 * same times meet the same fate.
 *
 * @module
 */
import type { Random } from "../base/random.ts";

/** How a line behaves, each way. Shares are from 0 to 1. */
export interface ChaosSettings {
  /** Share of packets that vanish. */
  loss: number;
  /** How long each packet is on its way, in ms. */
  delayMs: number;
  /** How much longer at most, evenly spread, in ms. The order stays. */
  jitterMs: number;
  /** Share of packets that others overtake: they are held back for some milliseconds. */
  reorder: number;
  /** Share of packets that come twice. */
  duplicate: number;
  /** Share of packets in which one bit of the content is flipped. */
  corrupt: number;
  /** Kilobits per second; 0 = no limit. What would wait longer than a fifth of a second is lost. */
  rateKbit: number;
  /** Longer packets vanish without a word, in bytes; 0 = none do. */
  maxLength: number;
}

/** A line without faults. */
export const CALM: Readonly<ChaosSettings> = Object.freeze({
  loss: 0,
  delayMs: 0,
  jitterMs: 0,
  reorder: 0,
  duplicate: 0,
  corrupt: 0,
  rateKbit: 0,
  maxLength: 0,
});

/** A packet leaves the line. */
export interface Departure {
  /** When, on the clock of `take`. */
  at: number;
  /** Chooses the bit that is flipped, from 0 to 1; null = none is. */
  flip: number | null;
}

/** Longest wait for the rate. */
const MAX_QUEUE_MS = 200;

/** How long a packet is held back that others overtake. */
const HELD_BACK_MS = { least: 2, most: 30 };

/** One direction of a line. */
export class ChaosModel {
  readonly #random: Random;
  /** When the last packet is through what limits the rate. */
  #freeAt = 0;
  /** When the last packet that keeps its place leaves. */
  #lastAt = 0;

  /** All chance comes from `random`. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** When a packet of `length` bytes that enters at `now` leaves: never, once or twice. */
  take(length: number, now: number, settings: Readonly<ChaosSettings>): Departure[] {
    const { loss, duplicate, maxLength } = settings;
    if ((maxLength > 0 && length > maxLength) || this.#happens(loss)) return [];
    const throughAt = this.#throughAt(length, now, settings.rateKbit);
    if (throughAt === null) return [];
    const departures = [this.#leave(throughAt, settings)];
    if (this.#happens(duplicate)) departures.push(this.#leave(throughAt, settings));
    return departures;
  }

  #throughAt(length: number, now: number, rateKbit: number): number | null {
    if (rateKbit === 0) return now;
    const startAt = Math.max(now, this.#freeAt);
    if (startAt - now > MAX_QUEUE_MS) return null;
    // Kilobits per second are bits per millisecond.
    this.#freeAt = startAt + length * 8 / rateKbit;
    return this.#freeAt;
  }

  #leave(throughAt: number, { delayMs, jitterMs, reorder, corrupt }: Readonly<ChaosSettings>): Departure {
    const onTime = throughAt + delayMs + this.#random.unit() * jitterMs;
    const flip = this.#happens(corrupt) ? this.#random.unit() : null;
    if (this.#happens(reorder)) {
      const { least, most } = HELD_BACK_MS;
      return { at: onTime + least + this.#random.unit() * (most - least), flip };
    }
    this.#lastAt = Math.max(this.#lastAt, onTime);
    return { at: this.#lastAt, flip };
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random.unit() < share;
  }
}

const UDP = 17;
const IPV4_UDP_HEADERS = 28;
const IPV6_HEADERS = 48;
const UDP_CHECKSUM_AT = 26;

/**
 * Flips one bit behind the headers of an IP packet, in place. In UDP over IPv4 the checksum is switched off as well, so that
 * not the system but the program has to notice.
 */
export function flipBit(packet: Uint8Array, where: number): void {
  const isVersion4 = packet[0]! >> 4 === 4;
  const from = isVersion4 ? IPV4_UDP_HEADERS : IPV6_HEADERS;
  if (packet.length <= from) return;
  const bit = Math.floor(where * (packet.length - from) * 8);
  packet[from + (bit >> 3)]! ^= 1 << (bit & 7);
  const isPlainUdp = packet[0] === 0x45 && packet[9] === UDP;
  if (isPlainUdp) packet.fill(0, UDP_CHECKSUM_AT, UDP_CHECKSUM_AT + 2);
}
