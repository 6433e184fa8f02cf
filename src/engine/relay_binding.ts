/**
 * A client's hold on one relay for one tunnel (docs/PROTOCOL.md, section 12.2): pure, like the other deciders here.
 *
 *     BIND without a cookie ──▶ CHALLENGE ──▶ BIND with it ──▶ BOUND ──20 s──▶ BIND …
 *
 * Where UDP stays without an answer it asks for a stream to the relay and binds over that. The relay knows one place for each
 * of us, the one that was bound last; so UDP is then asked for a cookie now and then, which moves nothing, and taken again
 * once it answers.
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

/** How often a binding is renewed at the least. It lives 60 s. */
const MAX_REBIND_MS = 20_000;

/** Without an answer for this long the relay has forgotten us. */
const LIFETIME_MS = 60_000;

/** Pause after a refusal that another try may overcome (full, SPI in use). */
const REFUSED_PAUSE_MS = 10_000;

/** A binding that seems to have died is renewed at once, but not more often than this. */
const MIN_RENEWAL_MS = 1_000;

/** After so many BINDs without any answer a stream is wanted. */
const SILENT_BEFORE_STREAM = 2;

/** After so many over a stream the stream is dead. */
const SILENT_BEFORE_NEW_STREAM = 4;

/** How often UDP is asked while we are bound over a stream. */
const ASK_UDP_MS = 15_000;

/** What to do. */
export type BindingEffect =
  /** Send a datagram to the relay. */
  | { do: "send"; to: Endpoint; datagram: Uint8Array }
  /** The relay forwards for us from now on. */
  | { do: "bound"; endpoint: Endpoint }
  /** It does so no longer. */
  | { do: "lost"; endpoint: Endpoint }
  /** The ticket is worth nothing any more: ask the server for another. */
  | { do: "renewTicket" }
  /** UDP does not get through: open a stream to the relay, which comes through `streamOpened`. */
  | { do: "wantStream" }
  /** The stream is needed no longer. */
  | { do: "leaveStream" }
  /** The stream carries nothing any more. */
  | { do: "streamDied" };

/** One way to the relay, with the cookie for it. */
interface Leg {
  endpoint: Endpoint;
  cookie: Uint8Array;
}

const NO_COOKIE = new Uint8Array(16);

/** The binding of one tunnel to one relay. Times are monotonic ms; `wakeAt` tells when `tick` is due. */
export class RelayBinding {
  #offer: RelayOffer;
  readonly #localSpi: number;
  #udp: Leg;
  #stream: Leg | null = null;
  /** Where the relay has us; one of the two legs. */
  #boundBy: Leg | null = null;
  #endpointIndex = 0;
  #tries = 0;
  /** BINDs since the relay last said anything. */
  #silent = 0;
  #wantsStream = false;
  #sentAt = -Infinity;
  #boundAt = -Infinity;
  #dueAt: number | null;
  #askUdpAt: number | null = null;
  #ticketDueAt: number;
  #rebindMs = MAX_REBIND_MS;

  /** `wallMs` is the time of day, to tell how long the ticket is good for. @throws {ProtocolError} for a malformed ticket */
  constructor(offer: RelayOffer, localSpi: number, now: number, wallMs: number) {
    this.#offer = offer;
    this.#localSpi = localSpi;
    this.#udp = { endpoint: offer.endpoints[0]!, cookie: NO_COOKIE };
    this.#dueAt = now;
    this.#ticketDueAt = now + renewalMs(offer, localSpi, wallMs);
  }

  /** Which relay it is. */
  get relayId(): Uint8Array {
    return this.#offer.relayId;
  }

  /** Where the relay is found by UDP. */
  get endpoints(): readonly Endpoint[] {
    return this.#offer.endpoints;
  }

