/**
 * A client's hold on one relay for one tunnel (docs/PROTOCOL.md, section 12.2): pure, like the other deciders here.
 *
 *     BIND without a cookie ──▶ CHALLENGE ──▶ BIND with it ──▶ BOUND ──20 s──▶ BIND …
 *
 * @module
 */
import { ProtocolError } from "../base/errors.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { hmac } from "../crypto/mod.ts";
import { BIND_REFUSED, encodeWithMac, relayDatagrams, type RelayOffer, ticket } from "../protocol/mod.ts";

/** Pauses between BINDs that go unanswered; the last one repeats. */
const RETRY_MS = [250, 400, 600, 1_000, 1_500, 2_500, 4_000];

/** After so many unanswered BINDs the relay's next endpoint is tried. */
const TRIES_PER_ENDPOINT = 3;

/** How often a binding is renewed. It lives 60 s. */
const REBIND_MS = 20_000;

/** Without an answer for this long the relay has forgotten us. */
const LIFETIME_MS = 60_000;

/** Pause after a refusal that another try may overcome (full, SPI in use). */
const REFUSED_PAUSE_MS = 10_000;

/** A binding that seems to have died is renewed at once, but not more often than this. */
const MIN_RENEWAL_MS = 1_000;

/** What to do. */
export type BindingEffect =
  /** Send a datagram to the relay. */
  | { do: "send"; to: Endpoint; datagram: Uint8Array }
  /** The relay forwards for us from now on. */
  | { do: "bound"; endpoint: Endpoint }
  /** It does so no longer. */
  | { do: "lost"; endpoint: Endpoint }
  /** The ticket is worth nothing any more: ask the server for another. */
  | { do: "renewTicket" };

/** The binding of one tunnel to one relay. Times are monotonic ms; `wakeAt` tells when `tick` is due. */
export class RelayBinding {
  #offer: RelayOffer;
  readonly #localSpi: number;
  #endpointIndex = 0;
  #tries = 0;
  #cookie = new Uint8Array(16);
  #sentAt = -Infinity;
  #boundAt: number | null = null;
  #dueAt: number | null;
  #ticketDueAt: number;

  /** `wallMs` is the time of day, to tell how long the ticket is good for. @throws {ProtocolError} for a malformed ticket */
  constructor(offer: RelayOffer, localSpi: number, now: number, wallMs: number) {
    this.#offer = offer;
    this.#localSpi = localSpi;
    this.#dueAt = now;
    this.#ticketDueAt = now + renewalMs(offer, localSpi, wallMs);
  }

  /** Which relay it is. */
  get relayId(): Uint8Array {
    return this.#offer.relayId;
  }

  /** Where the relay is spoken to. */
  get endpoint(): Endpoint {
    return this.#offer.endpoints[this.#endpointIndex]!;
  }

  /** Whether it forwards. */
  get isBound(): boolean {
    return this.#boundAt !== null;
  }

  /** When to call {@linkcode RelayBinding.tick}; null = not before another event. */
  get wakeAt(): number | null {
    return this.#dueAt === null ? null : Math.min(this.#dueAt, this.#ticketDueAt);
  }

  /** Whether a datagram from there may be this relay's. */
  isFrom(from: Endpoint): boolean {
    return equalEndpoint(from, this.endpoint);
  }

  /** A new ticket came. @throws {ProtocolError} when it is malformed */
  renew(offer: RelayOffer, now: number, wallMs: number): void {
    this.#ticketDueAt = now + renewalMs(offer, this.#localSpi, wallMs);
    this.#offer = { ...offer, endpoints: this.#offer.endpoints };
    this.#dueAt = now;
  }

  /** Nothing comes through the relay: perhaps it was started anew and knows us no more. */
  suspect(now: number): void {
    if (this.isBound && now - this.#sentAt >= MIN_RENEWAL_MS) this.#dueAt = now;
  }

  /** What is due at `now`. */
  tick(now: number): BindingEffect[] {
    const effects: BindingEffect[] = [];
    if (now >= this.#ticketDueAt) {
      this.#ticketDueAt = now + LIFETIME_MS;
      effects.push({ do: "renewTicket" });
    }
    if (this.#boundAt !== null && now - this.#boundAt >= LIFETIME_MS) effects.push(...this.#lose());
    if (this.#dueAt !== null && now >= this.#dueAt) effects.push(this.#bind(now));
    return effects;
  }

  /** CHALLENGE came from the relay. */
  challenged(datagram: Uint8Array, now: number): BindingEffect[] {
    const { cookie } = relayDatagrams.challenge.decode(datagram);
    // The answer to a cookie is another cookie where ours is no good: that must not become a loop at full speed.
    const isFirst = this.#cookie.some((byte, index) => byte !== cookie[index]);
    this.#cookie = Uint8Array.from(cookie);
    return isFirst ? [this.#bind(now)] : [];
  }

  /** BOUND came for our SPI. */
  bound(now: number): BindingEffect[] {
    // After BINDs without an answer the relay may have been started anew: what went through it must be tried again.
    const wasBound = this.isBound && this.#tries <= 1;
    this.#boundAt = now;
    this.#tries = 0;
    this.#dueAt = now + REBIND_MS;
    return wasBound ? [] : [{ do: "bound", endpoint: this.endpoint }];
  }

  /** REFUSED came for our SPI. */
  refused(code: number, now: number): BindingEffect[] {
    const isTicketBad = code === BIND_REFUSED.expired || code === BIND_REFUSED.revoked ||
      code === BIND_REFUSED.ticketInvalid;
    this.#dueAt = isTicketBad ? null : now + REFUSED_PAUSE_MS;
    return [...this.#lose(), ...(isTicketBad ? [{ do: "renewTicket" } as const] : [])];
  }

  /** The datagram that gives the binding up; null when there is none. */
  unbind(): { to: Endpoint; datagram: Uint8Array } | null {
    return this.isBound ? { to: this.endpoint, datagram: this.#seal(relayDatagrams.unbind) } : null;
  }

  #bind(now: number): BindingEffect {
    if (this.#tries > 0 && this.#tries % TRIES_PER_ENDPOINT === 0 && !this.isBound) {
      this.#endpointIndex = (this.#endpointIndex + 1) % this.#offer.endpoints.length;
    }
    this.#dueAt = now + RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)]!;
    this.#tries++;
    this.#sentAt = now;
    return { do: "send", to: this.endpoint, datagram: this.#seal(relayDatagrams.bind) };
  }

  #seal(codec: typeof relayDatagrams.bind): Uint8Array {
    const { ticket, bindSecret } = this.#offer;
    return encodeWithMac(codec, { cookie: this.#cookie, ticket }, (input) => hmac("sha256", bindSecret, input));
  }

  #lose(): BindingEffect[] {
    if (!this.isBound) return [];
    this.#boundAt = null;
    return [{ do: "lost", endpoint: this.endpoint }];
  }
}

/** Half of what is left of the ticket's life. @throws {ProtocolError} for a ticket of another tunnel */
function renewalMs({ ticket: encoded }: RelayOffer, localSpi: number, wallMs: number): number {
  const { spi, issuedAt, expiresAt } = ticket.decode(encoded);
  if (spi !== localSpi) throw new ProtocolError("a relay ticket names another SPI");
  // Our clock may be wrong by years; then the ticket's own span is the better measure.
  const span = Number(expiresAt - issuedAt);
  const left = Number(expiresAt) - wallMs;
  return Math.max(LIFETIME_MS, (left > 0 && left < span ? left : span) / 2);
}
