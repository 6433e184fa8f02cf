import type { ForwardingStats } from "./types.ts";

/** Places of the counters in their array. */
export const COUNTER = {
  datagramsIn: 0,
  datagramsOut: 1,
  bytesIn: 2,
  bytesOut: 3,
  unbound: 4,
  stranger: 5,
  rate: 6,
  system: 7,
  controlDropped: 8,
} as const;

/** How many there are. */
export const COUNTER_COUNT = 9;

/** The counters as a record. */
export function statsOf(counters: Float64Array): ForwardingStats {
  const at = (place: keyof typeof COUNTER): number => counters[COUNTER[place]]!;
  return {
    datagramsIn: at("datagramsIn"),
    datagramsOut: at("datagramsOut"),
    bytesIn: at("bytesIn"),
    bytesOut: at("bytesOut"),
    drops: { unbound: at("unbound"), stranger: at("stranger"), rate: at("rate"), system: at("system") },
    controlDropped: at("controlDropped"),
  };
}
