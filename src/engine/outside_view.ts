/**
 * How the outside sees this client, for one login: its endpoint, its NAT, and how long that keeps a mapping open.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { type Endpoint, equalEndpoint, formatEndpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { DataPlane } from "../dataplane/types.ts";
import { openSpareSocket } from "../transport/spare_socket.ts";
import { Discovery, type DiscoveryAnswer, type DiscoveryServer } from "./discovery.ts";
import { MappingLifetime } from "./mapping_lifetime.ts";
import { NatWatch } from "./nat_watch.ts";

/** For so long after a change of network a new endpoint is no surprise. */
const SETTLES_MS = 10_000;

/** What it works with. */
export interface OutsideOptions {
  /** Time. */
  clock: Clock;
  /** Where it tells what it learns. */
  log: Logger;
  /** Sends from the socket of the tunnels and from others. */
  dataPlane: Pick<DataPlane, "sendDatagram" | "openSearch" | "closeSearch" | "searchDatagram">;
  /** Whom to ask. */
  server: DiscoveryServer;
  /** Endpoints of the socket of the tunnels, one for each own address. */
  ownEndpoints(): Endpoint[];
  /** Questions were asked or answered: see `Discovery.isSilent`. */
  onExchange(): void;
  /** An authentic answer came, whatever was asked. */
  onAnswer(answer: DiscoveryAnswer): void;
  /** The server sees us elsewhere than before. */
  onObserved(): void;
  /** More is known of our NAT. */
  onNatChange(): void;
  /** Silent paths need a keepalive this often. */
  onKeepalive(everyMs: number): void;
}

/** Asks the server until it is stopped. */
export class OutsideView {
  /** What the server says. */
  readonly discovery: Discovery;
  /** What follows for the NAT. */
  readonly natWatch: NatWatch;
  readonly #options: OutsideOptions;
  readonly #lifetime: MappingLifetime;
  #cancel = () => {};
  #changedAt = -Infinity;

  /** Asks from the first {@linkcode OutsideView.ask} on. */
  constructor(options: OutsideOptions) {
    const { clock, server, onNatChange, onKeepalive } = options;
    const discovery = new Discovery(server, clock.now());
    this.#options = options;
    this.discovery = discovery;
    this.natWatch = new NatWatch({ ...options, discovery, onChange: onNatChange });
    this.#lifetime = new MappingLifetime({
      ...options,
      discovery,
      openSocket: openSpareSocket,
      onInterval: (everyMs) => {
        discovery.refreshMs = everyMs;
        onKeepalive(everyMs);
      },
    });
  }

  /** Asks what is due, and comes back when the next is. */
  ask(): void {
    const { clock, dataPlane, onExchange } = this.#options;
    this.#cancel();
    for (const { to, datagram } of this.discovery.tick(clock.now())) dataPlane.sendDatagram(to, datagram);
    onExchange();
    const wakeAt = this.discovery.nextWakeAt();
    if (wakeAt !== null) this.#cancel = clock.after(wakeAt - clock.now(), () => this.ask());
  }

  /** Asks anew, now. */
  askAgain(): void {
    this.discovery.restart(this.#options.clock.now());
    this.ask();
  }

  /** Another network: what was measured says nothing any more. */
  networkChanged(): void {
    this.#changedAt = this.#options.clock.now();
    this.#lifetime.networkChanged();
  }

  /** DISCOVERED came; one that is not of our server is ignored. */
  takeDiscovered(datagram: Uint8Array): void {
    const { discovery, natWatch } = this;
    const { log, onExchange, onObserved, onAnswer } = this.#options;
    const answer = discovery.open(datagram);
    if (answer === null) return;
    natWatch.take(answer);
    onAnswer(answer);
    const before = discovery.observed;
    const isNew = discovery.take(datagram);
    onExchange();
    if (!isNew) return;
    if (discovery.observed !== null) {
      log.info("the server sees our socket", { endpoint: formatEndpoint(discovery.observed) });
      onObserved();
      if (before !== null) this.#watchMapping(before, discovery.observed);
    }
    this.ask();
    natWatch.survey();
  }

  /** Another endpoint in the same network: the NAT has dropped the mapping in spite of our keepalives. */
  #watchMapping(before: Endpoint, after: Endpoint): void {
    const isExpected = this.#options.clock.now() - this.#changedAt < SETTLES_MS;
    if (!isExpected && !equalEndpoint(before, after)) this.#lifetime.lost();
  }

  /** Ends it. */
  stop(): void {
    this.#cancel();
    this.#lifetime.stop();
    this.natWatch.stop();
  }
}
