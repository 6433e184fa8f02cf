import type { Endpoint } from "../base/ip.ts";
import { equalBytes, toHex } from "../base/bytes.ts";
import { equalEndpoint } from "../base/ip.ts";
import { BIND_REFUSED, type Ticket } from "../protocol/mod.ts";
import type { BindingChange, Revocation } from "./types.ts";

/** How long a binding lives without a new BIND. */
export const BINDING_LIFETIME_MS = 60_000;

/** How long a revocation is remembered: twice as long as tickets live. */
const REVOCATION_MS = 48 * 3_600_000;

interface Held {
  ticket: Ticket;
  encoded: Uint8Array;
  endpoint: Endpoint;
  endsAt: number;
}

/** The answer to a BIND that was proven to be its holder's. */
export type BindResult =
  | { is: "bound"; lifetimeMs: number; changes: BindingChange[] }
  | { is: "refused"; code: number };

/** Monotonic and wall time in ms, of the same moment. */
export interface Moment {
  /** Monotonic. */
  now: number;
  /** Since 1970, for the dates in tickets. */
  wallMs: number;
}

/**
 * Who may be forwarded for, and where they are (PROTOCOL.md sections 12.1 to 12.3). Pure: changes come out as records for
 * the part that forwards.
 */
export class BindingTable {
  readonly #capacity: number;
  readonly #held = new Map<number, Held>();
  /** What was revoked, by hexadecimal ticketId or by SPI: when, on both clocks. */
  readonly #revoked = new Map<string | number, Moment>();

  /** At most `capacity` bindings at a time. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many bindings there are. */
  get size(): number {
    return this.#held.size;
  }

  /** Whether `spi` is bound by exactly this ticket, so that its signature need not be verified again. */
  holds(spi: number, encoded: Uint8Array): boolean {
    const held = this.#held.get(spi);
    return held !== undefined && equalBytes(held.encoded, encoded);
  }

  /** Whether `spi` is bound to another place than `endpoint`. */
  isElsewhere(spi: number, endpoint: Endpoint): boolean {
    const held = this.#held.get(spi);
    return held !== undefined && !equalEndpoint(held.endpoint, endpoint);
  }

  /** Binds the holder of a genuine ticket to where it is, or moves it there. */
  bind(ticket: Ticket, encoded: Uint8Array, endpoint: Endpoint, at: Moment): BindResult {
    const code = this.#refusal(ticket, at);
    if (code !== null) return { is: "refused", code };
    const lifetimeMs = Math.min(BINDING_LIFETIME_MS, Number(ticket.expiresAt) - at.wallMs);
    const before = this.#held.get(ticket.spi);
    this.#held.set(ticket.spi, { ticket, encoded: encoded.slice(), endpoint, endsAt: at.now + lifetimeMs });
    const isRepeated = before !== undefined && equalEndpoint(before.endpoint, endpoint) &&
      equalBytes(before.encoded, encoded);
    if (isRepeated) return { is: "bound", lifetimeMs, changes: [] };
    const { spi, peerSpi, class: relayClass, rateKbit } = ticket;
    const binding = { spi, peerSpi, endpoint, class: relayClass, rateKbit };
    return { is: "bound", lifetimeMs, changes: [{ do: "set", binding }] };
  }

  /** Ends the binding of a genuine ticket, from where it is bound. */
  unbind(ticket: Ticket, endpoint: Endpoint): BindingChange[] {
    const held = this.#held.get(ticket.spi);
    if (held === undefined || !equalBytes(held.ticket.ticketId, ticket.ticketId)) return [];
    return equalEndpoint(held.endpoint, endpoint) ? this.#clear(ticket.spi) : [];
  }

  /** Ends what a revocation names, now and for every ticket issued up to now. */
  revoke(revocation: Revocation, at: Moment): BindingChange[] {
    if ("spi" in revocation) {
      this.#revoked.set(revocation.spi, at);
      return this.#clear(revocation.spi);
    }
    this.#revoked.set(toHex(revocation.ticketId), at);
    const found = [...this.#held.values()].find(({ ticket }) => equalBytes(ticket.ticketId, revocation.ticketId));
    return found === undefined ? [] : this.#clear(found.ticket.spi);
  }

  /** Ends bindings that were not repeated in time. */
  expire(now: number): BindingChange[] {
    for (const [key, { now: revokedAt }] of this.#revoked) {
      if (now >= revokedAt + REVOCATION_MS) this.#revoked.delete(key);
    }
    return [...this.#held].filter(([, { endsAt }]) => now >= endsAt).flatMap(([spi]) => this.#clear(spi));
  }

  #refusal(ticket: Ticket, at: Moment): number | null {
    if (ticket.expiresAt <= BigInt(Math.floor(at.wallMs))) return BIND_REFUSED.expired;
    if (this.#isRevoked(ticket)) return BIND_REFUSED.revoked;
    const held = this.#held.get(ticket.spi);
    if (held === undefined) return this.#held.size >= this.#capacity ? BIND_REFUSED.full : null;
    // A renewed ticket names the same pair; another pair means that the SPI was given away twice.
    return held.ticket.peerSpi === ticket.peerSpi ? null : BIND_REFUSED.spiInUse;
  }

  /** An SPI may be given out again later: only tickets from before its revocation are void. */
  #isRevoked(ticket: Ticket): boolean {
    if (this.#revoked.has(toHex(ticket.ticketId))) return true;
    const bySpi = this.#revoked.get(ticket.spi);
    return bySpi !== undefined && ticket.issuedAt <= BigInt(Math.floor(bySpi.wallMs));
  }

  #clear(spi: number): BindingChange[] {
    return this.#held.delete(spi) ? [{ do: "clear", spi }] : [];
  }
}
