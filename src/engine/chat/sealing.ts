/**
 * Whose keys to believe when a message goes through the server, and which of a network's secrets goes into it
 * (PROTOCOL.md section 15.2).
 *
 * @module
 */
import { equalBytes } from "../../base/bytes.ts";
import { ed25519Fingerprint } from "../../crypto/mod.ts";
import type { BindingSecret } from "../../session/mod.ts";
import type { PeerPin } from "../state_files.ts";

/** What is known of the other end. */
export interface OtherEnd {
  /** Its Ed25519 key as the server tells it. */
  publicKey: Uint8Array;
  /** What is pinned of it, undefined = nothing. */
  pin: PeerPin | undefined;
}

/** Whether a key is not the pinned one. */
export function isImpostor({ publicKey, pin }: OtherEnd): boolean {
  return isPinned(pin) && !equalBytes(pin.ed25519, ed25519Fingerprint(publicKey));
}

/** Whether there is a pin for suite 2 keys. */
export function isPinned(pin: PeerPin | undefined): pin is PeerPin & { ed25519: Uint8Array } {
  return pin !== undefined && pin.ed25519 !== null;
}

/**
 * The secret to seal a message with.
 *
 * @param networkId of the message, 0 = to the receiver alone
 * @param secrets those we have, of networks of both
 */
export function chooseSecret(
  networkId: number,
  pin: PeerPin | undefined,
  secrets: ReadonlyMap<number, Uint8Array>,
): BindingSecret | null {
  const chosen = networkId !== 0 ? networkId : isPinned(pin) ? 0 : Math.min(...secrets.keys());
  const peerSecret = secrets.get(chosen);
  return peerSecret === undefined ? null : { networkId: chosen, peerSecret };
}

/**
 * What an opened message is worth: null = it is to be refused, for it lacks the secret that every member would have used;
 * else whether more than the server's word tells who wrote it.
 *
 * @param secretOf the network whose secret it was sealed with, 0 = none
 * @param networkSecret that of the network it was written to, undefined = we have none or it was written to us alone
 */
export function judgeMessage(
  { secretOf, networkId }: { secretOf: number; networkId: number },
  pin: PeerPin | undefined,
  networkSecret: Uint8Array | undefined,
): { isVerified: boolean } | null {
  if (networkSecret !== undefined && secretOf !== networkId) return null;
  return { isVerified: isPinned(pin) || secretOf !== 0 };
}
