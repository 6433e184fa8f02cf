/**
 * A self-signed certificate (RFC 5280) for TLS: ECDSA over P-256 with SHA-256, written from one template.
 *
 * It is for looks: whoever connects does not trust it but the key inside the connection, and whoever only looks sees what a
 * web server has that nobody gave a certificate yet. So it names `localhost` and nothing of ours.
 *
 * @module
 */

// deno-lint-ignore buri/no-ambient-input -- the runtime makes EC keys from its own randomness only
import { generateKeyPairSync, sign } from "node:crypto";
import { concat, fromHex, utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { exportPkcs8, exportSpki, importPkcs8 } from "./der.ts";

/** A certificate and its key. */
export interface TlsIdentity {
  /** The certificate, PEM. */
  certificate: string;
  /** PKCS#8 PEM; secret. */
  privateKey: string;
}

const HOST = "localhost";
const SERIAL_LENGTH = 16;
const DAY_MS = 86_400_000;

/** As `openssl req -x509 -days 3650` would. */
const LIFETIME_DAYS = 3650;

const TAG = { integer: 0x02, bitString: 0x03, octetString: 0x04, utf8: 0x0c, sequence: 0x30, set: 0x31 } as const;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const VERSION_FIELD = 0xa0;
const EXTENSIONS_FIELD = 0xa3;
const DNS_NAME = 0x82;

/** Object identifiers, whole: ecdsa-with-SHA256, commonName, subjectAltName. */
const OID = { signature: "06082a8648ce3d040302", commonName: "0603550403", altName: "0603551d11" } as const;

/** Makes a new EC key, PKCS#8 DER. */
export function generateTlsKey(): Uint8Array {
  return exportPkcs8(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey);
}

/** Makes a certificate for a key of {@linkcode generateTlsKey}, valid for ten years from the day before `wallMs`. */
export function selfSign(pkcs8: Uint8Array, random: Random, wallMs: number): TlsIdentity {
  const key = importPkcs8(pkcs8);
  const algorithm = der(TAG.sequence, fromHex(OID.signature));
  const name = der(TAG.sequence, der(TAG.set, der(TAG.sequence, fromHex(OID.commonName), der(TAG.utf8, utf8(HOST)))));
  const altNames = der(TAG.sequence, der(DNS_NAME, utf8(HOST)));
  const extension = der(TAG.sequence, fromHex(OID.altName), der(TAG.octetString, altNames));
  const body = der(
    TAG.sequence,
    der(VERSION_FIELD, der(TAG.integer, Uint8Array.of(2))),
    der(TAG.integer, serial(random)),
    algorithm,
    name,
    der(TAG.sequence, time(wallMs - DAY_MS), time(wallMs + LIFETIME_DAYS * DAY_MS)),
    name,
    exportSpki(key),
    der(EXTENSIONS_FIELD, der(TAG.sequence, extension)),
  );
  const signature = new Uint8Array(sign("sha256", body, key));
  const certificate = der(TAG.sequence, body, algorithm, der(TAG.bitString, Uint8Array.of(0), signature));
  return { certificate: pem("CERTIFICATE", certificate), privateKey: pem("PRIVATE KEY", pkcs8) };
}

/** Positive, and without a leading zero byte, as DER wants integers. */
function serial(random: Random): Uint8Array {
  const bytes = random.bytes(SERIAL_LENGTH);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
}

/** RFC 5280 section 4.1.2.5: two digits of the year until 2049, four from then on. */
function time(wallMs: number): Uint8Array {
  const digits = new Date(wallMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  return Number(digits.slice(0, 4)) < 2050 ? der(UTC_TIME, utf8(digits.slice(2))) : der(GENERALIZED_TIME, utf8(digits));
}

/** `tag | length | content` (X.690). Nothing here is longer than 65,535 bytes. */
function der(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const content = concat(...parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...size), content);
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
