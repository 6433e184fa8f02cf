/**
 * Control datagrams: what comes to a UDP socket with a first word of 0 (PROTOCOL.md sections 8.1, 9, 11 and 12.2).
 *
 *     0 u32 | type u8 | …
 *
 * @module
 */

import { ByteReader } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { constant, type Fixed, typeByte, u32 } from "./fields.ts";

/** Types of control datagrams. */
export const DATAGRAM = {
  discover: 0x01,
  discovered: 0x02,
  discoveryTest: 0x03,
  cookie: 0x0f,
  classicKe1: 0x11,
  classicKe2: 0x12,
  classicKe3: 0x13,
  classicConfirm: 0x14,
  modernKe1a: 0x21,
  modernKe1b: 0x22,
  modernKe2a: 0x23,
  modernKe2b: 0x24,
  modernKe3: 0x25,
  punch: 0x30,
  bind: 0x40,
  challenge: 0x41,
  bound: 0x42,
  bindRefused: 0x43,
  unbind: 0x44,
} as const;

/** Length in bytes of `0 u32 | type u8`. */
export const DATAGRAM_HEADER_LENGTH = 5;

/** Length in bytes of `0 u32 | type u8 | spi u32`, with which datagrams of an exchange begin. */
export const EXCHANGE_HEADER_LENGTH = 9;

/** The fields before all others: `0 u32 | type u8`. */
export function datagramHeader(type: number): { zero: Fixed; type: Fixed } {
  return { zero: constant(u32, 0, "first word of a control datagram"), type: typeByte(type) };
}

/** The type of a control datagram, or null where the first word is not 0: then it is an SPI. @throws {ProtocolError} when it is too short for either */
export function datagramType(datagram: Uint8Array): number | null {
  const reader = new ByteReader(datagram);
  return reader.u32() === 0 ? reader.u8() : null;
}

/**
 * The SPI under which a datagram is delivered: its first word, or the SPI field of one that belongs to an exchange.
 *
 * @throws {ProtocolError} for any other control datagram
 */
export function datagramSpi(datagram: Uint8Array): number {
  const reader = new ByteReader(datagram);
  const word = reader.u32();
  if (word !== 0) return word;
  const type = reader.u8();
  if (!isExchangeType(type)) throw new ProtocolError(`control datagram of type ${type} carries no SPI`);
  return reader.u32();
}

/** Whether `type` belongs to an exchange between peers: those pass through relays (section 12.3). */
export function isExchangeType(type: number): boolean {
  return type >= 0x0f && type <= 0x3f;
}
