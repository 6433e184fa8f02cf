/**
 * How long the datagrams of one path may be: packetization layer path MTU discovery for datagrams (RFC 8899), which believes
 * nothing but answers of the other end. All lengths are those of UDP payloads.
 *
 *     searching ──answers say where the limit is──▶ found ──a raise is due, or the limit holds no longer──▶ searching
 *       │ └──────── not even the base passes ──▶ narrow ──tried again every minute──▶ searching
 *       └────────── nothing passes at all ──▶ a second later ──▶ searching
 *
 * It differs from RFC 8899 in one choice: it begins with the longest datagram that is ever wanted, not with the base. Nearly
 * every path carries that, and systems remember for ten minutes that a packet was too long; so packets are held to less
 * only when probes of that length went unanswered three times while shorter ones came back. For the base, too, there is a
 * shorter one: a path that has just fallen silent would seem narrow otherwise, and stay unused after it is back.
 *
 * @module
 */
import type { Random } from "../base/random.ts";

/** What a path has to carry: an exchange of keys needs nearly as much (BASE_PLPMTU of RFC 8899 section 5.1.2). */
export const BASE_LENGTH = 1_200;

/** So short that every path carries it: what comes back of this length says that the path is alive. */
export const ALIVE_LENGTH = 128;

/** Limits often met: links with 1,420, 1,360 and 1,300 bytes per packet. */
const USUAL_LENGTHS: readonly number[] = [1_392, 1_332, 1_272];

/** A limit is known when it is known to within this many bytes. */
const GRANULARITY = 8;

/** How many lengths between two known ones are tried at a time. */
const SPLITS = 3;

/** A length is too long when so many probes went unanswered (MAX_PROBES). */
const MAX_PROBES = 3;

/** Shortest time between two of them; a round trip and a half where that is more. */
const MIN_PAUSE_MS = 150;

/** While packets flow it is made sure this often that the limit still holds (CONFIRMATION_TIMER). */
export const CONFIRM_EVERY_MS = 5_000;

/** How long to wait where nothing at all came back: that says something about the path, and nothing about its limit. */
const SILENT_PAUSE_MS = 1_000;

/** When a limit below the longest is tried to be raised: the first time, and from then on (PMTU_RAISE_TIMER). */
export const RAISE_AFTER_MS: readonly [first: number, later: number] = [60_000, 600_000];

/** Probes whose answers are awaited, late ones included. */
const MAX_OUTSTANDING = 64;

/** Something that happened to the path. */
export type MtuEvent =
  /** An MTU ANSWER came: a datagram of `length` bytes got through. */
  | { on: "answered"; probeId: bigint; length: number }
  /** Packets were sent or received since the last time. */
  | { on: "traffic" }
  /** The way may be another from now on: all is searched for anew. */
  | { on: "restart" }
  /** The time of `nextWakeAt` has come. */
  | { on: "tick" };

/** Something to be done. */
export type MtuEffect =
  /** Send an MTU PROBE in a datagram of `length` bytes. */
  | { do: "probe"; probeId: bigint; length: number }
  /** Datagrams may have this length from now on. */
  | { do: "limit"; length: number }
  /** The path carries less than {@linkcode BASE_LENGTH}, or does so no longer. */
  | { do: "narrow"; isNarrow: boolean };

/** The search for the limit of one path. Times are monotonic milliseconds. */
export class MtuSearch {
  readonly #random: Random;
  readonly #longest: number;
  readonly #outstanding = new Map<bigint, number>();
  /** The probe of {@linkcode ALIVE_LENGTH} in the last round of a trial; null = none, or it was answered. */
  #aliveProbe: bigint | null = null;
  #isAlive = false;
  /** The longest length that came through in this search; null = none. */
  #low: number | null = null;
  /** The shortest length that did not. */
  #high: number;
  /** Lengths under trial. */
  #trial: number[] = [];
  #probes = 0;
  #limit: number;
  #isNarrow = false;
  #isConfirming = false;
  #confirmedAt = 0;
  #trafficAt = -Infinity;
  #raises = 0;
  #raiseAt: number | null = null;
  #dueAt: number | null;
  #effects: MtuEffect[] = [];

  /** Begins at `now`; `longest` is the longest datagram that is ever wanted. */
  constructor(longest: number, random: Random, now: number) {
    this.#longest = longest;
    this.#limit = longest;
    this.#high = longest + 1;
    this.#random = random;
    this.#dueAt = now;
    this.#begin(now);
  }

  /** How long datagrams may be, as far as is known. */
  get limit(): number {
    return this.#limit;
  }

  /** Whether the path carries less than {@linkcode BASE_LENGTH}. */
  get isNarrow(): boolean {
    return this.#isNarrow;
  }

  /** When to send a tick; null = not before another event. */
  nextWakeAt(): number | null {
    const confirmAt = this.#dueAt === null && !this.#isNarrow && this.#trafficAt > this.#confirmedAt
      ? this.#confirmedAt + CONFIRM_EVERY_MS
      : null;
    const times = [this.#dueAt, this.#raiseAt, confirmAt].filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Takes an event; `rttMs` is the path's round trip, null = not measured. Never throws: a foreign answer changes nothing. */
  step(event: MtuEvent, now: number, rttMs: number | null): MtuEffect[] {
    this.#effects = [];
    switch (event.on) {
      case "answered":
        this.#answered(event.probeId, event.length, now);
        break;
      case "traffic":
        this.#trafficAt = now;
        break;
      case "restart":
        this.#begin(now);
        break;
    }
    this.#carryOn(now, rttMs);
    return this.#effects;
  }

  /** Searches the whole range; what holds meanwhile stays. */
  #begin(now: number): void {
    this.#low = null;
    this.#high = this.#longest + 1;
    this.#try([...USUAL_LENGTHS.filter((length) => length < this.#longest), this.#longest, BASE_LENGTH], now);
  }

  #try(lengths: number[], now: number): void {
    this.#trial = lengths;
    this.#probes = 0;
    this.#isConfirming = false;
    this.#raiseAt = null;
    this.#dueAt = now;
  }

