/**
 * Which peers there should be tunnels to, and which tunnel carries a peer's packets (docs/PROTOCOL.md, section 10).
 *
 * A peer has at most one tunnel in use and one in the making. The old one stays until the new one has a path, so that
 * nothing is lost when both ends start over.
 *
 *     RENDEZVOUS ──▶ in the making ──established, has a path──▶ in use ──a newer one took over──▶ retired for 10 s
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { formatIpv4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { ed25519Fingerprint, sshRsaFingerprintSha256 } from "../crypto/mod.ts";
import type { DataPlane, TunnelStats } from "../dataplane/types.ts";
import { CAPABILITY, CLOSE, type ControlMessageOf, KEY_TYPE, MIN_SPI, TUNNEL_REASON } from "../protocol/mod.ts";
import type { ExchangeFailure, LocalParty } from "../session/mod.ts";
import type { KnownPeer } from "./networks_view.ts";
import { beginAnew, dueRequests, factsOf, isPathLost, newPeer, type Peer, type PeerLink } from "./peer.ts";
import { judgePeer, type PeerOffer, pinAfterProof } from "./pins.ts";
import type { PlainPeers } from "./plain_tunnels.ts";
import type { PeerPin } from "./state_files.ts";
import type { Tunnel } from "./tunnel.ts";
import type { TunnelListener, Tunnels } from "./tunnels.ts";
import type { PeerFacts } from "./views.ts";

/** A tunnel to a member that went offline ends after so long without an authentic datagram. */
const SILENT_MS = 30_000;

/** How long a tunnel that was replaced still opens what was sent through it. */
const RETIRED_MS = 10_000;

/** How often the counters of the data plane are read. */
const POLL_MS = 1_000;

/** What there is to say to the server; nothing is sent while there is no connection. */
export interface PeersServer {
  /** Whether requests reach it, and its word on who is online is of now. */
  isLoggedIn(): boolean;
  /** TUNNEL REQUEST. Rejects when it is refused. */
  requestTunnel(peer: number, reason: number): Promise<void>;
}

/** What the peers work with. */
export interface PeersOptions {
  /** Routes packets. */
  dataPlane: Pick<DataPlane, "route" | "unroute" | "refuse" | "stats">;
  /** Time. */
  clock: Clock;
  /** Where it tells of tunnels. */
  log: Logger;
  /** Who we are, and what we speak. */
  local: LocalParty;
  /** Asks for tunnels. */
  server: PeersServer;
  /** Makes and ends them. */
  tunnels: Pick<Tunnels, "get" | "open" | "close">;
  /** Pins by virtual address; changed here and saved with `savePins`. */
  pins: Map<number, PeerPin>;
  /** Keeps the pins. */
  savePins(): void;
  /** Peers whose tunnels may go without encryption. */
  plainPeers: Pick<PlainPeers, "allow">;
  /** Packets to this peer may go another way now, or none. */
  onPath(virtualAddress: number): void;
  /** The peer secrets of these networks, where we have them. */
  networkSecrets(networkIds: readonly number[]): ReadonlyMap<number, Uint8Array>;
}

/** The peers of one server. */
export class Peers implements TunnelListener {
  readonly #options: PeersOptions;
  readonly #peers = new Map<number, Peer>();
  readonly #retired = new Map<number, () => void>();
  #cancelRequests = () => {};
  #cancelPoll = () => {};
  #isStopped = false;

  /** Nobody yet. */
  constructor(options: PeersOptions) {
    this.#options = options;
    this.#planPoll();
  }

