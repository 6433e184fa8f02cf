/**
 * Where this client can be reached: what its server and its peers are told of that, and when it is looked at anew.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { type Endpoint, endpointKey } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { type Candidate, CANDIDATE_KIND } from "../protocol/mod.ts";
import { isOwnAddress, type OverlayRanges, type OwnAddress, ownCandidates } from "./candidates.ts";
import type { ServerLink } from "./server_link.ts";

/** How long the server has to say how it sees us after a change, before peers are told what is known without it. */
const TELL_PEERS_AFTER_MS = 600;

/** A lost path makes us ask the server whether all is as before, but not each time. */
const MAKE_SURE_EVERY_MS = 10_000;

/** What it works with. */
export interface WhereaboutsOptions {
  /** Time. */
  clock: Clock;
  /** Where it tells what goes wrong. */
  log: Logger;
  /** UDP port of the tunnels. */
  port: number;
  /** Addresses of this machine, now. */
  ownAddresses(): readonly OwnAddress[];
  /** Addresses that are never candidates; null before the first login. */
  overlay(): OverlayRanges | null;
  /** A port of the router that leads here; null = none. */
  mapped(): Endpoint | null;
  /** How the server saw the socket of the tunnels last; null = not yet. */
  observed(): Endpoint | null;
  /** The connection to the server. */
  link: Pick<ServerLink, "check" | "request">;
  /** Asks the server how it sees us, now. */
  discover(): void;
  /** Tells each peer inside its tunnel. */
  tellPeers(candidates: readonly Candidate[]): void;
}

/** Where one client can be reached. */
export class Whereabouts {
  readonly #options: WhereaboutsOptions;
  #told = "";
  #madeSureAt = -Infinity;
  #cancelTelling = () => {};

  /** Nobody has been told anything. */
  constructor(options: WhereaboutsOptions) {
    this.#options = options;
  }

  /** What this machine itself knows, best first. */
  get candidates(): Candidate[] {
    const { port, ownAddresses, overlay } = this.#options;
    const ranges = overlay();
    return ranges === null ? [] : ownCandidates(ownAddresses(), port, ranges);
  }

  /** The same with what a router was made to do. */
  get #allCandidates(): Candidate[] {
    const endpoint = this.#options.mapped();
    return endpoint === null ? this.candidates : [...this.candidates, { kind: CANDIDATE_KIND.mapped, endpoint }];
  }

  /** A new login: the server knows nothing yet. */
  loggedIn(): void {
    this.#told = "";
    this.#tellServer();
  }

  /** There is nobody to tell any more. */
  loggedOut(): void {
    this.#cancelTelling();
  }

  /** We may be somewhere else in the network than before. */
  networkChanged(): void {
    this.#makeSure();
    this.#tellServer();
    // Peers hear of it once the server has said how it sees us, or without that when it is silent.
    this.#cancelTelling();
    this.#cancelTelling = this.#options.clock.after(TELL_PEERS_AFTER_MS, () => this.#tellPeers());
  }

  /** A tunnel lost its direct path: perhaps our own NAT has changed without a word. */
  pathLost(): void {
    if (this.#options.clock.now() - this.#madeSureAt >= MAKE_SURE_EVERY_MS) this.#makeSure();
  }

  /** The server sees us elsewhere than before; it tells our peers, and so do we, in case it cannot reach them. */
  observedChanged(): void {
    this.#tellPeers();
  }

  /** A router opened a port for us, or closed it. */
  mappedChanged(): void {
    this.#tellServer();
    this.#tellPeers();
  }

  /** Whether the connection to the server holds, and how it sees us now. */
  #makeSure(): void {
    const { clock, link, ownAddresses, discover } = this.#options;
    this.#madeSureAt = clock.now();
    const addresses = ownAddresses();
    link.check((local) => isOwnAddress(local, addresses));
    discover();
  }

  #tellServer(): void {
    const candidates = this.#allCandidates;
    const text = candidates.map(({ endpoint }) => endpointKey(endpoint)).join();
    if (text === this.#told) return;
    this.#told = text;
    this.#options.link.request({ type: "endpoints", candidates }).catch((error: unknown) => {
      this.#options.log.debug("the server did not take our endpoints", { error });
    });
  }

  #tellPeers(): void {
    this.#cancelTelling();
    const { observed, tellPeers } = this.#options;
    const endpoint = observed();
    tellPeers([...this.#allCandidates, ...(endpoint === null ? [] : [{ kind: CANDIDATE_KIND.observed, endpoint }])]);
  }
}
