/**
 * What a relay is told and what it does.
 *
 * @module
 */
import type { Endpoint } from "../base/ip.ts";
import type { Ticket } from "../protocol/mod.ts";

/**
 * What a relay asks about tickets. It is handed in, because a relay holds no code that could open a packet: it may know
 * whom to forward for, and nothing else.
 */
export interface RelayAuthority {
  /** Reads a ticket whose signature holds; null for any other. Never throws. */
  verify(ticket: Uint8Array): Ticket | null;
  /** The secret of a ticket's holder: PROTOCOL.md section 12.1. */
  bindSecret(ticket: Uint8Array): Uint8Array;
  /** HMAC-SHA256, 32 bytes. */
  mac(key: Uint8Array, input: Uint8Array): Uint8Array;
}

/** What ends a right to be forwarded, besides its expiry. */
export type Revocation = { ticketId: Uint8Array } | { spi: number };

/** What the forwarding part must know of one client. */
export interface Binding {
  /** The client's inbound SPI: what comes for it goes to `endpoint`. */
  spi: number;
  /** Its peer's: what the client may send to. */
  peerSpi: number;
  /** Where the client is. */
  endpoint: Endpoint;
  /** See RELAY_CLASS. */
  class: number;
  /** How fast the client may send, in kbit/s; 0 = as fast as it can. */
  rateKbit: number;
}

/** A change of the forwarding table. */
export type BindingChange = { do: "set"; binding: Binding } | { do: "clear"; spi: number };

/** Counters since the start. */
export interface ForwardingStats {
  /** Datagrams received, control datagrams included. */
  datagramsIn: number;
  /** Datagrams forwarded. */
  datagramsOut: number;
  /** Bytes of UDP payload received. */
  bytesIn: number;
  /** Bytes of UDP payload forwarded. */
  bytesOut: number;
  /** Not forwarded, by reason: nobody bound there, a sender that is not the peer, over the rate, refused by the system. */
  drops: { unbound: number; stranger: number; rate: number; system: number };
  /** BIND and UNBIND left unread because too many came. */
  controlDropped: number;
}

/** The part that moves datagrams. The rules are elsewhere; it does as it is told. */
export interface Forwarder {
  /** Bound UDP port. */
  readonly port: number;
  /** Takes a change; it holds for every datagram received after this call has taken effect, within milliseconds. */
  apply(change: BindingChange): void;
  /** Sends a control datagram. It may be lost like any other. */
  send(to: Endpoint, datagram: Uint8Array): void;
  /** Counters so far. */
  stats(): ForwardingStats;
  /** Closes the socket; resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** How a forwarder reports. */
export interface ForwarderEvents {
  /** A control datagram that is not forwarded. */
  onControl(from: Endpoint, datagram: Uint8Array): void;
  /** It has ended by itself and forwards no more. */
  onFailed(reason: string): void;
}

/** What a relay gives each class, in kbit/s per client where the ticket says nothing; 0 = as fast as it can. */
export interface ClassRates {
  /** Two members without a subscription. */
  low: number;
  /** One of the two has one. */
  high: number;
}

/** What either kind of forwarder is started with. */
export interface ForwarderOptions extends ForwarderEvents {
  /** Where to listen, 16 bytes; undefined = on all addresses. */
  address?: Uint8Array;
  /** UDP port; 0 = any. */
  port: number;
  /** Most bindings at a time. */
  capacity: number;
  /** See {@linkcode ClassRates}. */
  rates: ClassRates;
}
