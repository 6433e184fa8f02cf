/**
 * What becomes of a network's peer secret when its password changes (docs/PROTOCOL.md, section 7).
 *
 *     sealing = 0x01 | unsealed 32 | envelope 61 (nothing where there is no password, or still the first one)
 *
 * The peer secret stays as it is, so that tunnels of those who know only the old password go on; those who join with the new
 * one find it in an envelope that the password opens. Where the password is taken away, a proof that a member did so takes the
 * secret's place: a server, which can make neither, can neither learn the secret nor talk members out of it.
 *
 * @module
 */
import { concat, utf8 } from "../base/bytes.ts";
import { AEAD_CHACHA20_POLY1305, AEAD_NONCE_LENGTH, AEAD_TAG_LENGTH, openAead, sealAead } from "./aead.ts";
import { hmac } from "./hash.ts";
import { equalSecret, requireLength } from "./secret.ts";

const VERSION = 1;
const SECRET_LENGTH = 32;
const ENVELOPE_LENGTH = AEAD_NONCE_LENGTH + 1 + SECRET_LENGTH + AEAD_TAG_LENGTH;
const ENVELOPE_AT = 1 + SECRET_LENGTH;
const NONE = new Uint8Array(SECRET_LENGTH);

/** What a new sealing is made of. */
export interface SealingChange {
  /** Names the network. */
  networkId: number;
  /** The sealing so far; empty = none. */
  former: Uint8Array;
  /** The peer secret of the network, 32 bytes; null = it has none. */
  peerSecret: Uint8Array | null;
  /** The peer secret that the new password gives by itself, 32 bytes; null = no password from now on. */
  derived: Uint8Array | null;
  /** 12 random bytes. */
  nonce: Uint8Array;
}

/** The sealing of a network whose password changes. */
export function changeSealing({ networkId, former, peerSecret, derived, nonce }: SealingChange): Uint8Array {
  const unsealed = peerSecret !== null && derived === null
    ? unsealedProof(networkId, peerSecret)
    : isSealing(former)
    ? former.subarray(1, ENVELOPE_AT)
    : NONE;
  const start = concat(Uint8Array.of(VERSION), unsealed);
  if (derived === null) return start;
  requireLength("a sealing's nonce", nonce, AEAD_NONCE_LENGTH);
  const content = concat(Uint8Array.of(peerSecret === null ? 0 : 1), peerSecret ?? NONE);
  const sealed = sealAead(AEAD_CHACHA20_POLY1305, envelopeKey(derived), nonce, label("envelope", networkId), content);
  return concat(start, nonce, sealed);
}

/** Whether the sealing proves that a member who knew this peer secret took the password away: then it is void. */
export function isUnsealed(sealing: Uint8Array, networkId: number, peerSecret: Uint8Array): boolean {
  return isSealing(sealing) && equalSecret(sealing.subarray(1, ENVELOPE_AT), unsealedProof(networkId, peerSecret));
}

/**
 * What the envelope holds for whoever has the password: the network's peer secret, or null where it has none.
 *
 * @param derived the peer secret that the password gives by itself, 32 bytes
 * @returns undefined where there is no envelope that it opens
 */
export function openSealing(
  sealing: Uint8Array,
  networkId: number,
  derived: Uint8Array,
): { peerSecret: Uint8Array | null } | undefined {
  if (!isSealing(sealing) || sealing.length !== ENVELOPE_AT + ENVELOPE_LENGTH) return undefined;
  const nonce = sealing.subarray(ENVELOPE_AT, ENVELOPE_AT + AEAD_NONCE_LENGTH);
  const sealed = sealing.subarray(ENVELOPE_AT + AEAD_NONCE_LENGTH);
  const additional = label("envelope", networkId);
  const content = openAead(AEAD_CHACHA20_POLY1305, envelopeKey(derived), nonce, additional, sealed);
  if (content === null) return undefined;
  return { peerSecret: content[0] === 1 ? content.slice(1) : null };
}

/** One of a later version is none to us. */
function isSealing(bytes: Uint8Array): boolean {
  return bytes[0] === VERSION && bytes.length >= ENVELOPE_AT;
}

function unsealedProof(networkId: number, peerSecret: Uint8Array): Uint8Array {
  return hmac("sha256", peerSecret, label("unsealed", networkId));
}

function envelopeKey(derived: Uint8Array): Uint8Array {
  return hmac("sha256", derived, utf8("buri sealing key\0"));
}

function label(what: string, networkId: number): Uint8Array {
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, networkId);
  return concat(utf8(`buri sealing ${what}\0`), id);
}
