/**
 * This client at one server: the connection, what the server tells over it, and the tunnels that come of it.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { formatIpv4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane, DataPlaneEvent, Overlay } from "../dataplane/types.ts";
import {
  type AnsweredRequest,
  type ControlMessage,
  type ControlMessageOf,
  DATAGRAM,
  decodeResultPayload,
  type ResultPayload,
} from "../protocol/mod.ts";
import type { ClientIdentity } from "../session/mod.ts";
import { isLoopback, type OwnAddress } from "./candidates.ts";
import { addClassicKey } from "./classic_key.ts";
import { isOfType } from "./discovery.ts";
import type { OwnNetwork } from "./nat_views.ts";
import type { NatWatch } from "./nat_watch.ts";
import { PortSearches } from "./port_searches.ts";
import type { LoginError } from "./login_error.ts";
import { MappedPort } from "./mapped_port.ts";
import {
  EMPTY_VIEW,
  type KnownPeer,
  type NetworksView,
  peersOf,
  reduceView,
  type ViewMessage,
} from "./networks_view.ts";
import type { AccountObserver } from "./observer.ts";
import { OutsideView } from "./outside_view.ts";
import { isSameOverlay } from "./overlay_device.ts";
import type { Peers } from "./peers.ts";
import { RelayStreams } from "./relay_streams.ts";
import type { Request } from "./requests.ts";
import type { Notices } from "./notices.ts";
import type { NetworkSecrets } from "./secrets.ts";
import { type ControlSession, type Login, ServerLink } from "./server_link.ts";
import type { ServerWays } from "./server_ways.ts";
import type { PlainPeers } from "./plain_tunnels.ts";
import type { PeerPin, StoredAccount } from "./state_files.ts";
import { startTunnelling, type Tunnelling } from "./tunnelling.ts";
import type { PeerFacts } from "./views.ts";
import { Whereabouts } from "./whereabouts.ts";

/** What a client at a server works with. */
export interface AccountOptions {
  /** Logs in with the account as it is now. @throws {LoginError} */
  open(account: StoredAccount, signal: AbortSignal): Promise<ControlSession>;
  /** The same by a better way than the one in use; null where there is none. */
  openBetter(account: StoredAccount, signal: AbortSignal): Promise<ControlSession | null>;
  /** The ways by which both connect. */
  ways: ServerWays;
  /** Keys of this client. */
  keys: Pick<ClientIdentity, "ed25519" | "rsa">;
  /** The one suite in use. */
  suite: 1 | 2;
  /** As stored; changed here and saved with `saveAccount`. */
  account: StoredAccount;
  /** Keeps the account. */
  saveAccount(account: StoredAccount): void;
  /** As stored; changed here and saved with `savePins`. */
  pins: Map<number, PeerPin>;
  /** Keeps the pins. */
  savePins(pins: ReadonlyMap<number, PeerPin>): void;
  /** Peers whose tunnels may go without encryption. */
  plainPeers: PlainPeers;
  /** Peer secrets of networks. */
  secrets: NetworkSecrets;
  /** Welcomes and announcements. */
  notices: Notices;
  /** Hears what happens. */
  observer: AccountObserver;
  /** Moves the packets. */
  dataPlane: DataPlane;
  /** Addresses of this machine, now. */
  ownAddresses(): OwnAddress[];
  /** Whether routers may be asked to map the port of the tunnels. */
  mapsPort: boolean;
  /** Time. */
  clock: Clock;
  /** The system's, outside of tests. */
  random: Random;
  /** Where it tells what happens. */
  log: Logger;
  /** The server says who we are: the device is to have these addresses. May come again with the same. */
  onOverlay(overlay: Overlay): void;
  /** Logged in, and told of every network. */
  onReady(nick: string): void;
  /** See {@linkcode ServerLink}. */
  onFatal(error: LoginError): void;
}

/** The client at one server. */
export class Account {
  /** The connection. */
  readonly link: ServerLink;
  readonly #options: AccountOptions;
  readonly #streams: RelayStreams;
  #view: NetworksView = EMPTY_VIEW;
  #knownPeers: ReadonlyMap<number, KnownPeer> = new Map();
  #serverFlags = 0;
  #isSynchronised = false;
  #tunnelling: Tunnelling | null = null;
  #outside: OutsideView | null = null;
  #mappedPort: MappedPort | null = null;
  readonly #searches: PortSearches;
  readonly #whereabouts: Whereabouts;
  #nickAtServer = "";
  /** By how much the server's clock was ahead of ours at the login. */
  serverAheadMs = 0;

