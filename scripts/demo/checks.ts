import type { LabProcess, ProcessResult } from "../../src/lab/lab_process.ts";
import type { Narrator } from "./narrator.ts";
import type { Computer, Scene } from "./scene.ts";

/** A member of the demo: a computer and the engine on it. */
export interface Member extends Computer {
  /** Nickname, unusual enough to be searched for in a capture. */
  nick: string;
  /** Its engine. */
  engine: LabProcess;
  /** Virtual addresses. */
  address4: string;
  /** The same for IPv6. */
  address6: string;
}

/** The part of `buri ping --json` that the demo reads. */
export interface PingLine {
  /** Round trip, null = lost. */
  rttMs: number | null;
  /** `direct`, `relay` or null. */
  path: string | null;
}

const POLL_MS = 250;

/** Throws an error with `what` unless `isTrue`. */
export function check(isTrue: boolean, what: string): asserts isTrue {
  if (!isTrue) throw new Error(what);
}

/** Runs a command of Buri, shows it with what it printed, and checks its exit code. */
export async function runShown(
  scene: Scene,
  narrator: Narrator,
  computer: Computer,
  args: string[],
  expectedCode = 0,
): Promise<ProcessResult> {
  const result = await scene.runBuri(computer, args);
  const output = (result.stdout || result.stderr).trimEnd().split("\n");
  narrator.show(computer.name, `buri ${args.map(quoted).join(" ")}`, output);
  const reason = result.stderr.trim().split("\n").at(-1) ?? "";
  check(result.code === expectedCode, `buri ${args[0]} ended with ${result.code}, not ${expectedCode}: ${reason}`);
  return result;
}

/** Runs a command of Buri silently with `--json`; null when it failed. */
export async function readJson<T>(scene: Scene, computer: Computer, args: string[]): Promise<T | null> {
  const { code, stdout } = await scene.runBuri(computer, [...args, "--json"]);
  return code === 0 ? JSON.parse(stdout) as T : null;
}

/** Calls `probe` until it gives something else than null. @throws {Error} with `what` after `timeoutMs` */
export async function waitFor<T>(what: string, timeoutMs: number, probe: () => Promise<T | null>): Promise<T> {
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null) return found;
    check(performance.now() < endAt, `${what} did not happen within ${timeoutMs / 1000} s`);
    await pause(POLL_MS);
  }
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** `1.2 ms`. */
export function shownMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}

function quoted(word: string): string {
  return /^[\w./:#@=,+-]+$/.test(word) ? word : `"${word}"`;
}
