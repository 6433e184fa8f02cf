/**
 * Invites to a server (PROTOCOL.md section 2).
 *
 *     buri://HOST:PORT/#KEY
 *     KEY = base64url of 0x01 | Ed25519 public key 32 | SHA-1 of the ssh-rsa blob 20 | SHA-256 of the ssh-rsa blob 32
 *
 * @module
 */

import { fromBase64Url, toBase64Url } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { parseIpv4, parseIpv6 } from "../base/ip.ts";
import { bytes, type Codec, constant, strict, u8 } from "./fields.ts";

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

/** A name whose last label is a number is an IPv4 address or nothing. */
function isHostName(host: string): boolean {
  return /(?:^|\.)[0-9]+$/.test(host) ? parseIpv4(host) !== null : HOST_NAME.test(host);
}
