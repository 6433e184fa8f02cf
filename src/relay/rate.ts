import { RELAY_CLASS } from "../protocol/mod.ts";
import { TokenBucket } from "./token_bucket.ts";
import type { Binding, ClassRates } from "./types.ts";

/** A burst lasts this long at the rate … */
const BURST_MS = 250;

/** … and is never shorter than one train of segments that the kernel put together. */
const MIN_BURST_LENGTH = 128 * 1024;

/** The bucket of bytes for what a client sends; null = no limit. The ticket's rate holds, and the class's where that is lower. */
export function rateBucket(binding: Binding, rates: ClassRates, now: number): TokenBucket | null {
  const ofClass = binding.class === RELAY_CLASS.high ? rates.high : rates.low;
  const limits = [binding.rateKbit, ofClass].filter((kbit) => kbit > 0);
  if (limits.length === 0) return null;
  const bytesPerSecond = Math.min(...limits) * 125;
  return new TokenBucket(bytesPerSecond, Math.max(MIN_BURST_LENGTH, bytesPerSecond * BURST_MS / 1000), now);
}