  /** Where the relay is spoken to. */
  get endpoint(): Endpoint {
    return (this.#boundBy ?? this.#udp).endpoint;
  }

  /** Whether it forwards. */
  get isBound(): boolean {
    return this.#boundBy !== null;
  }

  /** When to call {@linkcode RelayBinding.tick}; null = not before another event. */
  get wakeAt(): number | null {
    const due = [this.#dueAt, this.#askUdpAt].filter((at) => at !== null);
    return due.length === 0 ? null : Math.min(...due, this.#ticketDueAt);
  }

  /** Whether a datagram from there may be this relay's. */
  isFrom(from: Endpoint): boolean {
    return this.#legAt(from) !== null;
  }

  /** A new ticket came. @throws {ProtocolError} when it is malformed */
  renew(offer: RelayOffer, now: number, wallMs: number): void {
    this.#ticketDueAt = now + renewalMs(offer, this.#localSpi, wallMs);
    this.#offer = { ...offer, endpoints: this.#offer.endpoints };
    this.#dueAt = now;
  }

  /** Our NAT needs a keepalive this often; the relay needs one every 20 s. */
  setKeepalive(everyMs: number): void {
    this.#rebindMs = Math.min(MAX_REBIND_MS, everyMs);
  }

  /** Nothing comes through the relay: perhaps it was started anew and knows us no more. */
  suspect(now: number): void {
    if (this.isBound && now - this.#sentAt >= MIN_RENEWAL_MS) this.#dueAt = now;
  }

  /** Nothing on this machine gets through by UDP: no need to find that out once more. */
  expectSilence(): BindingEffect[] {
    return this.isBound ? [] : this.#wantStream();
  }

  /** There is a stream to the relay now, which is found at `endpoint`. */
  streamOpened(endpoint: Endpoint, now: number): BindingEffect[] {
    this.#stream = { endpoint, cookie: NO_COOKIE };
    return this.isBound && this.#silent === 0 ? [] : [this.#send(this.#stream, now)];
  }

  /** The stream is gone. */
  streamClosed(now: number): BindingEffect[] {
    const wasBoundBy = this.#boundBy !== null && this.#boundBy === this.#stream;
    this.#stream = null;
    if (!wasBoundBy) return [];
    this.#dueAt = now;
    return this.#lose();
  }

  /** What is due at `now`. */
  tick(now: number): BindingEffect[] {
    const effects: BindingEffect[] = [];
    if (now >= this.#ticketDueAt) {
      this.#ticketDueAt = now + LIFETIME_MS;
      effects.push({ do: "renewTicket" });
    }
    if (this.isBound && now - this.#boundAt >= LIFETIME_MS) effects.push(...this.#lose());
    if (this.#askUdpAt !== null && now >= this.#askUdpAt) {
      this.#askUdpAt = now + ASK_UDP_MS;
      this.#nextEndpoint();
      // With a cookie the relay would move us to where its answer may not come through.
      this.#udp.cookie = NO_COOKIE;
      effects.push({ do: "send", to: this.#udp.endpoint, datagram: this.#seal(relayDatagrams.bind, NO_COOKIE) });
    }
    if (this.#dueAt !== null && now >= this.#dueAt) effects.push(...this.#bind(now));
    return effects;
  }

  /** CHALLENGE came from the relay. @throws {ProtocolError} */
  challenged(from: Endpoint, datagram: Uint8Array, now: number): BindingEffect[] {
    const leg = this.#legAt(from);
    const { cookie } = relayDatagrams.challenge.decode(datagram);
    if (leg === null) return [];
    this.#silent = 0;
    // The answer to a cookie is another cookie where ours is no good: that must not become a loop at full speed.
    const isNew = leg.cookie.some((byte, index) => byte !== cookie[index]);
    leg.cookie = Uint8Array.from(cookie);
    if (!isNew) return [];
    this.#retryLater(now);
    return [this.#send(leg, now)];
  }

  /** BOUND came for our SPI. */
  bound(from: Endpoint, now: number): BindingEffect[] {
    const leg = this.#legAt(from);
    if (leg === null) return [];
    // After BINDs without an answer the relay may have been started anew: what went through it must be tried again.
    const wasBound = leg === this.#boundBy && this.#tries <= 1;
    const effects = leg === this.#boundBy ? [] : this.#lose();
    if (!wasBound) effects.push({ do: "bound", endpoint: leg.endpoint });
    this.#boundBy = leg;
    this.#boundAt = now;
    this.#tries = this.#silent = 0;
    this.#dueAt = now + this.#rebindMs;
    if (leg === this.#stream) this.#askUdpAt ??= now + ASK_UDP_MS;
    else {
      if (this.#wantsStream) effects.push({ do: "leaveStream" });
      this.#wantsStream = false;
      this.#stream = this.#askUdpAt = null;
    }
    return effects;
  }

  /** REFUSED came for our SPI. */
  refused(code: number, now: number): BindingEffect[] {
    const isTicketBad = code === BIND_REFUSED.expired || code === BIND_REFUSED.revoked ||
      code === BIND_REFUSED.ticketInvalid;
    this.#silent = 0;
    this.#dueAt = isTicketBad ? null : now + REFUSED_PAUSE_MS;
    return [...this.#lose(), ...(isTicketBad ? [{ do: "renewTicket" } as const] : [])];
  }

  /** The datagram that gives the binding up; null when there is none. */
  unbind(): { to: Endpoint; datagram: Uint8Array } | null {
    const leg = this.#boundBy;
    return leg === null ? null : { to: leg.endpoint, datagram: this.#seal(relayDatagrams.unbind, leg.cookie) };
  }

  /** Over the leg that is bound; while none is, over each there is. */
  #bind(now: number): BindingEffect[] {
    const isDead = this.#stream !== null && this.#silent >= SILENT_BEFORE_NEW_STREAM;
    if (isDead && this.#boundBy !== this.#udp) {
      this.#silent = 0;
      return [{ do: "streamDied" }, ...this.streamClosed(now), ...this.#bind(now)];
    }
    if (this.#tries > 0 && this.#tries % TRIES_PER_ENDPOINT === 0 && !this.isBound) this.#nextEndpoint();
    const wanted = this.#silent >= SILENT_BEFORE_STREAM ? this.#wantStream() : [];
    this.#retryLater(now);
    this.#silent++;
    const isStreamTried = this.#stream !== null && (this.#boundBy !== this.#udp || this.#silent > SILENT_BEFORE_STREAM);
    const legs = this.#boundBy === this.#stream && this.isBound ? [] : [this.#udp];
    if (isStreamTried) legs.push(this.#stream!);
    return [...wanted, ...legs.map((leg) => this.#send(leg, now))];
  }

  #retryLater(now: number): void {
    this.#dueAt = now + RETRY_MS[Math.min(this.#tries, RETRY_MS.length - 1)]!;
    this.#tries++;
  }

  #wantStream(): BindingEffect[] {
    this.#wantsStream = true;
    return this.#stream === null ? [{ do: "wantStream" }] : [];
  }

  #send(leg: Leg, now: number): BindingEffect {
    this.#sentAt = now;
    return { do: "send", to: leg.endpoint, datagram: this.#seal(relayDatagrams.bind, leg.cookie) };
  }

  #seal(codec: typeof relayDatagrams.bind, cookie: Uint8Array): Uint8Array {
    const { ticket, bindSecret } = this.#offer;
    return encodeWithMac(codec, { cookie, ticket }, (input) => hmac("sha256", bindSecret, input));
  }

  #nextEndpoint(): void {
    const { endpoints } = this.#offer;
    if (endpoints.length === 1) return;
    this.#endpointIndex = (this.#endpointIndex + 1) % endpoints.length;
    this.#udp = { endpoint: endpoints[this.#endpointIndex]!, cookie: NO_COOKIE };
  }

  #legAt(from: Endpoint): Leg | null {
    if (equalEndpoint(from, this.#udp.endpoint)) return this.#udp;
    return this.#stream !== null && equalEndpoint(from, this.#stream.endpoint) ? this.#stream : null;
  }

  #lose(): BindingEffect[] {
    const leg = this.#boundBy;
    if (leg === null) return [];
    this.#boundBy = null;
    this.#askUdpAt = null;
    return [{ do: "lost", endpoint: leg.endpoint }];
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
