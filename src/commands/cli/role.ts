import type { Context } from "./context.ts";

/** Something that runs until it is stopped. */
export interface Role {
  /** Resolves when it has ended, rejects when it failed. */
  readonly stopped: Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
}

/** How long a start that does not heed the signal is waited for: the whole end takes less than 2 s. */
const START_GRACE_MS = 1000;

/**
 * Starts a role, calls `onReady`, and waits until it ends by itself or the signal aborts; then it is stopped. An abort
 * during the start ends that, too. Resolves to whether it was the signal.
 *
 * @param start resolves to null when the role was ended by another way before it was ready
 */
export async function runRole<R extends Role>(
  context: Context,
  start: () => Promise<R | null>,
  onReady: (role: R) => void,
): Promise<boolean> {
  const { signal } = context;
  const interrupted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const starting = start();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const givenUp = interrupted.then(() =>
    new Promise<null>((resolve) => timer = setTimeout(resolve, START_GRACE_MS, null))
  );
  try {
    const role = await Promise.race([starting, givenUp]);
    if (role === null) return signal.aborted;
    if (!signal.aborted) onReady(role);
    await Promise.race([interrupted, role.stopped]);
    await role.stop();
    return signal.aborted;
  } catch (error) {
    if (signal.aborted) return true;
    throw error;
  } finally {
    starting.catch(() => {});
    clearTimeout(timer);
  }
}
