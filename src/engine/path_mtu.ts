/**
 * How long the datagrams of a tunnel may be, on whichever path it uses: runs one search per path, and lets that of the path
 * in use decide.
 *
 * @module
 */
import { type Endpoint, endpointKey } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane } from "../dataplane/types.ts";
import { type MtuEvent, MtuSearch } from "../nat/mtu.ts";
import { INNER_FRAME, innerFrames } from "../protocol/mod.ts";

/** MTU of the virtual device (docs/PROTOCOL.md, section 13): with the headers of both suites it fits 1,500 bytes. */
export const DEVICE_MTU = 1_400;

/** Paths that are remembered; the one used longest ago is forgotten first. */
const MAX_PATHS = 16;

/** Bytes of an MTU PROBE before its padding: type and id. */
const PROBE_LENGTH = 9;

/** What protection adds to a plaintext, and the multiple to which it pads one that is longer by at least one byte. */
const PROTECTION = { 1: { around: 36, block: 16 }, 2: { around: 28, block: 0 } } as const;

/** What the paths of one tunnel work with. */
export interface PathMtuOptions {
  /** Names the tunnel. */
  localSpi: number;
  /** Suite of its keys. */
  suite: 1 | 2;
  /** Sends probes and keeps to the limit. */
  dataPlane: Pick<DataPlane, "sendFrame" | "setMaxDatagramLength">;
  /** Numbers of probes. */
  random: Random;
  /** A path carries too little to be used where there is another, or does so no longer. */
  onNarrow(endpoint: Endpoint, isNarrow: boolean): void;
}

interface PathSearch {
  endpoint: Endpoint;
  search: MtuSearch;
}

/** Limits of the paths of one tunnel. */
export class PathMtu {
  readonly #options: PathMtuOptions;
  readonly #searches = new Map<string, PathSearch>();
  #inUse: PathSearch | null = null;
  #limit: number;

  /** No path yet. */
  constructor(options: PathMtuOptions) {
    this.#options = options;
    this.#limit = longestDatagram(options.suite);
  }

  /** UDP payload bytes of the longest datagram that may be sent. */
  get limit(): number {
    return this.#limit;
  }

  /** When to call {@linkcode PathMtu.tick}; null = not before another call. */
  get wakeAt(): number | null {
    const times = this.#running().map(({ search }) => search.nextWakeAt()).filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Packets take this path from now on, or none. `rttMs`: its round trip, null = not measured. */
  use(endpoint: Endpoint | null, now: number, rttMs: number | null): void {
    if (endpoint === null) {
      this.#inUse = null;
      return;
    }
    const key = endpointKey(endpoint);
    const { suite, random } = this.#options;
    const known = this.#searches.get(key) ?? { endpoint, search: new MtuSearch(longestDatagram(suite), random, now) };
    this.#searches.delete(key);
    this.#searches.set(key, known);
    if (this.#searches.size > MAX_PATHS) this.#searches.delete(this.#searches.keys().next().value!);
    this.#inUse = known;
    this.#step(known, { on: "tick" }, now, rttMs);
    // The path may have been forgotten and found again meanwhile.
    if (known.search.isNarrow) this.#options.onNarrow(endpoint, true);
  }

  /** Packets were sent or received. */
  traffic(now: number, rttMs: number | null): void {
    if (this.#inUse !== null) this.#step(this.#inUse, { on: "traffic" }, now, rttMs);
  }

  /** An address of our own changed: what was known of the ways says little any more. */
  restart(now: number, rttMs: number | null): void {
    for (const [key, path] of this.#searches) if (path !== this.#inUse) this.#searches.delete(key);
    if (this.#inUse !== null) this.#step(this.#inUse, { on: "restart" }, now, rttMs);
  }

  /** MTU ANSWER came. @throws {ProtocolError} when it is malformed */
  takeAnswer(payload: Uint8Array, now: number, rttMs: number | null): void {
    const { probeId, length } = innerFrames.mtuAnswer.decode(payload);
    // The answer takes the peer's way to us; the number says which way the probe took.
    for (const path of this.#running()) this.#step(path, { on: "answered", probeId, length }, now, rttMs);
  }

  /** What is due at `now`. */
  tick(now: number, rttMs: number | null): void {
    for (const path of this.#running()) this.#step(path, { on: "tick" }, now, rttMs);
  }

  /** Narrow paths are looked at as well: they cannot be used before they have become wide. */
  #running(): PathSearch[] {
    return [...this.#searches.values()].filter((path) => path === this.#inUse || path.search.isNarrow);
  }

  #step(path: PathSearch, event: MtuEvent, now: number, rttMs: number | null): void {
    const { localSpi, suite, dataPlane, onNarrow } = this.#options;
    const effects = path.search.step(event, now, rttMs);
    for (const effect of effects) {
      if (effect.do !== "probe") continue;
      const padding = new Uint8Array(plaintextLength(suite, effect.length) - PROBE_LENGTH);
      const body = innerFrames.mtuProbe.encode({ probeId: effect.probeId, padding });
      dataPlane.sendFrame(localSpi, path.endpoint, INNER_FRAME.mtuProbe, body);
    }
    this.#apply();
    // Last, because it may lead to another path.
    for (const effect of effects) if (effect.do === "narrow") onNarrow(path.endpoint, effect.isNarrow);
  }

  #apply(): void {
    const limit = this.#inUse?.search.limit ?? this.#limit;
    if (limit === this.#limit) return;
    this.#limit = limit;
    this.#options.dataPlane.setMaxDatagramLength(this.#options.localSpi, limit);
  }
}

/** The datagram of the longest packet that the device gives. */
export function longestDatagram(suite: 1 | 2): number {
  const { around, block } = PROTECTION[suite];
  const plaintext = DEVICE_MTU + 1;
  return around + (block === 0 ? plaintext : plaintext + block - plaintext % block);
}

/** The longest plaintext whose datagram is no longer than `length`. */
function plaintextLength(suite: 1 | 2, length: number): number {
  const { around, block } = PROTECTION[suite];
  const room = length - around;
  return block === 0 ? room : room - room % block - 1;
}
