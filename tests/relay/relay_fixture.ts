import type { Endpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { ed25519FromSeed, signEd25519, verifyEd25519 } from "../../src/crypto/ed25519.ts";
import { hmac } from "../../src/crypto/hash.ts";
import {
  bindSecretInput,
  encodeWithMac,
  relayDatagrams,
  type Ticket,
  ticket as ticketCodec,
  ticketBody,
  ticketSignatureInput,
} from "../../src/protocol/mod.ts";
import type { RelayAuthority } from "../../src/relay/mod.ts";

export const RELAY_ID = new Uint8Array(16).fill(0x1d);
export const WALL = 1_700_000_000_000;
const RELAY_KEY = new Uint8Array(32).fill(0x4b);
const SERVER = ed25519FromSeed(new Uint8Array(32).fill(0x5e));
const random = seededRandom(7);

/** What the server of these tests tells its relay, with a count of signature checks. */
export function authority(): RelayAuthority & { verifications: number } {
  return {
    verifications: 0,
    verify(ticket) {
      this.verifications++;
      const read = ticketCodec.decode(ticket);
      const input = ticketSignatureInput(ticketBody(ticket));
      return verifyEd25519(SERVER.publicKey, input, read.signature) ? read : null;
    },
    bindSecret: (ticket) => hmac("sha256", RELAY_KEY, bindSecretInput(ticketBody(ticket))),
    mac: (key, input) => hmac("sha256", key, input),
  };
}

/** A ticket as the server signs it. */
export function signedTicket(changes: Partial<Ticket> = {}): Uint8Array<ArrayBuffer> {
  const unsigned = {
    relayId: RELAY_ID,
    spi: 256,
    peerSpi: 257,
    class: 2,
    rateKbit: 0,
    issuedAt: BigInt(WALL),
    expiresAt: BigInt(WALL + 86_400_000),
    ticketId: random.bytes(16),
    signature: new Uint8Array(64),
    ...changes,
  };
  const body = ticketBody(ticketCodec.encode(unsigned));
  return ticketCodec.encode({ ...unsigned, signature: signEd25519(SERVER.privateKey, ticketSignatureInput(body)) });
}

/** The secret that the server tells the holder. */
export function secretOf(ticket: Uint8Array): Uint8Array {
  return authority().bindSecret(ticket);
}

/** A BIND or UNBIND. */
export function bindDatagram(
  ticket: Uint8Array,
  cookie: Uint8Array = new Uint8Array(16),
  { secret = secretOf(ticket), is = "bind" as "bind" | "unbind" } = {},
): Uint8Array<ArrayBuffer> {
  return encodeWithMac(relayDatagrams[is], { cookie, ticket }, (input) => hmac("sha256", secret, input));
}

/** An IPv4 endpoint on a documentation address. */
export function endpointOf(last: number, port: number): Endpoint {
  return { address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, last), port };
}
