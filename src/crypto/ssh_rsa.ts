/**
 * RSA public keys as suite 1 sends and names them: the `ssh-rsa` blob of RFC 4253, section 6.6.
 *
 *     u32 7 | "ssh-rsa" | u32 length | e as mpint | u32 length | n as mpint
 *
 * Read strictly, so that one key has one blob and so one fingerprint: e = 65537, an odd modulus of 2048 to 4096 bits, minimal
 * mpints, nothing after the end.
 *
 * @module
 */

import { ByteReader, ByteWriter, concat, equalBytes, toHex, utf8 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { sha1, sha256 } from "./hash.ts";

/** Smallest RSA modulus in bits. */
export const MIN_RSA_BITS = 2048;

/** Largest RSA modulus in bits. */
export const MAX_RSA_BITS = 4096;

/** Longest blob in bytes: three lengths, the name, e, and a 4096-bit modulus with its sign byte. */
export const MAX_SSH_RSA_LENGTH: number = 4 + 7 + 4 + 3 + 4 + 513;

const NAME = utf8("ssh-rsa");
const EXPONENT = Uint8Array.of(1, 0, 1);

/**
 * Writes the blob of a modulus.
 *
 * @param modulus n, big-endian, without leading zeros
 */
export function encodeSshRsa(modulus: Uint8Array): Uint8Array {
  const mpint = modulus[0]! & 0x80 ? concat(Uint8Array.of(0), modulus) : modulus;
  const writer = new ByteWriter();
  for (const field of [NAME, EXPONENT, mpint]) {
    writer.u32(field.length);
    writer.bytes(field);
  }
  return writer.finish();
}

/**
 * Reads a blob.
 *
 * @returns n, big-endian, without leading zeros
 * @throws {ProtocolError} for anything but the one blob of an allowed key
 */
export function decodeSshRsa(blob: Uint8Array): Uint8Array {
  if (blob.length > MAX_SSH_RSA_LENGTH) throw new ProtocolError("RSA key blob is too long");
  const reader = new ByteReader(blob);
  const name = reader.bytes(reader.u32());
  if (!equalBytes(name, NAME)) throw new ProtocolError("RSA key blob does not begin with ssh-rsa");
  const exponent = reader.bytes(reader.u32());
  if (!equalBytes(exponent, EXPONENT)) throw new ProtocolError("RSA public exponent is not 65537");
  const modulus = decodeModulus(reader.bytes(reader.u32()));
  reader.done();
  return modulus;
}

function decodeModulus(mpint: Uint8Array): Uint8Array {
  const first = mpint[0] ?? 0;
  const isSigned = first === 0;
  if (first & 0x80) throw new ProtocolError("RSA modulus is negative");
  if (isSigned && !((mpint[1] ?? 0) & 0x80)) throw new ProtocolError("RSA modulus has a needless leading zero");
  const modulus = isSigned ? mpint.slice(1) : mpint;
  const bits = (modulus.length - 1) * 8 + (32 - Math.clz32(modulus[0]!));
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) throw new ProtocolError(`RSA modulus has ${bits} bits`);
  if ((modulus.at(-1)! & 1) === 0) throw new ProtocolError("RSA modulus is even");
  return modulus;
}

/** ServerKfp of suite 1: SHA-1 of the blob as `xx:xx:…`, 59 characters of lower-case hexadecimal. */
export function sshRsaFingerprintSha1(blob: Uint8Array): string {
  return toHex(sha1(blob)).replace(/..(?!$)/g, "$&:");
}

/** The fingerprint that is stored, pinned and shown: SHA-256 of the blob, 32 bytes. */
export function sshRsaFingerprintSha256(blob: Uint8Array): Uint8Array {
  return sha256(blob);
}
