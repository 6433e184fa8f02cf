import { UserError } from "../base/errors.ts";

/** A state folder in the hands of this process. */
export interface StateLock {
  /** Gives it back. The system does so by itself when the process ends, however it ends. */
  release(): void;
}

/** An engine that is just ending holds its lock a moment longer than its control socket. */
const TRIES = 10;
const PAUSE_MS = 50;

/**
 * Takes `stateDir`, which exists, for this process alone; commands need no lock. Throws `UserError` when another engine
 * holds it, and `Deno.errors.PermissionDenied` and the like when the folder cannot be written.
 */
export async function lockStateDir(stateDir: string): Promise<StateLock> {
  const file = await Deno.open(`${stateDir}/engine.lock`, { create: true, write: true, mode: 0o600 });
  for (let tries = 0; tries < TRIES; tries++) {
    if (await file.tryLock(true)) return { release: () => file.close() };
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  file.close();
  throw new UserError(`Cannot use ${stateDir}: another engine runs on it`, {
    hint: "Stop it with `buri down`, or give this one a folder of its own with --state.",
  });
}
