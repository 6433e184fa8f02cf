/**
 * A relay (PROTOCOL.md section 12): forwards datagrams between two SPIs whose holders have tickets from the server.
 *
 * It holds no key that opens a packet and imports no code that could: what it needs to know about tickets is handed in.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { mappedIpv4 } from "../base/ip.ts";
import { SystemError } from "../ffi/errno.ts";
import { type BufferedStream, hostnameOf } from "../transport/stream.ts";
import { RelayGate } from "./gate.ts";
import { startLinuxForwarder } from "./start_linux.ts";
import { startPortableForwarder } from "./start_portable.ts";
import { RelayStreamListener } from "./stream_listener.ts";
import { RelayStreams, type RelayStreamsOptions } from "./streams.ts";
import type { BindingChange, ClassRates, Forwarder, ForwarderOptions, ForwardingStats } from "./types.ts";
import type { RelayAuthority, Revocation } from "./types.ts";

export type { ClassRates, ForwardingStats, RelayAuthority, Revocation } from "./types.ts";

/** Clients that may be bound at a time unless told otherwise. */
export const DEFAULT_CAPACITY = 16_384;

/** Where streams find a relay that listens on all addresses. */
const LOOPBACK = mappedIpv4(0x7f000001);

/** How often bindings that nobody repeated are ended. */
const SWEEP_MS = 2000;

/** How a relay is started. */
export interface RelayOptions {
  /** Where to listen, 16 bytes (IPv4 as ::ffff:a.b.c.d); left out = on all addresses. */
  address?: Uint8Array;
  /** UDP port, and TCP port for clients whose UDP is blocked; 0 = any. */
  port: number;
  /** 16 bytes, as tickets name it. */
  relayId: Uint8Array;
  /** What it asks about tickets. */
  authority: RelayAuthority;
  /** Most bindings at a time. Default {@linkcode DEFAULT_CAPACITY}. */
  capacity?: number;
  /** Limits per class, in kbit/s. Default: none besides those in tickets. */
  rates?: ClassRates;
  /** Time. */
  clock: Clock;
  /** Draws cookie secrets. */
  random: Random;
  /** Takes notes. */
  log: Logger;
  /** Which code forwards; "fast" needs Linux. Default: "fast" where it works. */
  forwarding?: "fast" | "portable";
}

/** What a status line shows of a relay. */
export interface RelayStats extends ForwardingStats {
  /** Clients that are bound now. */
  bindings: number;
  /** Streams of clients whose UDP is blocked. */
  streams: number;
}

/** A relay that runs. */
export interface Relay {
  /** Bound UDP port. */
  readonly port: number;
  /** Resolves with the reason if it ever ends by itself; never otherwise. */
  readonly failed: Promise<string>;
  /** Serves a stream behind its opening RELAY STREAM, and closes it when it is done. */
  serveStream(stream: BufferedStream): void;
  /** Forwards no more for these, nor for any ticket of theirs issued so far. */
  revoke(revocation: Revocation): void;
  /** Counters so far. */
  stats(): RelayStats;
  /** Ends it; resolves when its port is free. */
  stop(): Promise<void>;
}

/** Starts a relay. @throws {Error} where the port cannot be bound (SystemError EADDRINUSE, EACCES …) */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { clock, log, relayId, authority, random, capacity = DEFAULT_CAPACITY } = options;
  const gate = new RelayGate({ relayId, authority, random, capacity }, clock.now());
  const moment = () => ({ now: clock.now(), wallMs: clock.wallMs() });
  const failure = Promise.withResolvers<string>();
  const forwarder = startForwarder({
    ...(options.address === undefined ? {} : { address: options.address }),
    port: options.port,
    capacity,
    rates: options.rates ?? { low: 0, high: 0 },
    onControl(from, datagram) {
      const { answer, changes } = gate.receive(datagram, from, moment(), streams.serves(from));
      // Before the answer, so that whoever reads BOUND can send at once.
      apply(changes);
      if (answer !== null) forwarder.send(from, answer);
    },
    onFailed(reason) {
      log.error("relay failed", { reason });
      failure.resolve(reason);
    },
  }, options);
  const apply = (changes: BindingChange[]) => {
    for (const change of changes) forwarder.apply(change);
  };
  let cancelSweep = clock.after(SWEEP_MS, sweep);
  function sweep(): void {
    apply(gate.sweep(clock.now()));
    cancelSweep = clock.after(SWEEP_MS, sweep);
  }
  const streamOptions = { relay: { address: options.address ?? LOOPBACK, port: forwarder.port }, clock, log };
  const streams = new RelayStreams(streamOptions);
  const stopForwarding = () => {
    cancelSweep();
    return forwarder.stop();
  };
  let listener: RelayStreamListener | null;
  try {
    listener = listenForStreams(options, streams, streamOptions);
  } catch (error) {
    await stopForwarding();
    throw error;
  }
  log.info("relay ready", { port: forwarder.port });
  return {
    port: forwarder.port,
    failed: failure.promise,
    serveStream: (stream) => streams.serve(stream),
    revoke: (revocation) => apply(gate.revoke(revocation, moment())),
    stats: () => ({ ...forwarder.stats(), bindings: gate.bindingCount, streams: streams.count }),
    stop: async () => {
      await listener?.stop();
      await streams.stop();
      await stopForwarding();
    },
  };
}

/** Listens on the TCP port of the same number. Where no number was asked for and it is taken, the relay does without. */
function listenForStreams(
  { port, address, log }: RelayOptions,
  streams: RelayStreams,
  options: RelayStreamsOptions,
): RelayStreamListener | null {
  const number = options.relay.port;
  const hostname = address === undefined ? "0.0.0.0" : hostnameOf({ address, port: number });
  try {
    return new RelayStreamListener(Deno.listen({ hostname, port: number }), streams, options);
  } catch (error) {
    if (port !== 0) throw error;
    log.warn("relay does without a TCP port of its own", { port: number, error });
    return null;
  }
}

/** Where native calls are out of reach (another system, a libc that is not glibc) the runtime's sockets do it, slower. */
function startForwarder(options: ForwarderOptions, { forwarding, clock, log }: RelayOptions): Forwarder {
  const isFast = forwarding === undefined ? Deno.build.os === "linux" : forwarding === "fast";
  if (!isFast) return startPortableForwarder(options, () => clock.now());
  try {
    return startLinuxForwarder(options);
  } catch (error) {
    // A port that is taken is taken for everyone; what else fails here is a library that cannot be loaded.
    if (forwarding === "fast" || error instanceof SystemError) throw error;
    log.warn("relay forwards without native calls", { error });
    return startPortableForwarder(options, () => clock.now());
  }
}
