/**
 * All tunnels of this engine by SPI: carries datagrams and events to the exchange machine and to the paths, and out again.
 * Which tunnels there are and which one carries a peer's packets is decided elsewhere (`peers.ts`).
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Endpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { zeroize } from "../crypto/mod.ts";
import type { DataPlane, DataPlaneEvent } from "../dataplane/types.ts";
import { SAFE_KEEPALIVE_MS } from "../nat/mod.ts";
import {
  type Candidate,
  CAPABILITY,
  DATAGRAM,
  datagramSpi,
  datagramType,
  INNER_FRAME,
  innerFrames,
  isExchangeType,
  type RelayOffer,
} from "../protocol/mod.ts";
import type {
  ExchangeEffect,
  ExchangeFailure,
  ExpectedSources,
  PeerExchanges,
  TunnelParameters,
} from "../session/mod.ts";
import { decodeNatWord } from "./nat_word.ts";
import { Tunnel, type TunnelOptions } from "./tunnel.ts";

/** A responder that was never asked gives up after this; the initiator does so after 10 s. */
const RESPONDER_TIMEOUT_MS = 15_000;

/** How long an initiator waits for a relay before it begins without one. */
const RELAY_HEAD_START_MS = 500;

/** A peer that moves tells of it once; one that tells all the time would have us probe whatever it names. */
const MIN_ENDPOINTS_INTERVAL_MS = 2_000;

/** The exchange machine, as far as it is used here. */
export type Exchanges = Pick<
  PeerExchanges,
  "open" | "update" | "close" | "start" | "onDatagram" | "onKeysConfirmed" | "onTimer"
>;

/** What a new tunnel is made of; all of it from RENDEZVOUS. */
export interface NewTunnel {
  /** Ends, keys and suite. */
  parameters: TunnelParameters;
  /** Peer secrets of the common networks, by network id. */
  networkSecrets: ReadonlyMap<number, Uint8Array>;
  /** Where the peer may be reached. */
  candidates: readonly Candidate[];
  /** Relays for this tunnel. */
  relays: readonly RelayOffer[];
  /** When to begin, ms from now. */
  startInMs: number;
}

/** What happens to tunnels. `localSpi` names them. */
export interface TunnelListener {
  /** The peer has proved its key, and both ends have keys. */
  onEstablished(localSpi: number, isRekey: boolean): void;
  /** No keys, or no new ones. */
  onExchangeFailed(localSpi: number, reason: ExchangeFailure): void;
  /** The peer has ended the tunnel (see CLOSE). */
  onClosedByPeer(localSpi: number, reason: number): void;
  /** Packets go another way, or none. */
  onPathChanged(localSpi: number, hasPath: boolean): void;
}

/** Looks for ports where the ordinary ways do not lead through; see {@linkcode PortSearches}. */
export interface TunnelSearches {
  /** The body of the NAT frame that tells peers of our NAT; null = nothing is known yet. */
  ownWord(): Uint8Array | null;
  /** The peer told of its NAT. */
  peerTold(tunnel: Tunnel): void;
  /** Its path or its candidates have changed. */
  consider(tunnel: Tunnel): void;
  /** It is no more. */
  closed(tunnel: Tunnel): void;
}

/** What tunnels work with. */
export interface TunnelsOptions extends Omit<TunnelOptions, "onRelayBound" | "onPathChanged"> {
  /** Where datagrams go out. */
  dataPlane: DataPlane;
  /** The conversations. */
  exchanges: Exchanges;
  /** Who decides. */
  listener: TunnelListener;
  /** For paths through the hardest NATs. */
  searches: TunnelSearches;
}

interface Entry {
  tunnel: Tunnel;
  parameters: TunnelParameters;
  networkSecrets: ReadonlyMap<number, Uint8Array>;
  /** Whether the data plane knows it, which it does from the first keys on. */
  isInstalled: boolean;
  /** Whether the exchange was begun. */
  isBegun: boolean;
  /** Whether the newest keys do not encrypt. */
  isNextPlain: boolean;
  /** Whether we can seal, so that probes can be sent. */
  canSeal: boolean;
  /** When the peer last told of its endpoints inside the tunnel. */
  toldAt: number;
  cancelStart: () => void;
  cancelTimer: () => void;
}

