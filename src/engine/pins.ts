/**
 * Whether to believe the keys and the suites that the server tells of a peer: pinned at first use, refused when they change,
 * and never a lower suite than was seen before (docs/PROTOCOL.md, section 2).
 *
 * @module
 */
import { equalBytes } from "../base/bytes.ts";
import type { PeerPin } from "./state_files.ts";

/** What the server says of a peer. */
export interface PeerOffer {
  /** Suites it speaks. */
  suites: readonly number[];
  /** SHA-256 of its Ed25519 key, null = the server knows none. */
  ed25519: Uint8Array | null;
  /** SHA-256 of its ssh-rsa blob, null = the server knows none. */
  rsa: Uint8Array | null;
}

/** Why no tunnel may be made, in letters and spaces only: it is shown in `list`. */
export type Distrust =
  | "the key of this peer has changed"
  | "no common suite with this peer"
  | "this peer offers a lower suite than before";

/** Either the suite to use, or why none. */
export type Trust = { suite: 1 | 2 } | { refused: Distrust };

/** Of a peer never met. */
export const NOTHING_PINNED: PeerPin = { ed25519: null, rsa: null, suiteSeen: 0 };

/** The highest suite both speak, if what is pinned allows it. `ownSuites`: those this client was told to use. */
export function judgePeer(offer: PeerOffer, ownSuites: readonly (1 | 2)[], pin: PeerPin = NOTHING_PINNED): Trust {
  if (differs(pin.ed25519, offer.ed25519) || differs(pin.rsa, offer.rsa)) {
    return { refused: "the key of this peer has changed" };
  }
  const common = ownSuites.filter((suite) => offer.suites.includes(suite) && keyOf(offer, suite) !== null);
  const suite = common.toSorted().at(-1);
  if (suite === undefined) return { refused: "no common suite with this peer" };
  return suite < pin.suiteSeen ? { refused: "this peer offers a lower suite than before" } : { suite };
}

/**
 * The pin after an exchange in which the peer has proved its key; null when nothing new is to be kept. Keys it has not
 * proved are not pinned: a lying server could put them there.
 */
export function pinAfterProof(offer: PeerOffer, suite: 1 | 2, pin: PeerPin = NOTHING_PINNED): PeerPin | null {
  const isKnown = suite <= pin.suiteSeen && (suite === 2 ? pin.ed25519 : pin.rsa) !== null;
  if (isKnown) return null;
  const suiteSeen = suite === 2 || pin.suiteSeen === 2 ? 2 : 1;
  return suite === 2 ? { ...pin, ed25519: offer.ed25519, suiteSeen } : { ...pin, rsa: offer.rsa, suiteSeen };
}

/** Fingerprints that the server tells of a peer, null = it knows none. */
export type PeerKeys = Pick<PeerOffer, "ed25519" | "rsa">;

/** What there is to say of a peer's keys. */
export function pinState(pin: PeerPin, told: PeerKeys): "pinned" | "unpinned" | "changed" {
  if (differs(pin.ed25519, told.ed25519) || differs(pin.rsa, told.rsa)) return "changed";
  return pin.ed25519 === null && pin.rsa === null ? "unpinned" : "pinned";
}

/**
 * The pin when the user brings the peer's fingerprint of suite 2; null where another is pinned, unless `acceptNew`. The peer
 * has that key, so suite 1 is refused from now on.
 */
export function installedPin(pin: PeerPin, ed25519: Uint8Array, acceptNew: boolean): PeerPin | null {
  if (!differs(pin.ed25519, ed25519)) return { ...pin, ed25519, suiteSeen: 2 };
  return acceptNew ? { ed25519, rsa: null, suiteSeen: 2 } : null;
}

/**
 * The pin when the user accepts what the server tells; null where there is nothing to accept. Of a key that stays the same
 * the suite is let down only where that was the reason to refuse the peer.
 */
export function acceptedPin(pin: PeerPin, told: PeerKeys, refused: string | null): PeerPin | null {
  const isLower: boolean = refused === ("this peer offers a lower suite than before" satisfies Distrust);
  if (pinState(pin, told) !== "changed") return isLower ? { ...pin, suiteSeen: 0 } : null;
  // A key that it has not proved is not pinned, but for the one that the user was shown.
  const rsa = differs(pin.rsa, told.rsa) ? null : pin.rsa;
  return { ed25519: told.ed25519, rsa, suiteSeen: told.ed25519 === null || isLower ? 0 : 2 };
}

/** An offered key must be the pinned one; one that is left out only rules its suite out. */
function differs(pinned: Uint8Array | null, offered: Uint8Array | null): boolean {
  return pinned !== null && offered !== null && !equalBytes(pinned, offered);
}

function keyOf(offer: PeerOffer, suite: 1 | 2): Uint8Array | null {
  return suite === 2 ? offer.ed25519 : offer.rsa;
}
