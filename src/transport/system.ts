import type { Clock } from "../base/clock.ts";

/** setTimeout takes at most this; anything longer would fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's own time. */
export function systemClock(): Clock {
  return { now: () => performance.now(), wallMs: () => Date.now(), after };
}

function after(ms: number, fn: () => void): () => void {
  let handle: ReturnType<typeof setTimeout>;
  const arm = (leftMs: number) => {
    const stepMs = Math.min(Math.max(0, leftMs), MAX_TIMEOUT_MS);
    handle = setTimeout(() => leftMs > stepMs ? arm(leftMs - stepMs) : fn(), stepMs);
  };
  arm(ms);
  return () => clearTimeout(handle);
}
