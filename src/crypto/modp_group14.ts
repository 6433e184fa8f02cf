/**
 * Diffie-Hellman of suite 1: the 2048-bit MODP group of RFC 3526, section 3 (group 14), generator 2.
 *
 * The prime is 2^2048 - 2^1984 - 1 + 2^64 · (⌊2^1918 · π⌋ + 124476). Articles about the original protocol print it with a
 * digit missing (row 1, word 6 reads 0DC1CD1 for 80DC1CD1); that number is composite. The tests prove this one.
 *
 * Values and secrets are 256 bytes, left-padded with zeros: unpadded, one exchange in 256 would fail.
 *
 * @module
 */

import { createDiffieHellman } from "node:crypto";
import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";

/** Length in bytes of a public value and of the shared secret. */
export const DH_LENGTH = 256;

/** Bytes of a private exponent: 320 bits, of which the highest is set. */
export const DH_PRIVATE_LENGTH = 40;

/** The prime of group 14 in lower-case hexadecimal, as RFC 3526 prints it. */
export const GROUP14_PRIME_HEX: string = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd1" +
  "29024e088a67cc74020bbea63b139b22514a08798e3404dd" +
  "ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245" +
  "e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
  "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d" +
  "c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f" +
  "83655d23dca3ad961c62f356208552bb9ed529077096966d" +
  "670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
  "e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9" +
  "de2bcbf6955817183995497cea956ae515d2261898fa0510" +
  "15728e5a8aacaa68ffffffffffffffff";

const PRIME = fromHex(GROUP14_PRIME_HEX);
const GENERATOR = Uint8Array.of(2);

/** p - 2, the highest public value a peer may send. */
const HIGHEST_VALUE = BigInt("0x" + GROUP14_PRIME_HEX) - 2n;

/** An ephemeral pair of group 14. */
export interface DhKeyPair {
  /** The exponent x, 40 bytes; secret. */
  privateKey: Uint8Array;
  /** g^x mod p, 256 bytes. */
  publicValue: Uint8Array;
}

/** Draws an ephemeral pair with a 320-bit exponent. */
export function generateDh(random: Random): DhKeyPair {
  const privateKey = random.bytes(DH_PRIVATE_LENGTH);
  privateKey[0] = privateKey[0]! | 0x80;
  return { privateKey, publicValue: dhPublicValue(privateKey) };
}

/** g^x mod p for a private exponent: 256 bytes. */
export function dhPublicValue(privateKey: Uint8Array): Uint8Array {
  const group = createDiffieHellman(PRIME, GENERATOR);
  group.setPrivateKey(privateKey);
  return leftPad(group.generateKeys());
}

/**
 * Says whether a peer's public value may be used: exactly 256 bytes and 2 ≤ y ≤ p - 2.
 *
 * p is a safe prime, so the values refused here are all that fall into a small subgroup.
 */
export function isValidDhValue(value: Uint8Array): boolean {
  if (value.length !== DH_LENGTH) return false;
  const y = BigInt("0x" + toHex(value));
  return y >= 2n && y <= HIGHEST_VALUE;
}

/**
 * The shared secret of our exponent and a peer's value.
 *
 * @param ownValue our own public value: a peer that sends it back is refused
 * @returns 256 bytes, or null when the peer's value is refused
 */
export function dhShared(privateKey: Uint8Array, peerValue: Uint8Array, ownValue: Uint8Array): Uint8Array | null {
  if (!isValidDhValue(peerValue) || equalBytes(peerValue, ownValue)) return null;
  const group = createDiffieHellman(PRIME, GENERATOR);
  group.setPrivateKey(privateKey);
  return leftPad(group.computeSecret(peerValue));
}

function leftPad(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(DH_LENGTH);
  padded.set(bytes, DH_LENGTH - bytes.length);
  return padded;
}
