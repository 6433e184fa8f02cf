/**
 * Which of two paths of a tunnel is the better one (PROTOCOL.md section 11).
 *
 * @module
 */
import type { Path } from "./path.ts";

/** A path takes over from an equal one when it is faster by this share … */
const MIN_GAIN = 0.1;

/** … and by this much. */
const MIN_GAIN_MS = 2;

/** Direct beats relayed, UDP a stream; among equals the clearly faster one wins, so that noise moves nothing. */
export function isBetter(path: Path, best: Path): boolean {
  if (path.isNarrow !== best.isNarrow) return best.isNarrow;
  if (path.isDemoted !== best.isDemoted) return best.isDemoted;
  const difference = rungOf(best) - rungOf(path);
  if (difference !== 0) return difference > 0;
  if (path.rttMs === null || best.rttMs === null) return best.rttMs === null && path.rttMs !== null;
  const gain = best.rttMs - path.rttMs;
  return gain >= MIN_GAIN_MS && gain >= best.rttMs * MIN_GAIN;
}

/** 0 is the best. */
function rungOf({ kind, transport }: Path): number {
  if (kind !== "relay") return 0;
  return transport === "udp" ? 1 : 2;
}