  /** Offline. */
  constructor(options: AccountOptions) {
    this.#options = options;
    this.#searches = new PortSearches({ ...options, watch: () => this.natWatch });
    const { ways, dataPlane } = options;
    this.#streams = new RelayStreams({ ...options, dataPlanePort: dataPlane.port });
    this.link = new ServerLink({
      clock: options.clock,
      random: options.random,
      log: options.log,
      open: (signal) => options.open(options.account, signal),
      better: { at: () => ways.betterAt, open: (signal) => options.openBetter(options.account, signal) },
      onLogin: (login) => this.#loggedIn(login),
      onLogout: () => this.#loggedOut(),
      onMessage: (message) => this.#take(message),
      onFatal: options.onFatal,
    });
    this.#whereabouts = new Whereabouts({
      ...options,
      port: dataPlane.port,
      link: this.link,
      overlay: () => this.#tunnelling?.overlay ?? null,
      mapped: () => this.#mappedPort?.endpoint ?? null,
      observed: () => this.#outside?.discovery.observed ?? null,
      discover: () => this.#outside?.askAgain(),
      tellPeers: (candidates) => this.#tunnelling?.tunnels.tellEndpoints(candidates),
    });
  }

  /** Networks and members as last told. */
  get view(): NetworksView {
    return this.#view;
  }

  /** As stored. */
  get stored(): Readonly<StoredAccount> {
    return this.#options.account;
  }

  /** Whether the server's word on who is online is of now. */
  get isReady(): boolean {
    return this.#isSynchronised && this.link.state === "logged in";
  }

  /** Members of common networks, by virtual address. */
  get knownPeers(): ReadonlyMap<number, KnownPeer> {
    return this.#knownPeers;
  }

  /** See SERVER_FLAG; 0 before the first login. */
  get serverFlags(): number {
    return this.#serverFlags;
  }

  /** The peers; null before the first login. */
  get peers(): Peers | null {
    return this.#tunnelling?.peers ?? null;
  }

  /** What is known of our own network. */
  get network(): OwnNetwork {
    const [isUdpSilent, mapping] = [this.#outside?.discovery.isSilent ?? false, this.#mappedPort?.status ?? null];
    return { nat: this.natWatch?.nat ?? null, candidates: this.#whereabouts.candidates, isUdpSilent, mapping };
  }

  /** Looks at our NAT; null while logged out. */
  get natWatch(): NatWatch | null {
    return this.#outside?.natWatch ?? null;
  }

  /** What is known of the ways to a peer beyond its tunnel. */
  searchesFor(virtualAddress: number): { isSearching: boolean; failedSearches: number } {
    const tunnel = this.peers?.anyTunnelOf(virtualAddress) ?? null;
    return {
      isSearching: tunnel !== null && this.#searches.isSearching(tunnel),
      failedSearches: this.#searches.failuresOf(virtualAddress),
    };
  }

  /** See `views.ts`. */
  factsOf(virtualAddress: number): PeerFacts | null {
    return this.peers?.factsOf(virtualAddress) ?? null;
  }

  /** Own Ed25519 key, null = there is none; and the pins of peers, which `setPin` changes. */
  get trust(): { publicKey: Uint8Array | null; pins: ReadonlyMap<number, PeerPin> } {
    return { publicKey: this.#options.keys.ed25519?.publicKey ?? null, pins: this.#options.pins };
  }

  /** The user says which key a peer has: what was made with another one ends. */
  setPin(virtualAddress: number, pin: PeerPin): void {
    this.#options.savePins(this.#options.pins.set(virtualAddress, pin));
    this.peers?.trustChanged(virtualAddress);
  }

  /** The server's wall clock, in ms since 1970, as far as its last WELCOME tells. */
  serverTimeMs(): number {
    return this.#options.clock.wallMs() + this.serverAheadMs;
  }

  /** A number under which the server carries a change out once. */
  newOperation(): bigint {
    return this.#options.random.bytes(8).reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  }

  /** A request without an answer of its own. Rejects with ControlError. */
  async request(request: Request): Promise<void> {
    await this.link.request(request);
  }

  /** A request whose RESULT carries something. Rejects with ControlError. */
  async ask<R extends AnsweredRequest>(request: Request & { type: R }): Promise<ResultPayload<R>> {
    return decodeResultPayload(request.type, await this.link.request(request));
  }

  /** Takes what the data plane reports. */
  takeEvent(event: DataPlaneEvent): void {
    if (event.on === "tunnelWanted") return this.peers?.want(event.virtualAddress);
    if (event.on === "control" && isOfType(event.datagram, DATAGRAM.discovered)) {
      return this.#outside?.takeDiscovered(event.datagram);
    }
    if (event.on === "control" && isOfType(event.datagram, DATAGRAM.discover)) {
      return this.natWatch?.takeDiscover(event.datagram);
    }
    this.#tunnelling?.tunnels.takeEvent(event);
  }

  /** This machine may be somewhere else in the network than before, or slept: every way is looked at anew, at once. */
  networkChanged(): void {
    this.#options.ways.addressChanged();
    this.#searches.networkChanged();
    this.link.reconsider();
    this.#whereabouts.networkChanged();
    this.#mappedPort?.networkChanged();
    this.#outside?.networkChanged();
    this.#tunnelling?.tunnels.ownAddressChanged();
  }

  /** Ends the connection and all tunnels; `link.start` begins anew. */
  async logOut(): Promise<void> {
    this.peers?.closeAll();
    await this.link.stop();
  }

  /** The same for good. */
  async stop(): Promise<void> {
    this.peers?.stop();
    await this.link.stop();
    await Promise.all([this.#streams.stop(), this.#mappedPort?.stop()]);
  }

  #loggedIn(login: Login): void {
    const { welcome, pool, session } = login;
    const { account, suite } = this.#options;
    const isSame = account.clientId === welcome.clientId && account.virtualAddress === welcome.address &&
      account.suiteSeen >= suite;
    account.clientId = welcome.clientId;
    account.virtualAddress = welcome.address;
    account.pool = pool;
    account.prefix6 = welcome.prefix6;
    if (account.suiteSeen < suite) account.suiteSeen = suite;
    if (!isSame) this.#options.saveAccount(account);
    this.#setUpTunnelling(
      { virtualAddress: welcome.address, pool, prefix6: welcome.prefix6 },
      isLoopback(session.remote),
    );
    this.serverAheadMs = Number(welcome.time) - this.#options.clock.wallMs();
    this.#serverFlags = welcome.flags;
    this.#view = reduceView(this.#view, welcome);
    this.#startDiscovery(login);
    this.#whereabouts.loggedIn();
    this.#options.log.info("logged in", { address: formatIpv4(welcome.address) });
    this.#addClassicKey(session.binding);
  }

  /** At each login, for the server does not tell what it has; one that has the key does nothing. */
  #addClassicKey(binding: Uint8Array): void {
    const { keys: { rsa }, suite, log } = this.#options;
    if (suite === 1 || rsa === null) return;
    const warn = (error: unknown) => log.warn("the server does not take the key of suite 1", { error });
    this.request(addClassicKey(rsa, binding)).catch(warn);
  }

  #loggedOut(): void {
    this.#isSynchronised = false;
    this.#options.observer.onLogin(false);
    this.#whereabouts.loggedOut();
    this.#outside?.stop();
    this.#outside = null;
  }

  #take(message: ControlMessage): void {
    const { secrets, onReady, observer, log } = this.#options;
    const peers = this.peers;
    switch (message.type) {
      case "network":
      case "member":
      case "networkChanged":
      case "networkGone":
        if (message.type === "networkGone") secrets.forget(message.networkId);
        return this.#changeView(message);
      case "synchronised":
        this.#isSynchronised = true;
        peers?.loggedIn();
        this.#changeView(message);
        onReady(this.#nickAtServer);
        return observer.onLogin(true);
      case "message":
        return observer.onMessage(message);
      case "streams":
        this.#options.ways.setTlsPort(message.tlsPort);
        this.#streams.setServerRelay(message.relayId);
        return this.link.reconsider();
      case "sealing":
        return secrets.takeSealing(message.networkId, this.#nameOf(message.networkId), message.sealing);
      case "notice":
        return this.#takeNotice(message);
      case "rendezvous":
        return peers?.takeRendezvous(message);
      case "tunnelClosed":
        return peers?.takeTunnelClosed(message);
      case "peerEndpoints":
        return this.#tunnelling?.tunnels.setCandidates(message.localSpi, message.candidates);
      case "punchStart":
        this.#tunnelling?.tunnels.setCandidates(message.localSpi, message.candidates);
        return this.#tunnelling?.tunnels.get(message.localSpi)?.tell({ on: "punchStart", inMs: message.inMs });
      default:
        log.debug("a message that is not handled", { type: message.type });
    }
  }

  #nameOf(networkId: number): string | undefined {
    return this.#view.networks.get(networkId)?.head.name;
  }

  #takeNotice(notice: ControlMessageOf<"notice">): void {
    const network = this.#nameOf(notice.networkId);
    if (network === undefined || !this.#options.notices.take(notice, network)) return;
    this.#options.log.info("a message to all members", { network, text: notice.message });
    this.#options.observer.onNotice(notice, network);
  }

  #changeView(message: ViewMessage): void {
    const before = this.#view;
    this.#view = reduceView(before, message);
    const { clientId } = this.#options.account;
    const overlay = this.#tunnelling?.overlay;
    if (clientId === null || overlay === undefined) return;
    this.#knownPeers = peersOf(this.#view, { clientId, ...overlay });
    this.peers?.setKnown(this.#knownPeers);
    this.#options.observer.onView(before, this.#view);
  }

  /** The virtual address is for life, so this is done once; a server that changes its mind starts it over. */
  #setUpTunnelling(overlay: Overlay, allowsLoopback: boolean): void {
    const known = this.#tunnelling?.overlay;
    this.#options.onOverlay(overlay);
    if (known !== undefined && isSameOverlay(known, overlay)) return;
    this.#tunnelling?.peers.stop();
    const { pins, savePins, secrets } = this.#options;
    this.#tunnelling = startTunnelling({
      ...this.#options,
      streams: this.#streams,
      overlay,
      allowsLoopback,
      savePins: () => savePins(pins),
      onPath: (virtualAddress) => this.#options.observer.onPath(virtualAddress),
      searches: this.#searches,
      networkSecrets: (networkIds) => secrets.of(networkIds, this.#view),
      isLoggedIn: () => this.isReady,
      requestTunnel: (peer, reason) => this.request({ type: "tunnelRequest", peer, reason }),
      askForPunch: (localSpi) => {
        this.#whereabouts.pathLost();
        this.#askFor({ type: "punchRequest", localSpi });
      },
      askForTickets: (localSpi) => this.#askForTickets(localSpi),
    });
  }

  #askFor(request: Request): void {
    if (!this.isReady) return;
    this.request(request).catch((error: unknown) => {
      this.#options.log.debug("the server refuses", { request: request.type, error });
    });
  }

  #askForTickets(localSpi: number): void {
    if (!this.isReady) return;
    this.ask({ type: "getTickets", localSpi }).then(
      ({ relays }) => this.#tunnelling?.tunnels.get(localSpi)?.setRelays(relays),
      (error: unknown) => {
        this.#options.log.debug("the server gives no relay tickets", { error });
        this.peers?.replace(localSpi);
      },
    );
  }

  #startDiscovery({ welcome, session: { remote } }: Login): void {
    const { sessionId, discoveryKey, udpPort, udp2Port, nick, discoveryEndpoints: [other = null] } = welcome;
    const socketAt = (port: number) => port === 0 ? null : { address: remote.address, port };
    this.#nickAtServer = nick;
    this.#outside = new OutsideView({
      ...this.#options,
      server: { sessionId, discoveryKey, first: socketAt(udpPort), second: socketAt(udp2Port), other },
      ownEndpoints: () => this.#whereabouts.candidates.map(({ endpoint }) => endpoint),
      onExchange: () => this.#watchUdp(),
      onAnswer: (answer) => this.#mappedPort?.take(answer),
      onObserved: () => this.#whereabouts.observedChanged(),
      onNatChange: () => this.#tunnelling?.tunnels.ownNatChanged(),
      onKeepalive: (everyMs) => this.#tunnelling?.tunnels.setKeepalive(everyMs),
    });
    this.#outside.ask();
    if (this.#options.mapsPort && !isLoopback(remote)) this.#mapPort();
  }

  /** Once; from then on it is kept until the end. */
  #mapPort(): void {
    this.#mappedPort ??= new MappedPort({
      ...this.#options,
      discovery: () => this.#outside?.discovery ?? null,
      onChange: () => this.#whereabouts.mappedChanged(),
    });
  }

  /** Where the server is reached by a detour only, UDP hardly gets through; it is believed to once it has. */
  #watchUdp(): void {
    const discovery = this.#outside?.discovery;
    if (discovery === undefined) return;
    const isWalledIn = this.#options.ways.isDetour && discovery.observed === null;
    this.#streams.setUdpSilent(isWalledIn || discovery.isSilent);
  }
}
