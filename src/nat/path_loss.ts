/**
 * When a path loses so much that another one is better. A path in use that loses more than a tenth of its probes over 5 s is
 * compared with the other valid ones, all of them probed often for some seconds; it is demoted if one of them loses so much
 * less that it can hardly be chance. Later it gets a trial itself, and comes back when it loses next to nothing.
 *
 * @module
 */
import type { Path } from "./path.ts";

/** Over what time the path in use is judged. */
const LOSS_WINDOW_MS = 5_000;

/** How often paths are probed whose loss is being measured. */
export const TRIAL_PROBE_MS = 150;

/** When a trial is looked at, in ms after its beginning; the last is its end. */
const TRIAL_LOOKS_MS = [6_000, 12_000] as const;

/** After a trial the next one is not begun before this. */
const TRIAL_PAUSE_MS = 20_000;

/** Fewest probes that say something, and fewest lost ones: one or two are chance. */
const MIN_PROBES = 20;
const MIN_LOST = 4;

/** More than this is lossy. */
const MAX_LOSS = 0.1;

/** A demoted path has recovered when it loses no more than this. */
const MAX_LOSS_RECOVERED = 0.05;

/** How many standard errors apart two losses must be: of two equal paths one in a thousand looks so much better. */
const MIN_STANDARD_ERRORS = 3.3;

/** Probes with a known fate, and those of them without an answer. */
interface Loss {
  count: number;
  lost: number;
}

/** Trials of the paths of one tunnel. Times are monotonic milliseconds. */
export class LossWatch {
  #trialFrom = -Infinity;
  #looks: number = TRIAL_LOOKS_MS.length;

  /** How often the path should be probed for the sake of this watch; null = it does not matter. */
  intervalMs(path: Path, inUse: Path | null, now: number): number | null {
    if (path.isValid && this.#isTrial) return TRIAL_PROBE_MS;
    // One lost probe makes us look closer, so that there is something to judge by.
    return path === inUse && path.recentLoss(now - LOSS_WINDOW_MS).lost > 0 ? TRIAL_PROBE_MS : null;
  }

  /** Demotes and promotes, and begins trials. True when one has just begun: probes are due. */
  judge(paths: readonly Path[], inUse: Path, now: number): boolean {
    const others = paths.filter((path) => path !== inUse && path.isValid && !path.isNarrow);
    if (this.#isTrial) {
      if (now >= this.#trialFrom + TRIAL_LOOKS_MS[this.#looks]!) this.#look(others, inUse);
      return false;
    }
    if (now < this.#trialFrom + TRIAL_LOOKS_MS.at(-1)! + TRIAL_PAUSE_MS) return false;
    const wantsComparison = others.length > 0 && isLossy(inUse.recentLoss(now - LOSS_WINDOW_MS));
    if (!wantsComparison && !others.some((path) => path.isDemoted)) return false;
    this.#trialFrom = now;
    this.#looks = 0;
    return true;
  }

  get #isTrial(): boolean {
    return this.#looks < TRIAL_LOOKS_MS.length;
  }

  #look(others: readonly Path[], inUse: Path): void {
    this.#looks++;
    const ofInUse = inUse.recentLoss(this.#trialFrom);
    for (const path of others) {
      const loss = path.recentLoss(this.#trialFrom);
      if (loss.count < MIN_PROBES) continue;
      if (path.isDemoted && !this.#isTrial) path.isDemoted = loss.lost > loss.count * MAX_LOSS_RECOVERED;
      if (!path.isDemoted && isLossy(ofInUse) && isClearlyLess(loss, ofInUse)) inUse.isDemoted = true;
    }
  }
}

function isLossy({ count, lost }: Loss): boolean {
  return count >= MIN_PROBES && lost >= MIN_LOST && lost > count * MAX_LOSS;
}

/** The test of two proportions. */
function isClearlyLess(one: Loss, other: Loss): boolean {
  const pooled = (one.lost + other.lost) / (one.count + other.count);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / one.count + 1 / other.count));
  return other.lost / other.count - one.lost / one.count > MIN_STANDARD_ERRORS * error;
}
