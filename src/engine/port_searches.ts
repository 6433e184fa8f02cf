/**
 * Searches for a port through NATs that give each destination another one (docs/PROTOCOL.md, section 11.2): one at a time,
 * each with an end, and longer pauses the less they find.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { equalBytes } from "../base/bytes.ts";
import { type Endpoint, equalEndpoint, formatEndpoint, formatIpv4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane } from "../dataplane/types.ts";
import {
  guessPorts,
  isNarrow,
  MAX_GUESSES,
  NARROW_SEARCH_SOCKETS,
  type PortModel,
  SEARCH_MS,
  SEARCH_SOCKETS,
  searchAgainAt,
  searchRole,
} from "../nat/mod.ts";
import { INNER_FRAME } from "../protocol/mod.ts";
import { encodeNatWord, type PeerNat } from "./nat_word.ts";
import type { NatWatch } from "./nat_watch.ts";
import type { Tunnel } from "./tunnel.ts";
import type { TunnelSearches } from "./tunnels.ts";

/** How long the ordinary ways have before a search begins. */
const HEAD_START_MS = 1_000;

/** A search that has to wait for another one looks again after this. */
const LOOK_AGAIN_MS = 5_000;

/** When the hard end sends from its sockets and tells the easy one, in ms after it began: either may get lost. */
const OPEN_AT_MS: readonly number[] = [0, 700, 2_500, 9_000];

/** Five guesses every 50 ms are 100 a second. */
const GUESS_EVERY_MS = 50;
const GUESSES_AT_A_TIME = 5;

/** How long an easy end lets the same peer wait for its next guesses. */
const GUESS_PAUSE_MS = 50_000;

const NOTHING = new Uint8Array();

/** What a search needs of {@linkcode NatWatch}. */
export type SearchWatch = Pick<NatWatch, "nat" | "openSockets" | "measure" | "closeSockets">;

/** What it needs of {@linkcode Tunnel}. */
export type SearchedTunnel = Pick<Tunnel, "facts" | "path" | "peerNat" | "observedCandidates">;

/** What searches work with. */
export interface PortSearchesOptions {
  /** Sends guesses, and from the sockets of a search. */
  dataPlane: Pick<DataPlane, "openSearch" | "searchFrame" | "sendFrame" | "dropOwnSocket">;
  /** Time. */
  clock: Clock;
  /** Draws ports. */
  random: Random;
  /** Where it tells of searches. */
  log: Logger;
  /** Knows our NAT and has the sockets; null while logged out. */
  watch(): SearchWatch | null;
}

/** What is remembered of searches for one peer, by its virtual address. */
interface Memory {
  /** In a row that found nothing. */
  failures: number;
  /** When the next may begin, in monotonic ms. */
  againAt: number;
}

/** A search that runs. */
interface Search {
  tunnel: SearchedTunnel;
  watch: SearchWatch;
  cancel: () => void;
}

/** All searches of one engine. */
export class PortSearches implements TunnelSearches {
  readonly #options: PortSearchesOptions;
  readonly #memories = new Map<number, Memory>();
  readonly #planned = new Map<SearchedTunnel, () => void>();
  readonly #guessedAt = new Map<number, number>();
  #search: Search | null = null;
  #guessing: { tunnel: SearchedTunnel; cancel: () => void } | null = null;

  /** Nothing runs yet. */
  constructor(options: PortSearchesOptions) {
    this.#options = options;
  }

  /** See {@linkcode TunnelSearches}. */
  ownWord(): Uint8Array | null {
    const watch = this.#options.watch();
    return watch === null || watch.nat.mapping === null ? null : encodeNatWord(watch.nat, null, false);
  }

  /** How often a search for this peer has found nothing, in a row. */
  failuresOf(virtualAddress: number): number {
    return this.#memories.get(virtualAddress)?.failures ?? 0;
  }

  /** Whether one of the two ends looks for the other's port now. */
  isSearching(tunnel: SearchedTunnel): boolean {
    return this.#search?.tunnel === tunnel || this.#guessing?.tunnel === tunnel;
  }

  /** Path, candidates or the word on a NAT have changed: a search may be due, or over. */
  consider(tunnel: SearchedTunnel): void {
    if (tunnel.path === null || tunnel.path.kind !== "relay") return this.#settle(tunnel);
    if (this.#planned.has(tunnel) || this.#search?.tunnel === tunnel || this.#role(tunnel) !== "openSockets") return;
    const { clock } = this.#options;
    const againAt = this.#memories.get(tunnel.facts.virtualAddress)?.againAt ?? -Infinity;
    this.#plan(tunnel, Math.max(HEAD_START_MS, againAt - clock.now()));
  }

  /** The peer's word on its NAT came; it may be that it searches and waits for our guesses. */
  peerTold(tunnel: SearchedTunnel): void {
    this.consider(tunnel);
    const { peerNat } = tunnel;
    if (peerNat?.isSearching === true && this.#guessing === null && this.#role(tunnel) === "guessPorts") {
      this.#guess(tunnel, peerNat);
    }
  }

  /** The own network is another one: what was learnt of the old one is worth nothing. */
  networkChanged(): void {
    this.#memories.clear();
  }

  /** The tunnel is no more. */
  closed(tunnel: SearchedTunnel): void {
    this.#planned.get(tunnel)?.();
    this.#planned.delete(tunnel);
    if (this.#search?.tunnel === tunnel) this.#end(null);
    if (this.#guessing?.tunnel === tunnel) this.#stopGuessing();
  }

  #role(tunnel: SearchedTunnel): ReturnType<typeof searchRole> {
    const own = this.#options.watch()?.nat;
    return own === undefined || tunnel.peerNat === null ? null : searchRole(own, tunnel.peerNat);
  }

  /** Direct, or no path at all: no search is wanted. */
  #settle(tunnel: SearchedTunnel): void {
    const isDirect = tunnel.path !== null;
    this.#planned.get(tunnel)?.();
    this.#planned.delete(tunnel);
    if (this.#guessing?.tunnel === tunnel && isDirect) this.#stopGuessing();
    if (this.#search?.tunnel === tunnel && isDirect) this.#end(true);
  }

  #plan(tunnel: SearchedTunnel, inMs: number): void {
    const cancel = this.#options.clock.after(inMs, () => {
      this.#planned.delete(tunnel);
      this.#begin(tunnel);
    });
    this.#planned.set(tunnel, cancel);
  }