  #answered(probeId: bigint, length: number, now: number): void {
    const sent = this.#outstanding.get(probeId);
    if (sent === undefined || length > sent) return;
    this.#outstanding.delete(probeId);
    if (probeId === this.#aliveProbe) this.#isAlive = true;
    if (sent < BASE_LENGTH) return;
    if (sent >= this.#limit) this.#confirmedAt = now;
    if (this.#isConfirming && sent === this.#limit) return this.#endTrial();
    this.#low = Math.max(this.#low ?? 0, sent);
    if (this.#low >= this.#high) this.#high = this.#longest + 1;
    const isNews = this.#isNarrow || this.#low > this.#limit;
    if (this.#isNarrow) this.#tellNarrow(false);
    // A longer limit is good news at once; a shorter one must be certain.
    if (this.#low > this.#limit) this.#tellLimit(this.#low);
    if (this.#low === this.#longest) this.#finish(now);
    // An answer so late that the search had ended without it.
    else if (isNews && this.#dueAt === null) this.#raise(now);
  }

  #carryOn(now: number, rttMs: number | null): void {
    if (this.#dueAt === null && this.#raiseAt !== null && now >= this.#raiseAt) this.#raise(now);
    const confirmAt = this.nextWakeAt();
    if (this.#dueAt === null && confirmAt !== null && now >= confirmAt) this.#confirm(now);
    if (this.#dueAt === null || now < this.#dueAt) return;
    if (this.#probes === MAX_PROBES) this.#conclude(now);
    if (this.#dueAt === null) return;
    this.#sendTrial();
    this.#probes++;
    this.#dueAt = now + Math.max(MIN_PAUSE_MS, 1.5 * (rttMs ?? 0));
  }

  /** The first probe of a search is of the longest length alone: nearly always that is all it takes. */
  #sendTrial(): void {
    const isFirst = this.#probes === 0 && this.#trial.includes(this.#longest);
    this.#isAlive = false;
    this.#aliveProbe = this.#trial.includes(BASE_LENGTH) && this.#low === null && !isFirst
      ? this.#sendProbe(ALIVE_LENGTH)
      : null;
    for (const length of isFirst ? [this.#longest] : this.#trial) {
      if (this.#low !== null && length <= this.#low && !this.#isConfirming) continue;
      this.#sendProbe(length);
    }
  }

  #sendProbe(length: number): bigint {
    const probeId = this.#random.bytes(8).reduce((id, byte) => (id << 8n) | BigInt(byte), 0n);
    this.#outstanding.set(probeId, length);
    if (this.#outstanding.size > MAX_OUTSTANDING) this.#outstanding.delete(this.#outstanding.keys().next().value!);
    this.#effects.push({ do: "probe", probeId, length });
    return probeId;
  }

  /** All probes of a trial are out and had their time. */
  #conclude(now: number): void {
    if (this.#isConfirming) return this.#begin(now);
    if (this.#low === null) {
      if (this.#isNarrow) return this.#rest(now);
      if (!this.#isAlive) return this.#waitForLife(now);
      this.#tellNarrow(true);
      if (this.#limit > BASE_LENGTH) this.#tellLimit(BASE_LENGTH);
      return this.#rest(now);
    }
    const low = this.#low;
    this.#high = Math.min(this.#high, ...this.#trial.filter((length) => length > low));
    if (low !== this.#limit) this.#tellLimit(low);
    if (this.#high - low <= GRANULARITY) return this.#finish(now);
    const step = (this.#high - low) / (SPLITS + 1);
    this.#try(Array.from({ length: SPLITS }, (_, index) => Math.round(low + step * (index + 1))), now);
  }

  #waitForLife(now: number): void {
    this.#begin(now);
    this.#dueAt = now + SILENT_PAUSE_MS;
  }

  #finish(now: number): void {
    this.#confirmedAt = now;
    if (this.#limit < this.#longest) return this.#rest(now);
    this.#raises = 0;
    this.#raiseAt = null;
    this.#endTrial();
  }

  #endTrial(): void {
    this.#trial = [];
    this.#isConfirming = false;
    this.#dueAt = null;
  }

  #rest(now: number): void {
    this.#endTrial();
    this.#raiseAt = now + RAISE_AFTER_MS[this.#raises === 0 || this.#isNarrow ? 0 : 1];
    this.#raises++;
  }

  /** Tries everything above the limit again. */
  #raise(now: number): void {
    if (this.#isNarrow) return this.#begin(now);
    this.#high = this.#longest + 1;
    this.#low = this.#limit;
    this.#try(
      [...USUAL_LENGTHS.filter((length) => length > this.#limit && length < this.#longest), this.#longest],
      now,
    );
  }

  #confirm(now: number): void {
    const raiseAt = this.#raiseAt;
    this.#try([this.#limit], now);
    this.#raiseAt = raiseAt;
    this.#isConfirming = true;
  }

  #tellLimit(length: number): void {
    this.#limit = length;
    this.#effects.push({ do: "limit", length });
  }

  #tellNarrow(isNarrow: boolean): void {
    this.#isNarrow = isNarrow;
    this.#effects.push({ do: "narrow", isNarrow });
  }
}
