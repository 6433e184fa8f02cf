/**
 * Streams to relays, for tunnels whose UDP does not get through (docs/PROTOCOL.md, section 12.4). One stream per relay serves
 * all tunnels; to the data plane it is an endpoint on this machine like any other.
 *
 * @module
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type Endpoint, formatEndpoint, mappedIpv4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { RELAY_STREAM_FRAMING, RELAY_STREAM_OPENING } from "../protocol/mod.ts";
import { bridgeDatagrams, type DatagramBridge } from "../transport/datagram_bridge.ts";
import { type BufferedStream, connectTcp, hostnameOf } from "../transport/stream.ts";
import type { ServerWays } from "./server_ways.ts";
import { sleep } from "./sleep.ts";

const LOOPBACK = mappedIpv4(0x7f000001);

/** How long a connection to a relay's own port may take. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Pauses between tries; the last one repeats. */
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

/** A stream that no tunnel uses is kept so long. */
const IDLE_MS = 15_000;

/** A stream that is open. */
export interface RelayStream {
  /** Where the data plane finds it. */
  endpoint: Endpoint;
  /** What carries it. */
  transport: "tcp" | "tls";
  /** Where it leads. */
  relay: Endpoint;
}

/** A relay as RENDEZVOUS names it. */
export interface RelayPlace {
  /** 16 bytes. */
  readonly relayId: Uint8Array;
  /** Where it is found by UDP; its TCP port has the same number. */
  readonly endpoints: readonly Endpoint[];
}

/** Whoever is told of streams; a tunnel. */
export interface StreamUser {
  /** A stream to the relay is there, or is gone: null. */
  streamChanged(relayId: Uint8Array, stream: RelayStream | null): void;
}

/** What streams are made of. */
export interface RelayStreamsOptions {
  /** Ways to the server, which serves streams for its own relay. */
  ways: Pick<ServerWays, "open" | "order">;
  /** UDP port of the data plane. */
  dataPlanePort: number;
  /** Time. */
  clock: Clock;
  /** Where it tells of streams. */
  log: Logger;
}

interface Held {
  place: RelayPlace;
  users: Set<StreamUser>;
  abort: AbortController;
  stream: RelayStream | null;
  bridge: DatagramBridge | null;
  cancelIdle: () => void;
}

/** The streams of this engine to the relays of one server. */
export class RelayStreams {
  readonly #options: RelayStreamsOptions;
  readonly #held = new Map<string, Held>();
  readonly #running = new Set<Promise<void>>();
  #serverRelayId: Uint8Array | null = null;
  #isUdpSilent = false;

  /** None yet. */
  constructor(options: RelayStreamsOptions) {
    this.#options = options;
  }

  /** Whether the server hears nothing from us by UDP, so that no relay will. */
  isUdpSilent(): boolean {
    return this.#isUdpSilent;
  }

  /** Discovery tells. */
  setUdpSilent(isUdpSilent: boolean): void {
    this.#isUdpSilent = isUdpSilent;
  }

  /** The server serves streams for this relay. */
  setServerRelay(relayId: Uint8Array): void {
    this.#serverRelayId = relayId;
  }

  /** Opens a stream to the relay, where there is none, and tells `user` when it is there. */
  use(place: RelayPlace, user: StreamUser): void {
    const key = toHex(place.relayId);
    const held = this.#held.get(key) ?? this.#hold(key, place);
    held.cancelIdle();
    if (held.users.has(user)) return;
    held.users.add(user);
    if (held.stream !== null) user.streamChanged(place.relayId, held.stream);
  }

  /** `user` needs the stream no longer. */
  leave({ relayId }: RelayPlace, user: StreamUser): void {
    const held = this.#held.get(toHex(relayId));
    if (held === undefined || !held.users.delete(user) || held.users.size > 0) return;
    held.cancelIdle();
    held.cancelIdle = this.#options.clock.after(IDLE_MS, () => this.#drop(held));
  }

  /** Nothing comes through the stream any more: another one is opened. */
  died({ relayId }: RelayPlace): void {
    this.#held.get(toHex(relayId))?.bridge?.close();
  }

  /** Closes all; resolves when nothing of them is left. */
  async stop(): Promise<void> {
    for (const held of this.#held.values()) this.#drop(held);
    await Promise.all(this.#running);
  }

  #hold(key: string, place: RelayPlace): Held {
    const held: Held = {
      place: { relayId: place.relayId, endpoints: place.endpoints },
      users: new Set(),
      abort: new AbortController(),
      stream: null,
      bridge: null,
      cancelIdle: () => {},
    };
    this.#held.set(key, held);
    const running = this.#keepOpen(held).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return held;
  }

  #drop(held: Held): void {
    held.cancelIdle();
    held.abort.abort();
    held.bridge?.close();
    const key = toHex(held.place.relayId);
    if (this.#held.get(key) === held) this.#held.delete(key);
  }

  async #keepOpen(held: Held): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = held.abort;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#serve(held);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        log.debug("no stream to the relay", { error });
      }
      await sleep(clock, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]!, signal);
    }
  }

  /** Opens a stream and resolves when it has ended. */
  async #serve(held: Held): Promise<void> {
    const { dataPlanePort, log } = this.#options;
    const { place, abort: { signal } } = held;
    const { stream, transport } = await this.#open(place, signal);
    try {
      await stream.write(RELAY_STREAM_OPENING);
      signal.throwIfAborted();
      const peer = { address: LOOPBACK, port: dataPlanePort };
      held.bridge = bridgeDatagrams({ stream, framing: RELAY_STREAM_FRAMING, peer });
    } catch (error) {
      stream.close();
      throw error;
    }
    log.info("a stream to the relay is open", { transport, relay: formatEndpoint(stream.remote) });
    held.stream = { endpoint: held.bridge.endpoint, transport, relay: stream.remote };
    this.#tell(held);
    const reason = await held.bridge.ended;
    log.info("the stream to the relay has ended", { reason });
    held.bridge = held.stream = null;
    this.#tell(held);
  }

  #tell({ place, users, stream }: Held): void {
    for (const user of [...users]) user.streamChanged(place.relayId, stream);
  }

  async #open(
    { relayId, endpoints }: RelayPlace,
    signal: AbortSignal,
  ): Promise<{ stream: BufferedStream; transport: "tcp" | "tls" }> {
    if (this.#serverRelayId !== null && equalBytes(relayId, this.#serverRelayId)) {
      const { ways } = this.#options;
      const { stream, rung } = await ways.open(ways.order, signal);
      return { stream, transport: rung.way === "tcp" ? "tcp" : "tls" };
    }
    let failure: unknown;
    for (const endpoint of endpoints) {
      const target = { hostname: hostnameOf(endpoint), port: endpoint.port };
      try {
        return { stream: await connectTcp({ ...target, timeoutMs: CONNECT_TIMEOUT_MS, signal }), transport: "tcp" };
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }
}
