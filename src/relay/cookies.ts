import type { Endpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { relayCookieInput, SHORT_MAC_LENGTH } from "../protocol/mod.ts";
import type { RelayAuthority } from "./types.ts";

/** How long a secret makes cookies; its successor accepts them as long again. */
export const COOKIE_SECRET_MS = 120_000;

const SECRET_LENGTH = 32;

/**
 * Proof that whoever asks receives at the address it asks from (PROTOCOL.md section 12.2). Nothing is kept per source, so a
 * flood from forged addresses fills no memory.
 */
export class CookieJar {
  readonly #mac: RelayAuthority["mac"];
  readonly #random: Random;
  #secret: Uint8Array;
  #former: Uint8Array;
  #since: number;

  /** `now` is monotonic ms, here and below. */
  constructor(mac: RelayAuthority["mac"], random: Random, now: number) {
    this.#mac = mac;
    this.#random = random;
    this.#secret = random.bytes(SECRET_LENGTH);
    this.#former = random.bytes(SECRET_LENGTH);
    this.#since = now;
  }

  /** The cookie for an address and port. */
  make(from: Endpoint, now: number): Uint8Array {
    this.#rotate(now);
    return this.#cookie(this.#secret, from);
  }

  /** Whether we made this cookie for this address and port, at most 240 s ago. */
  accepts(cookie: Uint8Array, from: Endpoint, now: number): boolean {
    this.#rotate(now);
    return [this.#secret, this.#former].some((secret) => equalTag(cookie, this.#cookie(secret, from)));
  }

  #cookie(secret: Uint8Array, from: Endpoint): Uint8Array {
    return this.#mac(secret, relayCookieInput(from)).subarray(0, SHORT_MAC_LENGTH);
  }

  #rotate(now: number): void {
    const age = now - this.#since;
    if (age < COOKIE_SECRET_MS) return;
    this.#former = age < 2 * COOKIE_SECRET_MS ? this.#secret : this.#random.bytes(SECRET_LENGTH);
    this.#secret = this.#random.bytes(SECRET_LENGTH);
    this.#since = now;
  }
}

/** Compares in a time that does not tell where two tags differ. */
export function equalTag(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a[index]! ^ b[index]!;
  return difference === 0;
}
