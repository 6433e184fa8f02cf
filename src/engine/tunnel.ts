/**
 * One tunnel's ways to its peer: candidates, relays, and the path its packets take. Keys are the exchange's business.
 *
 * It carries out what the deciders say (`PathBook`, `RelayBinding`) with one timer for all of them.
 *
 * @module
 */
import { toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import { type Endpoint, equalEndpoint, formatEndpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane } from "../dataplane/types.ts";
import { PathBook, type PathEffect, type PathEvent, type PathView } from "../nat/mod.ts";
import {
  type Candidate,
  classicExchange,
  DATAGRAM,
  INNER_FRAME,
  innerFrames,
  relayDatagrams,
  type RelayOffer,
} from "../protocol/mod.ts";
import { type OverlayRanges, usableCandidates } from "./candidates.ts";
import type { PeerNat } from "./nat_word.ts";
import { PathMtu } from "./path_mtu.ts";
import { type BindingEffect, RelayBinding } from "./relay_binding.ts";
import type { RelayStream, RelayStreams } from "./relay_streams.ts";
import type { LinkFacts } from "./views.ts";

/** Relays used at once by one tunnel. */
const MAX_RELAYS = 3;

/** Candidates to which datagrams of an exchange go directly. */
const MAX_EXCHANGE_CANDIDATES = 8;

/** What a tunnel is from RENDEZVOUS on. */
export interface TunnelFacts {
  /** In datagrams to us. */
  localSpi: number;
  /** In datagrams to the peer. */
  remoteSpi: number;
  /** The peer's virtual IPv4 address. */
  virtualAddress: number;
  /** Suite of its keys. */
  suite: 1 | 2;
}

/** What a tunnel works with. */
export interface TunnelOptions {
  /** Where datagrams go out. */
  dataPlane: Pick<DataPlane, "setPath" | "setMaxDatagramLength" | "sendFrame" | "sendDatagram">;
  /** Ways to relays where UDP does not pass; left out: none. */
  streams?: Pick<RelayStreams, "use" | "leave" | "died" | "isUdpSilent">;
  /** Time. */
  clock: Clock;
  /** Ids of probes. */
  random: Random;
  /** Where it tells of its paths. */
  log: Logger;
  /** Never reached through a tunnel. */
  overlay: OverlayRanges;
  /** Whether the server is on this machine. */
  allowsLoopback: boolean;
  /** Asks the server to let both ends begin together. */
  askForPunch(localSpi: number): void;
  /** Asks the server for fresh tickets; they come back through `renewTickets`. */
  askForTickets(localSpi: number): void;
  /** A relay forwards for this tunnel: a good moment to begin the exchange. */
  onRelayBound(localSpi: number): void;
  /** Packets go another way from now on, or none. */
  onPathChanged(localSpi: number, path: PathView | null): void;
}

/** Paths and relays of one tunnel. Every method may be called at any time until `close`. */
export class Tunnel {
  /** See {@linkcode TunnelFacts}. */
  readonly facts: TunnelFacts;
  readonly #options: TunnelOptions;
  readonly #paths: PathBook;
  readonly #mtu: PathMtu;
  readonly #bindings: RelayBinding[] = [];
  /** By relayId in hexadecimal. */
  readonly #streams = new Map<string, RelayStream>();
  /** Whether both ends have agreed to go without encryption. */
  isPlain = false;
  /** The peer's word on its NAT; null = it gave none. */
  peerNat: PeerNat | null = null;
  #candidates: Endpoint[] = [];
  #observed: Endpoint[] = [];
  #wasRelayValid = false;
  #cancelTimer = () => {};
  #isClosed = false;

  /** Does nothing before the first call. */
  constructor(facts: TunnelFacts, options: TunnelOptions) {
    this.facts = facts;
    this.#options = options;
    this.#paths = new PathBook(options.random);
    this.#mtu = new PathMtu({ ...options, ...facts, onNarrow: (...what) => this.#noteNarrow(...what) });
  }

  /** Whether the end with the lower inbound SPI, which starts exchanges, is us. */
  get isInitiator(): boolean {
    return this.facts.localSpi < this.facts.remoteSpi;
  }

  /** The path packets take, or null. */
  get path(): PathView | null {
    return this.#paths.current;
  }

  /** UDP payload bytes of the longest datagram that the path takes, as far as is known. */
  get maxDatagramLength(): number {
    return this.#mtu.limit;
  }

  /** Endpoints of relays that forward for us. */
  get boundRelays(): Endpoint[] {
    return this.#bindings.filter((binding) => binding.isBound).map((binding) => binding.endpoint);
  }

  /** Where the peer says it can be reached, as far as we believe it. */
  get candidates(): readonly Endpoint[] {
    return this.#candidates;
  }

  /** Those of the candidates where a server sees the peer. */
  get observedCandidates(): readonly Endpoint[] {
    return this.#observed;
  }

  /** All its paths, for those who ask why it takes the one it takes. */
  get paths(): PathView[] {
    return this.#paths.views();
  }

  /** What `list` shows of it; null while no path works. */
  link(): LinkFacts | null {
    const path = this.path;
    const relay = path === null ? undefined : this.#streamAt(path.endpoint)?.relay;
    return path === null ? null : {
      path: path.kind === "relay" ? "relay" : "direct",
      transport: path.transport,
      endpoint: formatEndpoint(relay ?? path.endpoint),
      rttMs: path.rttMs === null ? null : Math.round(path.rttMs * 100) / 100,
      suite: this.facts.suite,
      isEncrypted: !this.isPlain,
    };
  }

  /** The server told where the peer can be reached. */
  setCandidates(candidates: readonly Candidate[]): void {
    const usable = usableCandidates(candidates, this.#options.overlay, this.#options.allowsLoopback);
    this.#candidates = usable.map(({ endpoint }) => endpoint);
    this.#observed = usable.filter(({ kind }) => kind === "observed").map(({ endpoint }) => endpoint);
    this.tell({ on: "candidates", candidates: usable });
  }

  /** The server named relays: binds to each that is not bound already, and renews the tickets of those that are. */
  setRelays(offers: readonly RelayOffer[]): void {
    const { clock, log } = this.#options;
    for (const offer of offers) {
      try {
        const known = this.#bindings.find(({ relayId }) => toHex(relayId) === toHex(offer.relayId));
        if (known !== undefined) known.renew(offer, clock.now(), clock.wallMs());
        else if (this.#bindings.length < MAX_RELAYS) {
          const binding = new RelayBinding(offer, this.facts.localSpi, clock.now(), clock.wallMs());
          this.#bindings.push(binding);
          if (this.#options.streams?.isUdpSilent() ?? false) this.#carryOutAll(binding, binding.expectSilence());
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        log.warn("the server's relay ticket is unusable", { error });
      }
    }
    this.#tick();
  }

  /** Tells the paths what happened. */
  tell(event: PathEvent): void {
    if (this.#isClosed || event.on === "seen" && this.#isUnboundRelay(event.endpoint)) return;
    const now = this.#options.clock.now();
    for (const effect of this.#paths.step(event, now)) this.#carryOut(effect);
    if (event.on === "traffic") this.#mtu.traffic(now, this.#rttMs);
    else if (event.on === "ownAddressChanged") this.#mtu.restart(now, this.#rttMs);
    this.#watchRelays();
    this.#arm();
  }

  /** We may be somewhere else in the network than before. A relay sends nothing to where we are now before it knows of it. */
  ownAddressChanged(): void {
    this.#suspectRelays();
    this.tell({ on: "ownAddressChanged" });
    this.#tick();
  }

  /** Our NAT needs a keepalive this often. */
  setKeepalive(everyMs: number): void {
    for (const binding of this.#bindings) binding.setKeepalive(everyMs);
    this.tell({ on: "keepaliveWanted", everyMs });
  }

  /** Where a word to the peer may go: the path and the relays. */
  waysToPeer(): Endpoint[] {
    const path = this.path?.endpoint;
    const relays = this.boundRelays.filter((relay) => path === undefined || !equalEndpoint(relay, path));
    return path === undefined ? relays : [path, ...relays];
  }

  #suspectRelays(): void {
    for (const binding of this.#bindings) binding.suspect(this.#options.clock.now());
  }

  /** MTU ANSWER came. @throws {ProtocolError} when it is malformed */
  takeMtuAnswer(payload: Uint8Array): void {
    this.#mtu.takeAnswer(payload, this.#options.clock.now(), this.#rttMs);
    this.#arm();
  }

  get #rttMs(): number | null {
    return this.path?.rttMs ?? null;
  }

  #noteNarrow(endpoint: Endpoint, isNarrow: boolean): void {
    const fields = { endpoint: formatEndpoint(endpoint) };
    if (isNarrow) {
      this.#options.log.warn("a path carries only short datagrams: it is used where there is no other", fields);
    }
    this.tell({ on: "narrow", endpoint, isNarrow });
  }

  /** A datagram of section 12.2 came; one that is not for this tunnel is ignored. @throws {ProtocolError} */
  takeRelayDatagram(type: number, from: Endpoint, datagram: Uint8Array): void {
    const binding = this.#bindings.find((each) => each.isFrom(from));
    if (binding === undefined || this.#isClosed) return;
    const now = this.#options.clock.now();
    if (type === DATAGRAM.challenge) return this.#carryOutAll(binding, binding.challenged(from, datagram, now));
    if (type === DATAGRAM.bound && relayDatagrams.bound.decode(datagram).spi === this.facts.localSpi) {
      return this.#carryOutAll(binding, binding.bound(from, now));
    }
    if (type !== DATAGRAM.bindRefused) return;
    const { spi, code } = relayDatagrams.refused.decode(datagram);
    if (spi !== this.facts.localSpi) return;
    this.#options.log.info("a relay refuses to forward", { endpoint: formatEndpoint(from), code });
    this.#carryOutAll(binding, binding.refused(code, now));
  }

  /** Where datagrams of an exchange go when their way is not given: relays first, then the path or the candidates. */
  exchangeTargets(): Endpoint[] {
    const direct = this.path === null ? this.#candidates.slice(0, MAX_EXCHANGE_CANDIDATES) : [this.path.endpoint];
    const relays = this.boundRelays;
    return [...relays, ...direct.filter((endpoint) => !relays.some((relay) => equalEndpoint(relay, endpoint)))];
  }

  /** Leaves the relays and stops the timer. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer();
    for (const binding of this.#bindings) {
      this.#options.streams?.leave(binding, this);
      const unbind = binding.unbind();
      if (unbind !== null) this.#options.dataPlane.sendDatagram(unbind.to, unbind.datagram);
    }
  }

  #tick(): void {
    if (this.#isClosed) return;
    const now = this.#options.clock.now();
    for (const binding of this.#bindings) this.#carryOutAll(binding, binding.tick(now));
    this.#mtu.tick(now, this.#rttMs);
    this.tell({ on: "tick" });
  }

  #carryOut(effect: PathEffect): void {
    const { dataPlane, askForPunch, onPathChanged } = this.#options;
    const { localSpi, remoteSpi } = this.facts;
    switch (effect.do) {
      case "probe": {
        const body = innerFrames.probe.encode({ probeId: effect.probeId, padding: new Uint8Array() });
        return dataPlane.sendFrame(localSpi, effect.endpoint, INNER_FRAME.probe, body);
      }
      case "punch":
        return dataPlane.sendDatagram(effect.endpoint, classicExchange.punch.encode({ spi: remoteSpi }));
      case "use":
        dataPlane.setPath(localSpi, effect.endpoint);
        this.#mtu.use(effect.endpoint, this.#options.clock.now(), this.#rttMs);
        return onPathChanged(localSpi, this.path);
      case "askForPunch":
        this.#suspectRelays();
        return askForPunch(localSpi);
    }
  }

  #carryOutAll(binding: RelayBinding, effects: BindingEffect[]): void {
    for (const effect of effects) this.#carryOutOf(binding, effect);
    this.#arm();
  }

  #carryOutOf(binding: RelayBinding, effect: BindingEffect): void {
    const { dataPlane, askForTickets, onRelayBound, streams } = this.#options;
    switch (effect.do) {
      case "send":
        return dataPlane.sendDatagram(effect.to, effect.datagram);
      case "renewTicket":
        return askForTickets(this.facts.localSpi);
      case "lost":
        return this.tell({ on: "relayLost", endpoint: effect.endpoint });
      case "bound": {
        const { endpoint } = effect;
        this.tell({ on: "relayBound", endpoint, transport: this.#streamAt(endpoint)?.transport ?? "udp" });
        return onRelayBound(this.facts.localSpi);
      }
      case "wantStream":
        return streams?.use(binding, this);
      case "leaveStream":
        return streams?.leave(binding, this);
      case "streamDied":
        return streams?.died(binding);
    }
  }

  /** A stream to a relay is there, or is gone: null. */
  streamChanged(relayId: Uint8Array, stream: RelayStream | null): void {
    const binding = this.#bindings.find((each) => toHex(each.relayId) === toHex(relayId));
    if (binding === undefined || this.#isClosed) return;
    const now = this.#options.clock.now();
    if (stream === null) this.#streams.delete(toHex(relayId));
    else this.#streams.set(toHex(relayId), stream);
    this.#carryOutAll(
      binding,
      stream === null ? binding.streamClosed(now) : binding.streamOpened(stream.endpoint, now),
    );
  }

  /** Its BOUND is on the way, or was lost: what comes through it shows where it is, not where the peer is. */
  #isUnboundRelay(endpoint: Endpoint): boolean {
    const isRelay = this.#bindings.some((binding) => binding.isFrom(endpoint));
    return isRelay && !this.boundRelays.some((relay) => equalEndpoint(relay, endpoint));
  }

  #streamAt(endpoint: Endpoint): RelayStream | undefined {
    return [...this.#streams.values()].find((stream) => equalEndpoint(stream.endpoint, endpoint));
  }

  /** A relay that was started anew has lost our binding; waiting for the next renewal would take 20 s. */
  #watchRelays(): void {
    const isValid = this.#paths.views().some((path) => path.kind === "relay" && path.isValid);
    if (this.#wasRelayValid && !isValid) this.#suspectRelays();
    this.#wasRelayValid = isValid;
  }

  #arm(): void {
    this.#cancelTimer();
    if (this.#isClosed) return;
    const wakeTimes = [this.#paths.nextWakeAt(), this.#mtu.wakeAt, ...this.#bindings.map(({ wakeAt }) => wakeAt)];
    const due = wakeTimes.filter((at) => at !== null);
    if (due.length === 0) return;
    const { clock } = this.#options;
    this.#cancelTimer = clock.after(Math.max(0, Math.min(...due) - clock.now()), () => this.#tick());
  }
}
