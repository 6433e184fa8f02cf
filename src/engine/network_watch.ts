/**
 * Notices when this machine may be somewhere else in the network than before: its addresses or its ways out changed, if only
 * for a moment, or it slept.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { ChangeWatch, NetworkConfiguration } from "../device/addresses.ts";

/** Changes come as several events: from the first of them they are given this long to come to rest. */
const SETTLE_MS = 150;

/** How often the two clocks are compared. */
const LOOK_EVERY_MS = 1_000;

/** A difference above this means sleep: a sleeping machine's monotonic clock stands still, a halted program's timers do. */
const SLEPT_MS = 3_000;

/** What is watched. */
export interface NetworkWatchOptions {
  /** The system's network. */
  network: Pick<NetworkConfiguration, "addresses" | "routes" | "watch">;
  /** Time. */
  clock: Clock;
  /** Everything that was learnt about ways to others has to be looked at anew. */
  onChange(reason: "network" | "sleep"): void;
}

/** Begins to watch. @throws {SystemError} where the system does not tell of changes */
export function watchOwnNetwork({ network, clock, onChange }: NetworkWatchOptions): ChangeWatch {
  let known = fingerprintOf(network);
  let cancelSettling: (() => void) | null = null;
  let isClosed = false;
  const look = () => {
    // The system may still tell of a change while it is asked to tell no more.
    if (isClosed) return;

    // What is back as it was before it settled has still been gone: another network may hand out the same addresses.
    const current = fingerprintOf(network);
    if (current === known) return;
    known = current;
    cancelSettling ??= clock.after(SETTLE_MS, () => {
      cancelSettling = null;
      known = fingerprintOf(network);
      onChange("network");
    });
  };
  const cancelSleepWatch = watchSleep(clock, () => onChange("sleep"));
  const watch = network.watch(look);
  return {
    close: async () => {
      isClosed = true;
      cancelSleepWatch();
      cancelSettling?.();
      await watch.close();
    },
  };
}

/** Calls `onWake` after the machine slept or the program stood still. @returns ends it */
export function watchSleep(clock: Clock, onWake: () => void): () => void {
  let wallMs = clock.wallMs();
  let now = clock.now();
  let cancel = () => {};
  const look = () => {
    const wallPassedMs = clock.wallMs() - wallMs;
    const passedMs = clock.now() - now;
    wallMs = clock.wallMs();
    now = clock.now();
    cancel = clock.after(LOOK_EVERY_MS, look);
    if (wallPassedMs - passedMs > SLEPT_MS || passedMs > LOOK_EVERY_MS + SLEPT_MS) onWake();
  };
  cancel = clock.after(LOOK_EVERY_MS, look);
  return () => cancel();
}

/** Addresses that packets may leave from, and ways out. What tunnels bring along does not count. */
function fingerprintOf(network: NetworkWatchOptions["network"]): string {
  const addresses = network.addresses()
    .filter((own) => own.isUsable && own.scope === "global" && own.deviceKind !== "tun")
    .map((own) => `${own.deviceIndex} ${own.device} ${own.address}`);
  const defaults = network.routes()
    .filter(({ destination }) => destination === "0.0.0.0/0" || destination === "::/0")
    .map(({ destination, device }) => `${destination} ${device}`);
  return [...addresses.toSorted(), ...defaults.toSorted()].join("\n");
}