  /** The server told who is in our networks. Peers that may not be spoken to any more lose their tunnels now. */
  setKnown(known: ReadonlyMap<number, KnownPeer>): void {
    for (const [virtualAddress, each] of known) {
      const peer = this.#peers.get(virtualAddress) ?? newPeer(virtualAddress, this.#now());
      if (each.isWithinReach && peer.known?.isWithinReach !== true) beginAnew(peer, this.#now());
      peer.known = each;
      this.#peers.set(virtualAddress, peer);
    }
    for (const [virtualAddress, peer] of this.#peers) {
      if (known.get(virtualAddress)?.isAllowed !== true) this.#drop(peer, CLOSE.noCommonNetwork);
      if (!known.has(virtualAddress)) this.#peers.delete(virtualAddress);
    }
    this.plainChanged();
    this.#planRequests();
  }

  /** The connection to the server is there again: what was asked before is forgotten. */
  loggedIn(): void {
    for (const peer of this.#peers.values()) beginAnew(peer, this.#now());
    this.#planRequests();
  }

  /** Somebody has packets for a peer or pings it. */
  want(virtualAddress: number): void {
    const peer = this.#peers.get(virtualAddress);
    if (peer === undefined) {
      // The server has named all members of our networks: this address is nobody's.
      if (this.#options.server.isLoggedIn()) this.#options.dataPlane.refuse(virtualAddress);
      return;
    }
    peer.wantedAt = this.#now();
    this.#planRequests();
  }

  /** The user has said which key a peer has: what there is of tunnels with it is made anew. */
  trustChanged(virtualAddress: number): void {
    const peer = this.#peers.get(virtualAddress);
    if (peer === undefined) return;
    peer.refused = null;
    this.#renew(peer);
  }

  /** The user, or a network's owner, has changed which tunnels may go without encryption: those made otherwise are made anew. */
  plainChanged(): void {
    for (const peer of this.#peers.values()) {
      const links = [peer.inUse, peer.inMaking].filter((link) => link !== null);
      if (links.some((link) => link.mayBePlain !== this.#mayBePlain(peer, link))) this.#renew(peer);
    }
  }

  /** Both ends come from nothing, so that nothing goes on under what was agreed before. */
  #renew(peer: Peer): void {
    this.#drop(peer, CLOSE.leaving);
    beginAnew(peer, this.#now());
    this.#planRequests();
  }

  /** What kept peers from us may be gone: tunnels in the making, which began under it, are made anew. */
  tryAgain(): void {
    for (const peer of this.#peers.values()) {
      if (peer.inUse !== null) continue;
      this.#drop(peer, CLOSE.leaving);
      beginAnew(peer, this.#now());
    }
    this.#planRequests();
  }

  #mayBePlain({ known }: Peer, { suite, offer }: Pick<PeerLink, "suite" | "offer">): boolean {
    return suite === 2 && this.#options.plainPeers.allow(known, offer.ed25519);
  }

  /** The server gives no more tickets for a tunnel (it was started anew, and knows it no more): asks for another tunnel. */
  replace(localSpi: number): void {
    const peer = this.#find(localSpi)?.peer;
    if (peer === undefined || peer.inMaking !== null || !this.#options.server.isLoggedIn()) return;
    this.#request(peer, TUNNEL_REASON.ticketExpires);
    this.#planRequests();
  }

  /** What `list` and `peer` show of a peer; null = it was never heard of. */
  factsOf(virtualAddress: number): PeerFacts | null {
    const peer = this.#peers.get(virtualAddress);
    if (peer === undefined) return null;
    const tunnel = peer.inUse === null ? undefined : this.#options.tunnels.get(peer.inUse.localSpi);
    return factsOf(peer, tunnel, this.#now());
  }

  /** The tunnel of a peer that is in use, or else the one in the making, whether or not it has a path. */
  anyTunnelOf(virtualAddress: number): Tunnel | null {
    const peer = this.#peers.get(virtualAddress);
    const link = peer?.inUse ?? peer?.inMaking ?? null;
    return link === null ? null : this.#options.tunnels.get(link.localSpi) ?? null;
  }

  /** The tunnel that carries a peer's packets, if it has a path. */
  tunnelOf(virtualAddress: number): Tunnel | null {
    const link = this.#peers.get(virtualAddress)?.inUse;
    if (link === null || link === undefined || link.lostAt !== null) return null;
    return this.#options.tunnels.get(link.localSpi) ?? null;
  }

  /** Who is at the other end of a tunnel, null = nobody whom we may speak to. */
  peerOf(localSpi: number): KnownPeer | null {
    return this.#find(localSpi)?.peer.known ?? null;
  }

  /** RENDEZVOUS came: begins the tunnel, unless the peer may have none. */
  takeRendezvous(message: ControlMessageOf<"rendezvous">): void {
    // The server may have sent it before it heard that we go.
    if (this.#isStopped) return;
    const { tunnels, log } = this.#options;
    const peer = this.#peers.get(message.peerAddress);
    const fields = { peer: formatIpv4(message.peerAddress), spi: message.localSpi };
    if (peer?.known?.isAllowed !== true || peer.known.member.clientId !== message.peerClientId) {
      return log.warn("the server names a peer that is not of our networks", fields);
    }
    if (!areUsable(message)) return log.warn("the server gives SPIs that cannot be used", fields);
    if (tunnels.get(message.localSpi) !== undefined || this.#retired.has(message.localSpi)) {
      const isRepeated = peer.inMaking?.localSpi === message.localSpi || peer.inUse?.localSpi === message.localSpi;
      return isRepeated ? undefined : this.#request(peer, TUNNEL_REASON.spiRefused);
    }
    const offer = offerOf(message);
    const ownSuites = this.#options.local.suites.filter((suite) => suite === 1 || suite === 2);
    const trust = judgePeer(offer, ownSuites, this.#options.pins.get(peer.virtualAddress));
    if ("refused" in trust) {
      peer.refused = trust.refused;
      return log.error("no tunnel to a peer", { ...fields, reason: trust.refused });
    }
    peer.refused = null;
    log.debug("a tunnel is in the making", { ...fields, suite: trust.suite, relays: message.relays.length });
    this.#openLink(peer, message, offer, trust.suite);
  }

  /** TUNNEL CLOSED came: the server has put an end to it. */
  takeTunnelClosed({ localSpi }: ControlMessageOf<"tunnelClosed">): void {
    this.#end(localSpi);
  }

  onEstablished(localSpi: number, isRekey: boolean): void {
    const found = this.#find(localSpi);
    if (found === null) return;
    const { peer, link } = found;
    this.#options.log.info(isRekey ? "new keys" : "tunnel established", {
      peer: formatIpv4(peer.virtualAddress),
      spi: localSpi,
      suite: link.suite,
    });
    if (isRekey) return;
    link.isEstablished = true;
    this.#pin(peer, link);
    const hasPath = link.lostAt === null;
    if (!hasPath) link.lostAt = this.#now();
    // Where nothing else works its first packets wait in the new tunnel.
    const isUrgent = link.isPeersOnly || peer.inUse === null || peer.inUse.lostAt !== null;
    if (hasPath || isUrgent) this.#promote(peer, link);
  }

  onExchangeFailed(localSpi: number, reason: ExchangeFailure): void {
    const found = this.#find(localSpi);
    if (found === null) return;
    const { peer, link } = found;
    this.#options.log.info("no keys with a peer", { peer: formatIpv4(peer.virtualAddress), spi: localSpi, reason });
    // New keys for a tunnel that works are asked for again by the data plane, until the old ones are too old.
    if (!link.isEstablished) this.#end(localSpi);
  }

  onClosedByPeer(localSpi: number, reason: number): void {
    this.#options.log.info("the peer ended the tunnel", { spi: localSpi, reason });
    this.#end(localSpi);
  }

  onPathChanged(localSpi: number, hasPath: boolean): void {
    const found = this.#find(localSpi);
    if (found === null) return;
    const { peer, link } = found;
    link.lostAt = hasPath ? null : this.#now();
    const path = this.#options.tunnels.get(localSpi)?.link();
    const fields = { peer: formatIpv4(peer.virtualAddress), spi: localSpi };
    if (path === null || path === undefined) this.#options.log.info("no path to a peer", fields);
    else this.#options.log.info("path to a peer", { ...fields, path: path.path, endpoint: path.endpoint });
    this.#options.onPath(peer.virtualAddress);
    if (!hasPath) return this.#planRequests();
    peer.failures = 0;
    if (link === peer.inMaking && link.isEstablished) this.#promote(peer, link);
  }

  /** Ends all tunnels and tells the peers. */
  stop(): void {
    this.closeAll();
    this.#isStopped = true;
    this.#cancelPoll();
    this.#cancelRequests();
  }

  /** Ends all tunnels and tells the peers, for a logout. */
  closeAll(): void {
    for (const peer of this.#peers.values()) this.#drop(peer, CLOSE.leaving);
    for (const [localSpi, cancel] of this.#retired) {
      cancel();
      this.#options.tunnels.close(localSpi);
    }
    this.#retired.clear();
  }

  #openLink(peer: Peer, message: ControlMessageOf<"rendezvous">, offer: PeerOffer, suite: 1 | 2): void {
    if (peer.inMaking !== null) this.#close(peer, peer.inMaking);
    const { localSpi, remoteSpi } = message;
    // We do not ask for a tunnel while we have one, so it was the peer.
    const isPeersOnly = message.cause === TUNNEL_REASON.wanted;
    const lostAt = this.#now();
    const mayBePlain = this.#mayBePlain(peer, { suite, offer });
    const facts = { localSpi, offer, suite, mayBePlain, isPeersOnly, lostAt };
    peer.inMaking = { ...facts, isEstablished: false, bytesIn: 0, bytesOut: 0 };
    const { local } = this.#options;
    const consent = mayBePlain ? CAPABILITY.plainTunnels : 0;
    const keyType = suite === 2 ? KEY_TYPE.ed25519 : KEY_TYPE.sshRsa;
    const { publicKey } = message.keys.find((key) => key.keyType === keyType)!;
    this.#options.tunnels.open({
      parameters: {
        suite,
        localSpi,
        remoteSpi,
        local: { ...local, capabilities: local.capabilities | consent },
        peer: { address: peer.virtualAddress, publicKey },
      },
      networkSecrets: this.#options.networkSecrets(message.commonNetworks),
      candidates: message.candidates,
      relays: message.relays,
      startInMs: message.startInMs,
    });
  }

  /** From now on this link carries the peer's packets. */
  #promote(peer: Peer, link: PeerLink): void {
    const old = peer.inUse;
    peer.inMaking = null;
    peer.inUse = link;
    this.#options.dataPlane.route(peer.virtualAddress, link.localSpi);
    if (old !== null && old !== link) this.#retire(peer, old);
    this.#options.onPath(peer.virtualAddress);
  }

  #retire(peer: Peer, link: PeerLink): void {
    peer.bytesIn += link.bytesIn;
    peer.bytesOut += link.bytesOut;
    const cancel = this.#options.clock.after(RETIRED_MS, () => {
      this.#retired.delete(link.localSpi);
      this.#options.tunnels.close(link.localSpi);
    });
    this.#retired.set(link.localSpi, cancel);
  }

  #pin(peer: Peer, { offer, suite }: PeerLink): void {
    const { pins } = this.#options;
    const pin = pinAfterProof(offer, suite, pins.get(peer.virtualAddress));
    if (pin === null) return;
    pins.set(peer.virtualAddress, pin);
    this.#options.savePins();
  }

