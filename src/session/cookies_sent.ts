/**
 * Cookies at the initiator (docs/PROTOCOL.md, section 8.1): KE1 is repeated at once with each, and with it from then on.
 *
 * COOKIE is not authenticated, and KE1 is longer: so only a few are believed in one exchange, or somebody could aim our KE1 at
 * a victim.
 *
 * @module
 */

import { equalBytes } from "../base/bytes.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { EXCHANGE_HEADER_LENGTH } from "../protocol/mod.ts";
import type { ExchangeEffect } from "./exchange_types.ts";

/** Cookies that are believed in one exchange. */
export const MAX_COOKIES = 4;

/** A cookie and who asked for it. */
export interface CookieHeld {
  /** Where COOKIE came from. */
  from: Endpoint;
  /** 16 bytes. */
  cookie: Uint8Array;
}

/** The cookies held after another arrived, or null when it changes nothing: known, or one too many. */
export function addCookie(held: readonly CookieHeld[], from: Endpoint, cookie: Uint8Array): CookieHeld[] | null {
  const isKnown = held.some((each) => equalEndpoint(each.from, from) && equalBytes(each.cookie, cookie));
  return isKnown || held.length >= MAX_COOKIES ? null : [...held, { from, cookie }];
}

/**
 * KE1 along every path without a cookie, and to those who asked with theirs.
 *
 * @param datagrams KE1, or KE1a and KE1b; the cookie stands in the first, behind its header
 */
export function sendKe1(localSpi: number, datagrams: Uint8Array[], held: readonly CookieHeld[]): ExchangeEffect[] {
  return [{ do: "send", localSpi, to: null, datagrams }, ...held.map((each) => sendKe1With(localSpi, datagrams, each))];
}

/** KE1 to one who asked for a cookie. */
export function sendKe1With(
  localSpi: number,
  [first, ...others]: Uint8Array[],
  { from, cookie }: CookieHeld,
): ExchangeEffect {
  const withCookie = first!.slice();
  withCookie.set(cookie, EXCHANGE_HEADER_LENGTH);
  return { do: "send", localSpi, to: from, datagrams: [withCookie, ...others] };
}
