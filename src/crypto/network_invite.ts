import { concat, utf8 } from "../base/bytes.ts";
import { sha256 } from "./hash.ts";
import { requireLength } from "./secret.ts";

/** Bytes of the seed that an invite to a network carries. */
export const INVITE_SEED_LENGTH = 16;

/** The secret by which the server knows an invite to a network: 32 bytes out of its seed (PROTOCOL.md section 2). */
export function inviteSecret(seed: Uint8Array): Uint8Array {
  requireLength("an invite's seed", seed, INVITE_SEED_LENGTH);
  return sha256(concat(utf8("buri invite secret\0"), seed));
}
