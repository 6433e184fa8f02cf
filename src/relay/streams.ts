/**
 * Clients that reach a relay by a stream (PROTOCOL.md section 12.4). Each gets a UDP socket on this machine that stands for
 * it: to the relay it is a client like any other, with the same tickets and rates, and the part that forwards knows nothing of
 * streams. Streams are served on the main thread and can slow down nobody but each other.
 *
 * @module
 */
import { toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Endpoint, endpointKey, ipv4Of } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { BIND_LENGTH, DATAGRAM, RELAY_STREAM_FRAMING } from "../protocol/mod.ts";
import { bridgeDatagrams, type DatagramBridge } from "../transport/datagram_bridge.ts";
import type { BufferedStream } from "../transport/stream.ts";
import { BINDING_LIFETIME_MS } from "./binding_table.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Streams at a time, of all clients and of one address (/64 of IPv6). Each costs two descriptors. */
const MAX_STREAMS = 4096;
const MAX_STREAMS_PER_SOURCE = 32;

/** How long a stream may live without a binding. */
const BIND_WITHIN_MS = 10_000;

/** BINDs of one stream: to the relay all streams come from the same machine, so that they share its limits. */
const BINDS_PER_SECOND = 10;
const BIND_BURST = 128;

/** What streams are served with. */
export interface RelayStreamsOptions {
  /** Where the relay's UDP socket is found from this machine. */
  relay: Endpoint;
  /** Time. */
  clock: Clock;
  /** Takes notes. */
  log: Logger;
}

interface Served {
  bridge: DatagramBridge;
  cancelEnd: () => void;
}

/** All streams of one relay. */
export class RelayStreams {
  readonly #options: RelayStreamsOptions;
  readonly #served = new Set<Served>();
  readonly #endpoints = new Set<string>();
  readonly #perSource = new Map<string, number>();
  readonly #ending = new Set<Promise<unknown>>();

  /** None yet. */
  constructor(options: RelayStreamsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get count(): number {
    return this.#served.size;
  }

  /** Whether the relay finds a stream of ours at `endpoint`. */
  serves(endpoint: Endpoint): boolean {
    return this.#endpoints.has(endpointKey(endpoint));
  }

  /** Serves a stream whose opening has been read already, or closes it where there are too many. */
  serve(stream: BufferedStream): void {
    const { relay, log } = this.#options;
    const source = sourceOf(stream.remote);
    const count = this.#perSource.get(source) ?? 0;
    if (this.#served.size >= MAX_STREAMS || count >= MAX_STREAMS_PER_SOURCE) return stream.close();
    const binds = new TokenBucket(BINDS_PER_SECOND, BIND_BURST, this.#options.clock.now());
    try {
      const served: Served = {
        bridge: bridgeDatagrams({
          stream,
          framing: RELAY_STREAM_FRAMING,
          peer: relay,
          mayEnter: (datagram) => datagram.length !== BIND_LENGTH || binds.take(1, this.#options.clock.now()),
          onLeaving: (datagram) => isBound(datagram) ? this.#endAfter(served, 2 * BINDING_LIFETIME_MS) : undefined,
        }),
        cancelEnd: () => {},
      };
      this.#served.add(served);
      this.#endpoints.add(endpointKey(served.bridge.endpoint));
      this.#perSource.set(source, count + 1);
      this.#endAfter(served, BIND_WITHIN_MS);
      this.#watch(served, source);
    } catch (error) {
      log.warn("a relay stream has to be refused", { error });
      stream.close();
    }
  }

  /** Ends all; resolves when nothing of them is left. */
  async stop(): Promise<void> {
    for (const { bridge } of this.#served) bridge.close();
    await Promise.all(this.#ending);
  }

  #watch(served: Served, source: string): void {
    const ending = served.bridge.ended.then((reason) => {
      this.#options.log.debug("relay stream ended", { reason });
      served.cancelEnd();
      this.#served.delete(served);
      this.#endpoints.delete(endpointKey(served.bridge.endpoint));
      const left = this.#perSource.get(source)! - 1;
      if (left === 0) this.#perSource.delete(source);
      else this.#perSource.set(source, left);
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
  }

  #endAfter(served: Served, ms: number): void {
    served.cancelEnd();
    served.cancelEnd = this.#options.clock.after(ms, () => served.bridge.close());
  }
}

/** Whoever stands behind an address: an IPv6 customer has a whole /64. */
function sourceOf(endpoint: Endpoint): string {
  return toHex(ipv4Of(endpoint) === null ? endpoint.address.subarray(0, 8) : endpoint.address);
}

function isBound(datagram: Uint8Array): boolean {
  return datagram.length > 4 && datagram[4] === DATAGRAM.bound && datagram.subarray(0, 4).every((byte) => byte === 0);
}
