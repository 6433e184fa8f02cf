import { equalBytes, utf8 } from "../base/bytes.ts";
import { sha256 } from "./hash.ts";
import { requireLength } from "./secret.ts";

const CONSONANTS = "bdfghjklmnprstvz";
const VOWELS = "aiou";
const FINGERPRINT_LENGTH = 32;

/**
 * Words in which two people compare each other's keys: the same at both ends, and others where somebody stands between them.
 *
 * 8 words of 16 bits each, spelt as proquints (arXiv:0901.4016), so that they can be said in any language: 128 bits, for
 * whoever stands between can try keys on both sides until the words of both agree, which takes the square root of all tries.
 *
 * @param own fingerprint of one's own key, 32 bytes
 * @param peer that of the other's
 */
export function verificationWords(own: Uint8Array, peer: Uint8Array): string {
  requireLength("a fingerprint", own, FINGERPRINT_LENGTH);
  requireLength("a fingerprint", peer, FINGERPRINT_LENGTH);
  const [first, second] = comesBefore(own, peer) ? [own, peer] : [peer, own];
  const digest = sha256(utf8("buri verification words\0"), first, second);
  const view = new DataView(digest.buffer, digest.byteOffset, 16);
  return Array.from({ length: 8 }, (_, n) => proquint(view.getUint16(2 * n))).join(" ");
}

function comesBefore(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, n) => byte !== b[n]);
  return equalBytes(a, b) || a[at]! < b[at]!;
}

/** Consonant 4 bits, vowel 2, consonant 4, vowel 2, consonant 4. */
function proquint(bits: number): string {
  const letter = (letters: string, shift: number) => letters[(bits >>> shift) & (letters.length - 1)]!;
  return letter(CONSONANTS, 12) + letter(VOWELS, 10) + letter(CONSONANTS, 6) + letter(VOWELS, 4) +
    letter(CONSONANTS, 0);
}
