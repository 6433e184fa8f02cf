import { equalBytes, toHex } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { type Endpoint, ipv4Of } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import {
  type Bind,
  BIND_REFUSED,
  DATAGRAM,
  datagramType,
  macInput,
  relayDatagrams,
  SHORT_MAC_LENGTH,
  type Ticket,
  ticket as ticketCodec,
} from "../protocol/mod.ts";
import { BindingTable, type Moment } from "./binding_table.ts";
import { CookieJar, equalTag } from "./cookies.ts";
import { TokenBucket } from "./token_bucket.ts";
import type { BindingChange, RelayAuthority, Revocation } from "./types.ts";

/** New tickets that one address (/64 of IPv6) may have verified: each costs a signature check. */
const VERIFICATIONS_PER_SECOND = 20;
const VERIFICATION_BURST = 300;

/** Addresses whose use is remembered; they have proven to be theirs by a cookie. */
const MAX_SOURCES = 4096;

/** What came of a control datagram. */
export interface GateOutcome {
  /** To send back to where it came from, never longer than the question; null = silence. */
  answer: Uint8Array | null;
  /** For the forwarding table. */
  changes: BindingChange[];
}

/** Settings of a {@linkcode RelayGate}. */
export interface RelayGateOptions {
  /** 16 bytes: tickets for other relays are refused. */
  relayId: Uint8Array;
  /** See {@linkcode RelayAuthority}. */
  authority: RelayAuthority;
  /** Most bindings at a time. */
  capacity: number;
  /** Draws cookie secrets. */
  random: Random;
}

const SILENCE: GateOutcome = { answer: null, changes: [] };

/**
 * Answers BIND and UNBIND (PROTOCOL.md section 12.2), cheapest check first: length, cookie, ticket fields, rate, signature,
 * mac. Never throws on what it receives; whatever it drops leaves no trace.
 *
 * A stream needs no cookie to show that it is where it is. Yet its BIND may have been copied off somebody else's wire, so it
 * moves a binding only with a cookie, which nobody has put into a BIND for that place before.
 */
export class RelayGate {
  readonly #relayId: Uint8Array;
  readonly #authority: RelayAuthority;
  readonly #table: BindingTable;
  readonly #cookies: CookieJar;
  readonly #sources = new Map<string, TokenBucket>();

  /** `now` is monotonic ms. */
  constructor(options: RelayGateOptions, now: number) {
    this.#relayId = options.relayId.slice();
    this.#authority = options.authority;
    this.#table = new BindingTable(options.capacity);
    this.#cookies = new CookieJar((key, input) => options.authority.mac(key, input), options.random, now);
  }

  /** How many clients are bound. */
  get bindingCount(): number {
    return this.#table.size;
  }

  /** Takes a control datagram; `hasStream` = it came by a stream, which stands at `from`. */
  receive(datagram: Uint8Array, from: Endpoint, at: Moment, hasStream = false): GateOutcome {
    try {
      const type = datagramType(datagram);
      if (type !== DATAGRAM.bind && type !== DATAGRAM.unbind) return SILENCE;
      const decoded = relayDatagrams[type === DATAGRAM.bind ? "bind" : "unbind"].decode(datagram);
      const isProven = hasStream && !this.#table.isElsewhere(ticketCodec.decode(decoded.ticket).spi, from);
      if (!isProven && !this.#cookies.accepts(decoded.cookie, from, at.now)) return this.#challenge(from, at.now);
      return type === DATAGRAM.bind
        ? this.#bind(decoded, datagram, from, at)
        : this.#unbind(decoded, datagram, from, at);
    } catch (error) {
      if (error instanceof ProtocolError) return SILENCE;
      throw error;
    }
  }

  /** Ends bindings at once; their tickets are worth nothing from now on. */
  revoke(revocation: Revocation, at: Moment): BindingChange[] {
    return this.#table.revoke(revocation, at);
  }

  /** To be called every few seconds: ends what nobody repeated. */
  sweep(now: number): BindingChange[] {
    for (const [key, bucket] of this.#sources) if (bucket.isFull(now)) this.#sources.delete(key);
    return this.#table.expire(now);
  }

  #bind(bind: Bind, datagram: Uint8Array, from: Endpoint, at: Moment): GateOutcome {
    const claimed = ticketCodec.decode(bind.ticket);
    if (!this.#mayBeVerified(claimed.spi, bind, from, at.now)) return SILENCE;
    const genuine = this.#genuine(claimed, bind, datagram);
    if (genuine === null) return refusal(claimed.spi, BIND_REFUSED.ticketInvalid);
    const result = this.#table.bind(genuine, bind.ticket, from, at);
    if (result.is === "refused") return refusal(claimed.spi, result.code);
    const { spi, class: relayClass } = genuine;
    const lifetimeSeconds = Math.ceil(result.lifetimeMs / 1000);
    const answer = relayDatagrams.bound.encode({ spi, lifetimeSeconds, class: relayClass });
    return { answer, changes: result.changes };
  }

  #unbind(unbind: Bind, datagram: Uint8Array, from: Endpoint, at: Moment): GateOutcome {
    const claimed = ticketCodec.decode(unbind.ticket);
    if (!this.#mayBeVerified(claimed.spi, unbind, from, at.now)) return SILENCE;
    const genuine = this.#genuine(claimed, unbind, datagram);
    return genuine === null ? SILENCE : { answer: null, changes: this.#table.unbind(genuine, from) };
  }

  #challenge(from: Endpoint, now: number): GateOutcome {
    return { answer: relayDatagrams.challenge.encode({ cookie: this.#cookies.make(from, now) }), changes: [] };
  }

  /** The ticket, if it is for us, the server's, and the sender's. */
  #genuine(claimed: Ticket, bind: Bind, datagram: Uint8Array): Ticket | null {
    if (!equalBytes(claimed.relayId, this.#relayId)) return null;
    const verified = this.#table.holds(claimed.spi, bind.ticket) ? claimed : this.#authority.verify(bind.ticket);
    if (verified === null) return null;
    // Whoever copied the ticket off the wire does not have its secret.
    const mac = this.#authority.mac(this.#authority.bindSecret(bind.ticket), macInput(datagram));
    return equalTag(bind.mac, mac.subarray(0, SHORT_MAC_LENGTH)) ? verified : null;
  }

  /** A ticket in use costs no signature check; the others are rationed per source. */
  #mayBeVerified(spi: number, bind: Bind, from: Endpoint, now: number): boolean {
    if (this.#table.holds(spi, bind.ticket)) return true;
    const key = ipv4Of(from) === null ? toHex(from.address.subarray(0, 8)) : toHex(from.address);
    let bucket = this.#sources.get(key);
    if (bucket === undefined) {
      if (this.#sources.size >= MAX_SOURCES) return false;
      bucket = new TokenBucket(VERIFICATIONS_PER_SECOND, VERIFICATION_BURST, now);
      this.#sources.set(key, bucket);
    }
    return bucket.take(1, now);
  }
}

function refusal(spi: number, code: number): GateOutcome {
  return { answer: relayDatagrams.refused.encode({ spi, code }), changes: [] };
}
