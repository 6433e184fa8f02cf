/**
 * Cookies at the responder (docs/PROTOCOL.md, section 8.1): who echoes one receives at the address it sends from. Nothing is stored.
 *
 *     cookie = the first 16 bytes of HMAC-SHA256(secret, address 16 | port u16 | spi u32 | Ni)
 *
 * @module
 */

import type { Endpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { equalSecret, hmac, SHA256_LENGTH } from "../crypto/mod.ts";
import { exchangeCookieInput, SHORT_MAC_LENGTH } from "../protocol/mod.ts";

/** A secret is used for this long, and accepted for as long again, in ms. */
export const COOKIE_SECRET_MS = 120_000;

/** Makes and checks cookies. */
export class ExchangeCookies {
  readonly #random: Random;
  #secret: Uint8Array;
  #former: Uint8Array | null = null;
  #changedAt: number;

  /** Draws the first secret at `now`, monotonic ms. */
  constructor(random: Random, now: number) {
    this.#random = random;
    this.#secret = random.bytes(SHA256_LENGTH);
    this.#changedAt = now;
  }

  /** The cookie for a source. */
  make(from: Endpoint, spi: number, nonceI: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    return cookieOf(this.#secret, from, spi, nonceI);
  }

  /** Whether a cookie was made for this source, SPI and nonce in the last 120 to 240 s. */
  holds(cookie: Uint8Array, from: Endpoint, spi: number, nonceI: Uint8Array, now: number): boolean {
    this.#rotate(now);
    const secrets = this.#former === null ? [this.#secret] : [this.#secret, this.#former];
    return secrets.some((secret) => equalSecret(cookieOf(secret, from, spi, nonceI), cookie));
  }

  #rotate(now: number): void {
    const age = now - this.#changedAt;
    if (age < COOKIE_SECRET_MS) return;
    // After a long silence the last secret is too old to be the former one.
    this.#former = age < 2 * COOKIE_SECRET_MS ? this.#secret : null;
    this.#secret = this.#random.bytes(SHA256_LENGTH);
    this.#changedAt = now;
  }
}

function cookieOf(secret: Uint8Array, from: Endpoint, spi: number, nonceI: Uint8Array): Uint8Array {
  return hmac("sha256", secret, exchangeCookieInput(from, spi, nonceI)).subarray(0, SHORT_MAC_LENGTH);
}