/** The tunnels. */
export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #entries = new Map<number, Entry>();
  #keepaliveMs = SAFE_KEEPALIVE_MS;

  /** None yet. */
  constructor(options: TunnelsOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Paths of a tunnel, undefined = it does not exist. */
  get(localSpi: number): Tunnel | undefined {
    return this.#entries.get(localSpi)?.tunnel;
  }

  /** Begins a tunnel. */
  open({ parameters, networkSecrets, candidates, relays, startInMs }: NewTunnel): void {
    const { localSpi, remoteSpi, suite, peer } = parameters;
    const tunnel = new Tunnel({ localSpi, remoteSpi, suite, virtualAddress: peer.address }, {
      ...this.#options,
      onRelayBound: () => this.#relayBound(localSpi),
      onPathChanged: (_, path) => this.#pathChanged(localSpi, path !== null),
    });
    const entry: Entry = {
      tunnel,
      parameters,
      networkSecrets,
      isInstalled: false,
      isBegun: false,
      isNextPlain: false,
      canSeal: false,
      toldAt: -Infinity,
      cancelStart: () => {},
      cancelTimer: () => {},
    };
    this.#options.exchanges.open(parameters, { sources: sourcesOf(tunnel), networkSecrets });
    this.#entries.set(localSpi, entry);
    tunnel.setRelays(relays);
    tunnel.setKeepalive(this.#keepaliveMs);
    tunnel.setCandidates(candidates);
    tunnel.tell({ on: "punchStart", inMs: startInMs });
    this.#updateSources(entry);
    this.#planStart(entry, Math.max(startInMs, relays.length > 0 ? RELAY_HEAD_START_MS : 0));
  }

  /** The server or the peer told where the peer can be reached now. */
  setCandidates(localSpi: number, candidates: readonly Candidate[]): void {
    const entry = this.#entries.get(localSpi);
    if (entry === undefined) return;
    entry.tunnel.setCandidates(candidates);
    this.#options.searches.consider(entry.tunnel);
    this.#updateSources(entry);
  }

  /** New keys are wanted, by the data plane or by the peer. */
  #rekey(localSpi: number): void {
    const entry = this.#entries.get(localSpi);
    if (entry !== undefined && entry.isInstalled) this.#begin(entry);
  }

  /** Ends a tunnel; with a reason of CLOSE the peer is told. */
  close(localSpi: number, reason?: number): void {
    const entry = this.#entries.get(localSpi);
    if (entry === undefined) return;
    const { dataPlane, exchanges } = this.#options;
    this.#entries.delete(localSpi);
    entry.cancelStart();
    entry.cancelTimer();
    if (entry.isInstalled && reason !== undefined) {
      dataPlane.sendFrame(localSpi, null, INNER_FRAME.close, innerFrames.close.encode({ reason }));
    }
    entry.tunnel.close();
    this.#options.searches.closed(entry.tunnel);
    exchanges.close(localSpi);
    if (entry.isInstalled) dataPlane.removeTunnel(localSpi);
  }

  /** We may be somewhere else in the network than before: all paths are tried again. */
  ownAddressChanged(): void {
    for (const { tunnel } of this.#entries.values()) tunnel.ownAddressChanged();
  }

  /** Our NAT needs a keepalive this often. */
  setKeepalive(everyMs: number): void {
    this.#keepaliveMs = everyMs;
    for (const { tunnel } of this.#entries.values()) tunnel.setKeepalive(everyMs);
  }

  /** Tells each peer inside its tunnel where we can be reached, by every way that may work. */
  tellEndpoints(candidates: readonly Candidate[]): void {
    const payload = innerFrames.endpoints.encode({ candidates: [...candidates] });
    for (const [localSpi, { tunnel, canSeal }] of this.#entries) {
      if (!canSeal) continue;
      for (const target of tunnel.waysToPeer()) {
        this.#options.dataPlane.sendFrame(localSpi, target, INNER_FRAME.endpoints, payload);
      }
    }
  }

  /** More is known of our own NAT: each peer is told inside its tunnel. */
  ownNatChanged(): void {
    for (const entry of this.#entries.values()) this.#tellNat(entry);
  }

  #tellNat({ tunnel, canSeal }: Entry): void {
    const word = this.#options.searches.ownWord();
    if (word === null || !canSeal || tunnel.path === null) return;
    this.#options.dataPlane.sendFrame(tunnel.facts.localSpi, null, INNER_FRAME.nat, word);
  }

  #pathChanged(localSpi: number, hasPath: boolean): void {
    const { listener, searches } = this.#options;
    listener.onPathChanged(localSpi, hasPath);
    const entry = this.#entries.get(localSpi);
    if (entry === undefined) return;
    searches.consider(entry.tunnel);
    this.#tellNat(entry);
  }

  /** Takes what the data plane reports of tunnels; other events are ignored. */
  takeEvent(event: DataPlaneEvent): void {
    switch (event.on) {
      case "control":
        return this.#takeControl(event.from, event.datagram);
      case "frame":
        return this.#takeFrame(event.localSpi, event.frameType, event.payload);
      case "probeAnswer":
        return this.get(event.localSpi)?.tell({ ...event, on: "probeAnswered", endpoint: event.from });
      case "roamed":
        return this.get(event.localSpi)?.tell({ on: "seen", endpoint: event.from, isAuthentic: true });
      case "keysConfirmed":
        return this.#carryOutAll(
          this.#options.exchanges.onKeysConfirmed(event.localSpi, event.epoch, this.#clock.now()),
        );
      case "rekeyWanted":
        return this.#rekey(event.localSpi);
    }
  }

  /** Anybody can send these: what is malformed or not for us is dropped without a word. */
  #takeControl(from: Endpoint, datagram: Uint8Array): void {
    try {
      const type = datagramType(datagram);
      if (type === null) return;
      if (!isExchangeType(type)) return this.#takeRelayDatagram(type, from, datagram);
      const entry = this.#entries.get(datagramSpi(datagram));
      if (entry === undefined) return;
      if (type === DATAGRAM.punch || type === DATAGRAM.classicKe1 || type === DATAGRAM.modernKe1a) {
        entry.tunnel.tell({ on: "seen", endpoint: from, isAuthentic: false });
      }
      if (type === DATAGRAM.punch) return;
      this.#carryOutAll(this.#options.exchanges.onDatagram(from, datagram, this.#clock.now()));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#log.debug("dropped a malformed datagram", { error });
    }
  }

  #takeRelayDatagram(type: number, from: Endpoint, datagram: Uint8Array): void {
    for (const { tunnel } of this.#entries.values()) tunnel.takeRelayDatagram(type, from, datagram);
  }

  #takeFrame(localSpi: number, frameType: number, payload: Uint8Array): void {
    const entry = this.#entries.get(localSpi);
    if (entry === undefined) return;
    try {
      if (frameType === INNER_FRAME.rekeyWanted && entry.tunnel.isInitiator) this.#rekey(localSpi);
      else if (frameType === INNER_FRAME.endpoints) this.#takeEndpoints(entry, payload);
      else if (frameType === INNER_FRAME.mtuAnswer) entry.tunnel.takeMtuAnswer(payload);
      else if (frameType === INNER_FRAME.nat) {
        entry.tunnel.peerNat = decodeNatWord(payload);
        this.#options.searches.peerTold(entry.tunnel);
      } else if (frameType === INNER_FRAME.close) {
        this.#options.listener.onClosedByPeer(localSpi, innerFrames.close.decode(payload).reason);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#log.debug("dropped a malformed frame", { spi: localSpi, error });
    }
  }

  /** @throws {ProtocolError} */
  #takeEndpoints(entry: Entry, payload: Uint8Array): void {
    const { candidates } = innerFrames.endpoints.decode(payload);
    const now = this.#clock.now();
    if (now - entry.toldAt < MIN_ENDPOINTS_INTERVAL_MS) return;
    entry.toldAt = now;
    this.setCandidates(entry.parameters.localSpi, candidates);
  }

  /** The initiator's KE1 goes through a relay first: it would be lost before the relay knows us. */
  #relayBound(localSpi: number): void {
    const entry = this.#entries.get(localSpi);
    if (entry === undefined) return;
    this.#updateSources(entry);
    if (!entry.isBegun && entry.tunnel.isInitiator) this.#begin(entry);
  }

  #planStart(entry: Entry, inMs: number): void {
    const { localSpi } = entry.parameters;
    entry.cancelStart = entry.tunnel.isInitiator
      ? this.#clock.after(inMs, () => entry.isBegun ? undefined : this.#begin(entry))
      : this.#clock.after(RESPONDER_TIMEOUT_MS, () => this.#options.listener.onExchangeFailed(localSpi, "no answer"));
  }

  #begin(entry: Entry): void {
    entry.isBegun = true;
    this.#carryOutAll(this.#options.exchanges.start(entry.parameters.localSpi, this.#clock.now()));
  }

  #updateSources({ tunnel, networkSecrets }: Entry): void {
    this.#options.exchanges.update(tunnel.facts.localSpi, { sources: sourcesOf(tunnel), networkSecrets });
  }

  #carryOutAll(effects: ExchangeEffect[]): void {
    for (const effect of effects) {
      if (effect.do === "drop") {
        this.#log.debug("dropped a datagram of an exchange", { spi: effect.localSpi, reason: effect.reason });
        continue;
      }
      const entry = this.#entries.get(effect.localSpi);
      if (entry !== undefined) this.#carryOut(effect, entry);
    }
  }

  #carryOut(effect: Exclude<ExchangeEffect, { do: "drop" }>, entry: Entry): void {
    const { dataPlane, exchanges, listener } = this.#options;
    const { localSpi } = effect;
    switch (effect.do) {
      case "send":
        return this.#send(effect.to === null ? entry.tunnel.exchangeTargets() : [effect.to], effect.datagrams);
      case "sendFrame":
        return dataPlane.sendFrame(localSpi, effect.to, effect.frameType, effect.payload);
      case "installKeys":
        return this.#install(effect, entry);
      case "useKeys":
        dataPlane.useKeys(localSpi, effect.epoch);
        entry.tunnel.isPlain = entry.isNextPlain;
        return startProbing(entry);
      case "arm":
        entry.cancelTimer();
        entry.cancelTimer = this.#clock.after(
          effect.ms,
          () => this.#carryOutAll(exchanges.onTimer(localSpi, this.#clock.now())),
        );
        return;
      case "disarm":
        return entry.cancelTimer();
      case "established":
        entry.cancelStart();
        entry.tunnel.tell({ on: "seen", endpoint: effect.from, isAuthentic: true });
        return listener.onEstablished(localSpi, effect.isRekey);
      case "fail":
        return listener.onExchangeFailed(localSpi, effect.reason);
    }
  }

  #send(targets: readonly Endpoint[], datagrams: readonly Uint8Array[]): void {
    for (const target of targets) {
      for (const datagram of datagrams) this.#options.dataPlane.sendDatagram(target, datagram);
    }
  }

  #install({ keys, use, localSpi, peerCapabilities }: ExchangeEffect & { do: "installKeys" }, entry: Entry): void {
    const { dataPlane } = this.#options;
    if (!entry.isInstalled) {
      entry.isInstalled = true;
      const peerAcceptsPartialChecksum = (peerCapabilities & CAPABILITY.partialChecksums) !== 0;
      dataPlane.addTunnel({ ...entry.tunnel.facts, peerAcceptsPartialChecksum });
    }
    entry.isNextPlain = keys.suite === 2 && keys.isPlain;
    // As long as anything may leave under keys that do not encrypt, the tunnel does not.
    entry.tunnel.isPlain = entry.isNextPlain || (use === "open" && entry.tunnel.isPlain);
    dataPlane.installKeys(localSpi, keys, use);
    if (keys.suite === 2) zeroize(keys.sealKey, keys.sealSalt, keys.openKey, keys.openSalt);
    else zeroize(keys.cipherKey, keys.macKey);
    if (use === "both") startProbing(entry);
  }
}

/** With the first keys, not with each new ones. */
function startProbing(entry: Entry): void {
  if (entry.canSeal) return;
  entry.canSeal = true;
  entry.tunnel.tell({ on: "keysInstalled" });
}

function sourcesOf(tunnel: Tunnel): ExpectedSources {
  return { candidates: tunnel.candidates, relays: tunnel.boundRelays };
}
