/**
 * Relays (PROTOCOL.md section 12): tickets, and the datagrams that bind an address to an SPI.
 *
 *     ticket          version u8 = 1 | relayId 16 | spi u32 | peerSpi u32 | class u8 | rateKbit u32
 *                     | issuedAt u64 | expiresAt u64 | ticketId 16 | signature 64                    126 bytes
 *
 *     0x40 BIND       0 u32 | type u8 | cookie 16 | blob ticket | mac 16                             165 bytes
 *     0x41 CHALLENGE  0 u32 | type u8 | cookie 16                                                     21
 *     0x42 BOUND      0 u32 | type u8 | spi u32 | lifetimeSeconds u16 | class u8                      12
 *     0x43 REFUSED    0 u32 | type u8 | spi u32 | code u8                                             10
 *     0x44 UNBIND     as BIND
 *
 * @module
 */

import { ByteWriter, concat, utf8 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Endpoint } from "../base/ip.ts";
import { MODERN_LENGTH, SHORT_MAC_LENGTH } from "./constants.ts";
import { DATAGRAM, DATAGRAM_HEADER_LENGTH, datagramHeader } from "./datagrams.ts";
import { bytes, type Codec, constant, type Fixed, type MessageOf, strict, u16, u32, u64, u8 } from "./fields.ts";

/** Length in bytes of a ticket. */
export const TICKET_LENGTH = 126;

/** Length in bytes of what a ticket's signature and bindSecret cover. */
export const TICKET_BODY_LENGTH = TICKET_LENGTH - MODERN_LENGTH.signature;

/** `class` of a ticket. */
export const RELAY_CLASS = { low: 1, high: 2 } as const;

/** Codes of REFUSED. */
export const BIND_REFUSED = { ticketInvalid: 1, expired: 2, revoked: 3, full: 4, spiInUse: 5 } as const;

/** The right to have datagrams between two SPIs forwarded. */
export interface Ticket {
  /** 16 bytes: for which relay. */
  relayId: Uint8Array;
  /** Inbound SPI of the holder. */
  spi: number;
  /** Inbound SPI of its peer. */
  peerSpi: number;
  /** See {@linkcode RELAY_CLASS}. */
  class: number;
  /** Kilobits per second; 0 = no limit. */
  rateKbit: number;
  /** Milliseconds since 1970. */
  issuedAt: bigint;
  /** Milliseconds since 1970. */
  expiresAt: bigint;
  /** 16 bytes, by which it is revoked. */
  ticketId: Uint8Array;
  /** 64 bytes, the server's, over {@linkcode ticketSignatureInput}. */
  signature: Uint8Array;
}

/** Codec of a ticket. */
export const ticket: Codec<Ticket> = strict({
  version: constant(u8, 1, "version of a relay ticket"),
  relayId: bytes(16),
  spi: u32,
  peerSpi: u32,
  class: u8,
  rateKbit: u32,
  issuedAt: u64,
  expiresAt: u64,
  ticketId: bytes(16),
  signature: bytes(MODERN_LENGTH.signature),
}, TICKET_LENGTH);

/** The part of an encoded ticket that signature and bindSecret cover: a view. @throws {ProtocolError} on a wrong length */
export function ticketBody(encoded: Uint8Array): Uint8Array {
  if (encoded.length !== TICKET_LENGTH) throw new ProtocolError(`a ticket has 126 bytes, not ${encoded.length}`);
  return encoded.subarray(0, TICKET_BODY_LENGTH);
}

/** Signed in a ticket: `"buri relay ticket" | 0 | body`. */
export function ticketSignatureInput(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(utf8("buri relay ticket"), Uint8Array.of(0), body);
}

/** MACed with the relay's key into bindSecret: `"buri relay bind" | 0 | body`. */
export function bindSecretInput(body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(utf8("buri relay bind"), Uint8Array.of(0), body);
}

/** MACed into a relay's cookie: `address 16 | port u16`. */
export function relayCookieInput(from: Endpoint): Uint8Array<ArrayBuffer> {
  return new ByteWriter(18).bytes(from.address).u16(from.port).finish();
}

/** Where in a BIND the SPI of its ticket stands, for whoever sorts many of them before reading one. */
export const BIND_SPI_OFFSET: number = DATAGRAM_HEADER_LENGTH + SHORT_MAC_LENGTH + 2 + 1 + 16;

/** Length in bytes of a BIND. */
export const BIND_LENGTH = 165;

const cookie = bytes(SHORT_MAC_LENGTH);

function bindFields(type: number): {
  zero: Fixed;
  type: Fixed;
  cookie: typeof cookie;
  ticketLength: Fixed;
  ticket: typeof cookie;
  mac: typeof cookie;
} {
  return {
    ...datagramHeader(type),
    cookie,
    ticketLength: constant(u16, TICKET_LENGTH, "length of a ticket"),
    ticket: bytes(TICKET_LENGTH),
    mac: bytes(SHORT_MAC_LENGTH),
  };
}

/** Datagrams between a client and a relay. BIND and UNBIND end with a mac over all before it: see {@linkcode encodeWithMac}. */
export const relayDatagrams = {
  /** Client to relay; a cookie of zeros asks for one. */
  bind: strict(bindFields(DATAGRAM.bind), BIND_LENGTH),
  /** Relay to client. */
  challenge: strict({ ...datagramHeader(DATAGRAM.challenge), cookie }, 21),
  /** Relay to client. */
  bound: strict({ ...datagramHeader(DATAGRAM.bound), spi: u32, lifetimeSeconds: u16, class: u8 }, 12),
  /** Relay to client. */
  refused: strict({ ...datagramHeader(DATAGRAM.bindRefused), spi: u32, code: u8 }, 10),
  /** Client to relay. */
  unbind: strict(bindFields(DATAGRAM.unbind), BIND_LENGTH),
};

/** BIND and UNBIND. */
export type Bind = MessageOf<typeof relayDatagrams.bind>;
/** BOUND. */
export type Bound = MessageOf<typeof relayDatagrams.bound>;
/** REFUSED by a relay. */
export type BindRefused = MessageOf<typeof relayDatagrams.refused>;
