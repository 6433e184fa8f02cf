import type { EchoSocket } from "../../src/ffi/icmp_linux.ts";
import type { LabProcess } from "../../src/lab/lab_process.ts";
import { check, pause, type PingLine } from "./checks.ts";

/** How a tunnel fared while it was watched. */
export interface Liveness {
  /** Longest time without an answer, in milliseconds. */
  longestGapMs: number;
  /** When the wished path was first seen, in milliseconds since the start. */
  pathAfterMs: number;
}

const PING_EVERY_MS = 50;
const PING_TIMEOUT_MS = 100;
/** Answers that must have come over the wished path before it counts. */
const ANSWERS_WANTED = 5;

/**
 * Watches a tunnel until its packets take `path` ("direct" or "relay"): `prober` is a running `buri ping -c 0 --json`, which
 * tells the path; `echo`, where there are devices, pings through the kernel, else the prober's own round trips count.
 * @throws {Error} after `timeoutMs`
 */
export async function watchUntil(
  path: string,
  prober: LabProcess,
  echo: EchoSocket | null,
  timeoutMs: number,
): Promise<Liveness> {
  const startedAt = performance.now();
  let answeredAt = startedAt;
  let longestGapMs = 0;
  let pathAfterMs: number | null = null;
  let answersOnPath = 0;
  let nextLine = prober.stdoutLines.length;
  const answered = () => {
    longestGapMs = Math.max(longestGapMs, performance.now() - answeredAt);
    answeredAt = performance.now();
  };
  for (;;) {
    const nowMs = performance.now() - startedAt;
    check(prober.isRunning, `the ping of ${prober.name} ended`);
    check(nowMs < timeoutMs, `no packets over a ${path} path within ${timeoutMs / 1000} s`);
    if (echo !== null && echo.ping(PING_TIMEOUT_MS, () => performance.now()) !== null) answered();
    for (; nextLine < prober.stdoutLines.length; nextLine++) {
      const line: PingLine = JSON.parse(prober.stdoutLines[nextLine]!);
      if (line.rttMs === null) continue;
      if (echo === null) answered();
      if (line.path !== path) continue;
      pathAfterMs ??= nowMs;
      if (++answersOnPath >= ANSWERS_WANTED) return { longestGapMs, pathAfterMs };
    }
    await pause(PING_EVERY_MS);
  }
}