  #drop(peer: Peer, reason: number): void {
    if (peer.inMaking !== null) this.#close(peer, peer.inMaking, reason);
    if (peer.inUse !== null) this.#close(peer, peer.inUse, reason);
    peer.inMaking = peer.inUse = null;
  }

  /** Ends one tunnel, for whatever reason; the next is not asked for at once. */
  #end(localSpi: number): void {
    const found = this.#find(localSpi);
    if (found === null) return;
    const { peer, link } = found;
    this.#close(peer, link);
    if (peer.inMaking === link) peer.inMaking = null;
    if (peer.inUse === link) peer.inUse = null;
    peer.requestedAt = this.#now();
    peer.failures = Math.max(1, peer.failures);
    this.#planRequests();
  }

  #close(peer: Peer, link: PeerLink, reason?: number): void {
    peer.bytesIn += link.bytesIn;
    peer.bytesOut += link.bytesOut;
    if (peer.inUse === link) this.#options.dataPlane.unroute(peer.virtualAddress);
    this.#options.tunnels.close(link.localSpi, reason);
    this.#options.onPath(peer.virtualAddress);
  }

  #find(localSpi: number): { peer: Peer; link: PeerLink } | null {
    for (const peer of this.#peers.values()) {
      if (peer.inMaking?.localSpi === localSpi) return { peer, link: peer.inMaking };
      if (peer.inUse?.localSpi === localSpi) return { peer, link: peer.inUse };
    }
    return null;
  }

  /** Asks for what is due and comes back when the next is. */
  #planRequests(): void {
    this.#cancelRequests();
    if (this.#isStopped || !this.#options.server.isLoggedIn()) return;
    const now = this.#now();
    for (const { peer, at } of this.#dueRequests()) {
      if (at <= now) this.#request(peer, peer.inUse === null ? TUNNEL_REASON.wanted : TUNNEL_REASON.pathLost);
    }
    const next = Math.min(...this.#dueRequests().map(({ at }) => at));
    if (next === Infinity) return;
    this.#cancelRequests = this.#options.clock.after(next - now, () => this.#planRequests());
  }

  #dueRequests(): { peer: Peer; at: number }[] {
    return dueRequests(this.#peers.values(), this.#options.local.address, this.#now());
  }

  #request(peer: Peer, reason: number): void {
    peer.requestedAt = this.#now();
    peer.failures++;
    this.#options.log.debug("asking for a tunnel", { peer: formatIpv4(peer.virtualAddress), reason });
    this.#options.server.requestTunnel(peer.virtualAddress, reason).catch((error: unknown) => {
      this.#options.log.debug("the server gives no tunnel", { peer: formatIpv4(peer.virtualAddress), error });
    });
  }

  #planPoll(): void {
    this.#cancelPoll = this.#options.clock.after(POLL_MS, () => {
      this.#poll().catch((error: unknown) => this.#options.log.debug("no counters from the data plane", { error }))
        .finally(() => this.#isStopped || this.#planPoll());
    });
  }

  async #poll(): Promise<void> {
    const hasLinks = [...this.#peers.values()].some((peer) => peer.inUse !== null || peer.inMaking !== null);
    if (!hasLinks) return;
    for (const stats of await this.#options.dataPlane.stats()) this.#takeStats(stats);
  }

  #takeStats({ localSpi, bytesIn, bytesOut, idleInMs }: TunnelStats): void {
    const found = this.#find(localSpi);
    if (found === null) return;
    const { peer, link } = found;
    const hasTraffic = bytesIn !== link.bytesIn || bytesOut !== link.bytesOut;
    link.bytesIn = bytesIn;
    link.bytesOut = bytesOut;
    if (hasTraffic) this.#options.tunnels.get(localSpi)?.tell({ on: "traffic" });
    const isGone = this.#options.server.isLoggedIn() && peer.known?.isWithinReach !== true;
    if (isGone && link.isEstablished && (idleInMs ?? Infinity) > SILENT_MS) this.#end(localSpi);
    else if (link === peer.inMaking && isPathLost(link, this.#now())) this.#end(localSpi);
  }

  #now(): number {
    return this.#options.clock.now();
  }
}

function areUsable({ localSpi, remoteSpi }: ControlMessageOf<"rendezvous">): boolean {
  return localSpi >= MIN_SPI && remoteSpi >= MIN_SPI && localSpi !== remoteSpi;
}

function offerOf({ suites, keys }: ControlMessageOf<"rendezvous">): PeerOffer {
  const ed25519 = keys.find(({ keyType }) => keyType === KEY_TYPE.ed25519)?.publicKey;
  const rsa = keys.find(({ keyType }) => keyType === KEY_TYPE.sshRsa)?.publicKey;
  return {
    suites,
    ed25519: ed25519 === undefined ? null : ed25519Fingerprint(ed25519),
    rsa: rsa === undefined ? null : sshRsaFingerprintSha256(rsa),
  };
}
