import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane, DataPlaneEvent } from "../dataplane/types.ts";
import type { PingReply } from "../ipc/schema.ts";
import { INNER_FRAME, innerFrames } from "../protocol/mod.ts";
import { sleep } from "./sleep.ts";
import type { Tunnel } from "./tunnel.ts";

/** How often a ping that finds no tunnel looks again. */
const LOOK_AGAIN_MS = 20;

/** What pings work with. */
export interface PingsOptions {
  /** Sends the probes. */
  dataPlane: Pick<DataPlane, "sendFrame">;
  /** Times them out. */
  clock: Clock;
  /** Draws their ids. */
  random: Random;
}

/** One ping, without its number. */
export type PingResult = Omit<PingReply, "sequence">;

const NO_ANSWER: PingResult = { rttMs: null, path: null, transport: null, endpoint: null };

/** Probes that somebody waits for. */
export class Pings {
  readonly #options: PingsOptions;
  readonly #waiting = new Map<bigint, (rttMs: number) => void>();

  /** None yet. */
  constructor(options: PingsOptions) {
    this.#options = options;
  }

  /** Hears what the data plane reports. */
  takeEvent(event: DataPlaneEvent): void {
    if (event.on === "probeAnswer") this.#waiting.get(event.probeId)?.(event.rttMs);
  }

  /**
   * Sends one probe along the tunnel's path and waits for its answer, or for `timeoutMs` or `signal` to end.
   *
   * @param tunnel gives the tunnel with a path, null while there is none: it is asked until there is
   */
  async ping(tunnel: () => Tunnel | null, timeoutMs: number, signal: AbortSignal): Promise<PingResult> {
    const { clock } = this.#options;
    const deadline = clock.now() + timeoutMs;
    let found = tunnel();
    while (found === null && clock.now() < deadline && !signal.aborted) {
      await sleep(clock, Math.min(LOOK_AGAIN_MS, deadline - clock.now()), signal);
      found = tunnel();
    }
    const link = found?.link() ?? null;
    if (found === null || link === null || signal.aborted) return NO_ANSWER;
    // A path that died while nobody used it is to be noticed now.
    found.tell({ on: "traffic" });
    const rttMs = await this.#probe(found.facts.localSpi, deadline - clock.now(), signal);
    return { rttMs, path: link.path, transport: link.transport, endpoint: link.endpoint };
  }

  async #probe(localSpi: number, timeoutMs: number, signal: AbortSignal): Promise<number | null> {
    const { dataPlane, clock, random } = this.#options;
    const probeId = random.bytes(8).reduce((id, byte) => (id << 8n) | BigInt(byte), 0n);
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(probeId, resolve);
    const body = innerFrames.probe.encode({ probeId, padding: new Uint8Array() });
    dataPlane.sendFrame(localSpi, null, INNER_FRAME.probe, body);
    const waiting = new AbortController();
    const timeout = sleep(clock, timeoutMs, AbortSignal.any([signal, waiting.signal])).then(() => null);
    try {
      return await Promise.race([promise, timeout]);
    } finally {
      this.#waiting.delete(probeId);
      waiting.abort();
    }
  }
}
