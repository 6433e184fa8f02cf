/**
 * Invites to a server, and to a network on it (PROTOCOL.md section 2).
 *
 *     buri://HOST:PORT/#KEY
 *     KEY = base64url of 0x01 | Ed25519 public key 32 | SHA-1 of the ssh-rsa blob 20 | SHA-256 of the ssh-rsa blob 32
 *
 *     buri://HOST:PORT/#KEY&join=TICKET
 *     TICKET = base64url of 0x01 | networkId u32 | seed 16 | peerSecret (32 or nothing)
 *
 * @module
 */

import { fromBase64Url, toBase64Url } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { parseIpv4, parseIpv6 } from "../base/ip.ts";
import { bytes, type Codec, constant, rest, strict, u32, u8 } from "./fields.ts";

/** The keys by which a client knows its server. */
export interface ServerPin {
  /** 32 bytes. */
  ed25519: Uint8Array;
  /** SHA-1 of the ssh-rsa blob, 20 bytes. */
  rsaSha1: Uint8Array;
  /** SHA-256 of the ssh-rsa blob, 32 bytes. */
  rsaSha256: Uint8Array;
}

/** Where a server is and how to know it. */
export interface Invite {
  /** A host name, an IPv4 address, or an IPv6 address without brackets. */
  host: string;
  /** TCP port, 1-65535. */
  port: number;
  /** Its keys. */
  pin: ServerPin;
}

/** Codec of the 85 bytes of KEY. */
export const serverPin: Codec<ServerPin> = strict({
  version: constant(u8, 1, "version of an invite"),
  ed25519: bytes(32),
  rsaSha1: bytes(20),
  rsaSha256: bytes(32),
}, 85);

/** RFC 1123 labels; punycode where the name is not ASCII. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const INVITE = /^buri:\/\/(?:\[([0-9a-fA-F:.]{2,45})\]|([^\s/:#[\]]{1,253})):([1-9][0-9]{0,4})\/#([A-Za-z0-9_-]{114})$/;

/** The link that {@linkcode parseInvite} reads. */
export function formatInvite({ host, port, pin }: Invite): string {
  const written = host.includes(":") ? `[${host}]` : host;
  return `buri://${written}:${port}/#${toBase64Url(serverPin.encode(pin))}`;
}

/** Reads an invite. @throws {ProtocolError} for anything else */
export function parseInvite(text: string): Invite {
  const match = INVITE.exec(text);
  if (match === null) throw new ProtocolError("invite is not of the form buri://HOST:PORT/#KEY");
  const [, host6, name, digits = "", key = ""] = match;
  const host = host6 ?? name ?? "";
  if (host6 === undefined ? !isHostName(host) : parseIpv6(host) === null) {
    throw new ProtocolError("host of the invite is neither a name nor an address");
  }
  const port = Number(digits);
  if (port > 65535) throw new ProtocolError("port of the invite is above 65535");
  return { host, port, pin: serverPin.decode(fromBase64Url(key)) };
}

/** A way into a network, and to its server. */
export interface NetworkInvite {
  /** Where it is. */
  server: Invite;
  /** The network. */
  networkId: number;
  /** 16 random bytes, of which the secret is made that the server knows. */
  seed: Uint8Array;
  /** What the server must not know, 32 bytes; null where the network has none. */
  peerSecret: Uint8Array | null;
}

const NETWORK_PART = "&join=";
const PEER_SECRET_LENGTH = 32;
/** Base64url of the longest ticket, 53 bytes. */
const MAX_TICKET_TEXT = 71;
const ticket = strict({
  version: constant(u8, 1, "version of an invite to a network"),
  networkId: u32,
  seed: bytes(16),
  peerSecret: rest,
});

/** Whether this is meant as an invite to a network, well-formed or not. */
export function isNetworkInvite(text: string): boolean {
  return text.startsWith("buri://") && text.includes(NETWORK_PART);
}

/** The link that {@linkcode parseNetworkInvite} reads. It is a secret: whoever has it may join. */
export function formatNetworkInvite({ server, networkId, seed, peerSecret }: NetworkInvite): string {
  const encoded = ticket.encode({ networkId, seed, peerSecret: peerSecret ?? new Uint8Array() });
  return formatInvite(server) + NETWORK_PART + toBase64Url(encoded);
}

/** Reads an invite to a network. @throws {ProtocolError} for anything else, an invite to a server among it */
export function parseNetworkInvite(text: string): NetworkInvite {
  const at = text.indexOf(NETWORK_PART);
  if (at < 0) throw new ProtocolError("invite is not of the form buri://HOST:PORT/#KEY&join=TICKET");
  const encoded = text.slice(at + NETWORK_PART.length);
  if (encoded.length > MAX_TICKET_TEXT) throw new ProtocolError("invite is too long");
  const server = parseInvite(text.slice(0, at));
  const { networkId, seed, peerSecret } = ticket.decode(fromBase64Url(encoded));
  if (![0, PEER_SECRET_LENGTH].includes(peerSecret.length)) {
    throw new ProtocolError("secret of the invite is cut short");
  }
  return { server, networkId, seed, peerSecret: peerSecret.length === 0 ? null : peerSecret };
}

/** A name whose last label is a number is an IPv4 address or nothing. */
function isHostName(host: string): boolean {
  return /(?:^|\.)[0-9]+$/.test(host) ? parseIpv4(host) !== null : HOST_NAME.test(host);
}
