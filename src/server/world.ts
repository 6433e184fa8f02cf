import type { Clock } from "../base/clock.ts";
import type { Endpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Candidate, ControlMessage, PublicKey, RelayOffer } from "../protocol/mod.ts";
import type { AddressPlan } from "./address_pool.ts";
import type { ServerPolicy } from "./plans.ts";
import type { Presence } from "./presence.ts";
import type { EventWindow, PasswordTries } from "./rate_limits.ts";
import type { RegistryContext } from "./registry.ts";
import type { Rendezvous } from "./rendezvous.ts";
import type { PlanName, Store } from "./store.ts";
import type { Turns } from "./turns.ts";

/** A client that is logged in, as the requests of others meet it. */
export interface ControlClient {
  /** Its account. */
  readonly clientId: number;
  /** Its overlay address. */
  readonly virtualAddress: number;
  /** Names this login in DISCOVER: 8 bytes. */
  readonly sessionId: Uint8Array;
  /** Key of its DISCOVER and DISCOVERED: 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** Names this connection in proofs of ADD KEY: 32 bytes. */
  readonly binding: Uint8Array;
  /** Suites it speaks, as it has signed. */
  readonly suites: readonly number[];
  /** Its end of the control connection. */
  readonly observed: Endpoint;
  /** Our end of the control connection: an address under which it reaches us. */
  readonly serverEndpoint: Endpoint;
  /** See {@linkcode sourceOf} of `rate_limits.ts`. */
  readonly source: string;
  /** Its account's plan. */
  plan: PlanName;
  /** Its account's public keys. */
  keys: PublicKey[];
  /** Where it says it can be reached. */
  candidates: Candidate[];
  /** Where its datagrams came from when discovery last saw one. */
  observedUdp: Endpoint | null;
  /** The highest counter of a DISCOVER, by discovery socket. */
  readonly discoveryCounters: Map<number, bigint>;
  /** Queues a message; a client that does not read is cut off. */
  send(message: ControlMessage): void;
  /** The same for a message that is encoded already, to go to many. */
  sendEncoded(message: Uint8Array): void;
  /** Says GOODBYE for this reason and closes. */
  dismiss(reason: number, retryAfterMs: number): void;
  /** Closes at once; `reason` is for the log. */
  hangUp(reason: string): void;
}

/** What relays do for a tunnel. */
export interface RelayService {
  /** See `RELAY_CLASS`. */
  class: number;
  /** kbit/s and direction, 0 = no limit. */
  rateKbit: number;
}

/** Makes the relay part of a rendezvous. */
export interface RelayIssuer {
  /** Relays for the holder of `localSpi`, as it reaches them; `service`: what they do for this tunnel. */
  offers(holder: ControlClient, localSpi: number, peerSpi: number, service: RelayService): RelayOffer[];
  /** From now on the relays forward nothing to or from these SPIs. */
  revoke(spis: readonly number[]): void;
}

/** Ports that WELCOME tells. */
export interface DiscoveryPorts {
  /** The first discovery socket. */
  udpPort: number;
  /** The second one. */
  udp2Port: number;
}

/** Where streams are served: what STREAMS tells. */
export interface StreamPlaces {
  /** A TCP port on which TLS is spoken; 0 = none of its own. */
  tlsPort: number;
  /** The relay for which this server takes relay streams: 16 bytes. */
  relayId: Uint8Array;
}

/** Everything a request may touch. One per server. */
export interface World {
  /** What is kept. */
  readonly store: Store;
  /** What addresses come from. */
  readonly plan: AddressPlan;
  /** Who is logged in. */
  readonly presence: Presence<ControlClient>;
  /** SPIs given out. */
  readonly rendezvous: Rendezvous<ControlClient>;
  /** Relays. */
  readonly relays: RelayIssuer;
  /** By hexadecimal session id. */
  readonly sessions: Map<string, ControlClient>;
  /** Limits on guessing. */
  readonly passwordTries: PasswordTries;
  /** Limits on announcements, by network id. */
  readonly announcements: EventWindow;
  /** Limits on messages, by `SENDER RECEIVER`. */
  readonly messages: EventWindow;
  /** Limits on new accounts. */
  readonly registrations: EventWindow;
  /** What this server allows. */
  readonly policy: ServerPolicy;
  /** Set once the sockets are bound. */
  readonly ports: DiscoveryPorts;
  /** A discovery socket on another address of the server; null = there is none. */
  readonly otherAddress: Endpoint | null;
  /** Ways in for those whose UDP is blocked; null = none. */
  readonly streams: StreamPlaces | null;
  /** Time. */
  readonly clock: Clock;
  /** Ids, addresses, SPIs, keys of sessions. */
  readonly random: Random;
  /** For the operator. */
  readonly log: Logger;
  /**
   * Whatever changes or reads the store and then tells clients takes a turn: what a client is told is in the order of what
   * happened.
   */
  readonly turns: Turns;
  /** What the registry needs, now. */
  context(): RegistryContext;
  /** Resolves after `ms`, or at once when the server stops. */
  pause(ms: number): Promise<void>;
}