  /** The hard end: opens sockets, sees which ports they get, and has the other end guess. */
  #begin(tunnel: SearchedTunnel): void {
    const { clock, dataPlane, log } = this.#options;
    const watch = this.#options.watch();
    const target = observedEndpoint(tunnel);
    if (watch === null || target === null || tunnel.path?.kind !== "relay" || this.#role(tunnel) === null) return;
    if (this.#search !== null || !watch.openSockets(NARROW_SEARCH_SOCKETS)) return this.#plan(tunnel, LOOK_AGAIN_MS);
    const { localSpi, virtualAddress } = tunnel.facts;
    const search: Search = { tunnel, watch, cancel: () => {} };
    this.#search = search;
    dataPlane.dropOwnSocket(localSpi);
    log.info("searching for a port through the own NAT", { peer: formatIpv4(virtualAddress), spi: localSpi });
    watch.measure(NARROW_SEARCH_SOCKETS, (model) => {
      if (this.#search !== search) return;
      if (model === null || !isNarrow(model)) dataPlane.openSearch(SEARCH_SOCKETS);
      const timers = OPEN_AT_MS.map((at) => clock.after(at, () => this.#openTo(tunnel, target, model)));
      timers.push(clock.after(SEARCH_MS, () => this.#end(false)));
      search.cancel = () => timers.forEach((cancel) => cancel());
    });
  }

  #openTo(tunnel: SearchedTunnel, target: Endpoint, model: PortModel | null): void {
    const { dataPlane } = this.#options;
    const { localSpi } = tunnel.facts;
    const watch = this.#search?.watch;
    if (watch === undefined) return;
    dataPlane.searchFrame(localSpi, target, INNER_FRAME.keepalive, NOTHING);
    dataPlane.sendFrame(localSpi, null, INNER_FRAME.nat, encodeNatWord(watch.nat, model, true));
  }

  /** `isFound`: null = nobody knows any more. */
  #end(isFound: boolean | null): void {
    const search = this.#search;
    if (search === null) return;
    this.#search = null;
    search.cancel();
    search.watch.closeSockets();
    const { virtualAddress, localSpi } = search.tunnel.facts;
    if (isFound === null) return;
    const failures = isFound ? 0 : this.failuresOf(virtualAddress) + 1;
    const againAt = searchAgainAt(this.#options.clock.now(), failures);
    this.#memories.set(virtualAddress, { failures, againAt });
    const fields = { peer: formatIpv4(virtualAddress), spi: localSpi, failures };
    this.#options.log.info(isFound ? "the search found a port" : "the search found no port", fields);
    this.consider(search.tunnel);
  }

  /** The easy end: sends to ports of the address that both the server and the peer itself name. */
  #guess(tunnel: SearchedTunnel, peerNat: PeerNat): void {
    const { clock, dataPlane, random, log } = this.#options;
    const { localSpi, virtualAddress } = tunnel.facts;
    const target = observedEndpoint(tunnel);
    const now = clock.now();
    if (target === null || now < (this.#guessedAt.get(virtualAddress) ?? -Infinity) + GUESS_PAUSE_MS) return;
    this.#guessedAt.set(virtualAddress, now);
    log.info("guessing ports of the peer's NAT", {
      peer: formatIpv4(virtualAddress),
      endpoint: formatEndpoint(target),
    });
    const ports = guessPorts(peerNat.ports, MAX_GUESSES, random);
    const guessing = { tunnel, cancel: () => {} };
    const step = () => {
      for (const port of ports.splice(0, GUESSES_AT_A_TIME)) {
        dataPlane.sendFrame(localSpi, { address: target.address, port }, INNER_FRAME.keepalive, NOTHING);
      }
      if (ports.length === 0) this.#stopGuessing();
      else guessing.cancel = clock.after(GUESS_EVERY_MS, step);
    };
    this.#guessing = guessing;
    step();
  }

  #stopGuessing(): void {
    this.#guessing?.cancel();
    this.#guessing = null;
  }
}

/** Where the peer's NAT is: by the peer's own word, and by the server's. Neither can send us anywhere alone. */
function observedEndpoint({ peerNat, observedCandidates }: SearchedTunnel): Endpoint | null {
  const told = peerNat?.endpoint;
  if (told === undefined) return null;
  const isSame = peerNat?.isSearching === true
    ? (seen: Endpoint) => equalBytes(seen.address, told.address)
    : (seen: Endpoint) => equalEndpoint(seen, told);
  return observedCandidates.some(isSame) ? told : null;
}
