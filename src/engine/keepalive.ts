/** A connection that was silent for so many intervals is dead. */
const SILENT_INTERVALS = 3;

/** Bounds for what a server may ask for, in seconds: below, we would flood it; above, a dead connection goes unnoticed. */
const MIN_INTERVAL_S = 5;
const MAX_INTERVAL_S = 300;

/** When something last went over a connection, in monotonic milliseconds. */
export interface Liveness {
  /** Last message sent. */
  sentAt: number;
  /** Last message received. */
  heardAt: number;
  /** Longest silence of ours, in milliseconds. */
  intervalMs: number;
}

/** What to do now. */
export type KeepaliveStep = { do: "ping" } | { do: "close" } | { do: "wait"; untilMs: number };

/** The interval in milliseconds for what the server asked. */
export function keepaliveIntervalMs(keepaliveSeconds: number): number {
  return Math.min(Math.max(keepaliveSeconds, MIN_INTERVAL_S), MAX_INTERVAL_S) * 1000;
}

/** Each side sends PING when it has sent nothing for an interval and closes when it heard nothing for three. */
export function keepaliveStep({ sentAt, heardAt, intervalMs }: Liveness, now: number): KeepaliveStep {
  const closeAt = heardAt + SILENT_INTERVALS * intervalMs;
  const pingAt = sentAt + intervalMs;
  if (now >= closeAt) return { do: "close" };
  return now >= pingAt ? { do: "ping" } : { do: "wait", untilMs: Math.min(pingAt, closeAt) };
}
