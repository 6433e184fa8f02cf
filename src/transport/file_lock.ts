const TRIES = 10;
const PAUSE_MS = 20;

/**
 * Locks an open file for this process alone; false when another has it. A process that is just being forked has the lock of
 * its parent until it becomes another program: so a lock that is taken is waited for, 200 ms.
 */
export function lockSoon(file: Deno.FsFile): boolean {
  for (let tries = 0; tries < TRIES; tries++) {
    if (file.tryLockSync(true)) return true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
  return false;
}
