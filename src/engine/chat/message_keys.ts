/**
 * This client's message keys over time (PROTOCOL.md section 15.1): a new one every 30 days; a former one is forgotten when
 * nothing sealed for it can be under way any more, so that what was read before cannot be opened afterwards.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { generateMessageKey, type MessageKeySecret } from "../../session/mod.ts";

/** A message key with its life. Instants are ms since 1970 by the server's clock. */
export interface KeptMessageKey extends MessageKeySecret {
  /** When it was made. */
  createdAtMs: number;
}

const DAY_MS = 24 * 3600 * 1000;
const LIFETIME_MS = 30 * DAY_MS;
/** A message waits at the server for 30 days, and a sender may use a key for some time after it was replaced. */
const MEMORY_MS = 40 * DAY_MS;

/**
 * The keys to have now, the one in use first.
 *
 * @param kept the newest first; the same array comes back when nothing is to be changed
 */
export function currentKeys(
  kept: readonly KeptMessageKey[],
  nowMs: number,
  random: Random,
): readonly KeptMessageKey[] {
  const [newest] = kept;
  const isFresh = newest !== undefined && nowMs < newest.createdAtMs + LIFETIME_MS;
  const keys = isFresh ? kept : [{ ...generateMessageKey(random), createdAtMs: nowMs }, ...kept];
  const remembered = keys.filter((_, at) => at === 0 || nowMs < keys[at - 1]!.createdAtMs + MEMORY_MS);
  return isFresh && remembered.length === kept.length ? kept : remembered;
}
