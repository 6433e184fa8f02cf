/**
 * The right to use the relay within the server: tickets it signs, and what it checks of one that comes back.
 *
 * @module
 */
import { concat, equalBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { hmac, signEd25519, verifyEd25519 } from "../crypto/mod.ts";
import {
  bindSecretInput,
  type RelayOffer,
  type Ticket,
  ticket as ticketCodec,
  ticketBody,
  ticketSignatureInput,
} from "../protocol/mod.ts";
import type { RelayAuthority } from "../relay/mod.ts";
import type { ServerIdentity } from "./server_identity.ts";
import type { ControlClient, RelayService } from "./world.ts";

/** Relayed tunnels outlive the server for so long. */
const TICKET_LIFE_MS = 24 * 3600 * 1000;

const TICKET_ID_LENGTH = 16;

/** What makes tickets. */
export interface TicketIssuer {
  /** The server, whose relay it is. */
  identity: ServerIdentity;
  /** Port of the relay; clients reach it where they reach the server. */
  port: number;
  /** For expiry dates. */
  clock: Clock;
  /** For ticket ids. */
  random: Random;
}

/** One end of a tunnel, for which a ticket is made. */
export interface RelayedTunnel {
  /** In datagrams to the holder. */
  spi: number;
  /** In datagrams to its peer. */
  peerSpi: number;
  /** What the relay does for it. */
  service: RelayService;
}

/** The relay as the holder of `spi` reaches it, with a ticket to exchange datagrams with `peerSpi`. */
export function makeRelayOffer(
  issuer: TicketIssuer,
  holder: ControlClient,
  { spi, peerSpi, service }: RelayedTunnel,
): RelayOffer {
  const { identity, port } = issuer;
  const ticket = signTicket(issuer, { spi, peerSpi, service });
  return {
    relayId: identity.relayId,
    endpoints: [{ address: holder.serverEndpoint.address, port }],
    ticket,
    bindSecret: bindSecretOf(identity, ticket),
  };
}

function signTicket(
  { identity, clock, random }: TicketIssuer,
  { spi, peerSpi, service }: RelayedTunnel,
): Uint8Array {
  const now = Math.floor(clock.wallMs());
  const unsigned = ticketCodec.encode({
    relayId: identity.relayId,
    spi,
    peerSpi,
    ...service,
    issuedAt: BigInt(now),
    expiresAt: BigInt(now + TICKET_LIFE_MS),
    ticketId: random.bytes(TICKET_ID_LENGTH),
    signature: new Uint8Array(64),
  });
  const body = ticketBody(unsigned);
  return concat(body, signEd25519(identity.ed25519.privateKey, ticketSignatureInput(body)));
}

function bindSecretOf({ relayKey }: ServerIdentity, encoded: Uint8Array): Uint8Array {
  return hmac("sha256", relayKey, bindSecretInput(ticketBody(encoded)));
}

/** What the relay within the server asks about tickets: it may hold no cryptography itself. */
export function relayAuthority(identity: ServerIdentity): RelayAuthority {
  return {
    verify: (encoded) => verifyTicket(identity, encoded),
    bindSecret: (encoded) => bindSecretOf(identity, encoded),
    mac: (key, input) => hmac("sha256", key, input),
  };
}

function verifyTicket(identity: ServerIdentity, encoded: Uint8Array): Ticket | null {
  try {
    const ticket = ticketCodec.decode(encoded);
    const signed = ticketSignatureInput(ticketBody(encoded));
    const isOurs = equalBytes(ticket.relayId, identity.relayId) &&
      verifyEd25519(identity.ed25519.publicKey, signed, ticket.signature);
    return isOurs ? ticket : null;
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}
