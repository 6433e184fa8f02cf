import type { Random } from "../base/random.ts";
import { MIN_SPI } from "../protocol/mod.ts";

/** One end of a tunnel that the server brought about; `C` is a logged-in client. */
export interface TunnelEnd<C> {
  /** Whose end it is, as it was logged in then. */
  client: C;
  /** In packets to this end. */
  localSpi: number;
}

/** A pair of SPIs given to two clients (S45). */
export interface Pairing<C> {
  /** Both ends. */
  ends: readonly [TunnelEnd<C>, TunnelEnd<C>];
  /** When it was drawn and told to both. */
  toldAt: number;
  /** When both were last sent punching. */
  punchedAt: number;
}

/** The same request again within this time gets the same answer. */
const REPEAT_MS = 5000;

/** A tunnel in use stays until the next one is confirmed, so the pairing before the last is kept as well. */
const KEPT_PER_PAIR = 2;

/** Draws SPIs and remembers to whom they were given. */
export class Rendezvous<C extends { readonly clientId: number }> {
  readonly #random: Random;
  /** By client id, then by that of the peer: the latest first. Each list is held from both sides. */
  readonly #byClient = new Map<number, Map<number, Pairing<C>[]>>();
  readonly #bySpi = new Map<number, Pairing<C>>();

  /** `random`: SPIs must not be guessable. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** How many SPIs are given out. */
  get spiCount(): number {
    return this.#bySpi.size;
  }

  /**
   * The pairing to tell `a` and `b`: the last one if it was told to these two sessions a moment ago, else a new one.
   *
   * @param mustBeNew one of them cannot use the last one
   */
  pair(a: C, b: C, now: number, mustBeNew: boolean): Pairing<C> {
    const [last] = this.between(a.clientId, b.clientId);
    if (!mustBeNew && last !== undefined && isOf(last, a, b) && now < last.toldAt + REPEAT_MS) return last;
    const ends = [{ client: a, localSpi: this.#drawSpi() }, { client: b, localSpi: this.#drawSpi() }] as const;
    if (ends[0].localSpi === ends[1].localSpi) return this.pair(a, b, now, mustBeNew);
    const pairing = { ends, toldAt: now, punchedAt: -Infinity };
    for (const { localSpi } of ends) this.#bySpi.set(localSpi, pairing);
    const pairings = [pairing, ...this.between(a.clientId, b.clientId)];
    for (const former of pairings.splice(KEPT_PER_PAIR)) this.#release(former);
    this.#hold(a.clientId, b.clientId, pairings);
    this.#hold(b.clientId, a.clientId, pairings);
    return pairing;
  }

  /** The two ends of the tunnel that `clientId` receives on `localSpi`: its own first; null when there is none. */
  find(clientId: number, localSpi: number): [TunnelEnd<C>, TunnelEnd<C>] | null {
    const pairing = this.#bySpi.get(localSpi);
    const own = pairing?.ends.find((end) => end.localSpi === localSpi);
    if (pairing === undefined || own?.client.clientId !== clientId) return null;
    return own === pairing.ends[0] ? [own, pairing.ends[1]] : [own, pairing.ends[0]];
  }

  /** Whether the two ends of `localSpi` may be sent punching; if so, not again for `pauseMs`. */
  mayPunch(localSpi: number, now: number, pauseMs: number): boolean {
    const pairing = this.#bySpi.get(localSpi);
    if (pairing === undefined || now < pairing.punchedAt + pauseMs) return false;
    pairing.punchedAt = now;
    return true;
  }

  /** All pairings of two accounts, the latest first. */
  between(clientId: number, otherClientId: number): readonly Pairing<C>[] {
    return this.#byClient.get(clientId)?.get(otherClientId) ?? [];
  }

  /** The accounts with which this one has a pairing. */
  peersOf(clientId: number): number[] {
    return [...this.#byClient.get(clientId)?.keys() ?? []];
  }

  /** Forgets the pairings of two accounts. @returns what was forgotten */
  end(clientId: number, otherClientId: number): readonly Pairing<C>[] {
    const ended = this.between(clientId, otherClientId);
    for (const pairing of ended) this.#release(pairing);
    this.#drop(clientId, otherClientId);
    this.#drop(otherClientId, clientId);
    return ended;
  }

  #hold(clientId: number, otherClientId: number, pairings: Pairing<C>[]): void {
    const peers = this.#byClient.get(clientId) ?? new Map<number, Pairing<C>[]>();
    this.#byClient.set(clientId, peers.set(otherClientId, pairings));
  }

  #drop(clientId: number, otherClientId: number): void {
    const peers = this.#byClient.get(clientId);
    peers?.delete(otherClientId);
    if (peers?.size === 0) this.#byClient.delete(clientId);
  }

  #release(pairing: Pairing<C>): void {
    for (const { localSpi } of pairing.ends) this.#bySpi.delete(localSpi);
  }

  #drawSpi(): number {
    for (;;) {
      const spi = this.#random.u32();
      if (spi >= MIN_SPI && !this.#bySpi.has(spi)) return spi;
    }
  }
}

function isOf<C>({ ends }: Pairing<C>, a: C, b: C): boolean {
  return ends.every(({ client }) => client === a || client === b);
}
