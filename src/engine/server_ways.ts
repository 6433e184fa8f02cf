/**
 * Streams to the server, by whatever way is open: the ladder of `ladder.ts` with the sockets it lacks.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { type Endpoint, mappedIpv4, parseIpv4, parseIpv6 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { connectThroughProxy, type HttpProxy } from "../transport/http_proxy.ts";
import { type BufferedStream, connectTcp } from "../transport/stream.ts";
import { startTlsClient } from "../transport/tls.ts";
import { Climb, Ladder, type Rung, rungName, rungsOf } from "./ladder.ts";

/** How long one way may take to open. */
const OPEN_TIMEOUT_MS = 10_000;

/** What ways are made of. */
export interface ServerWaysOptions {
  /** Name or literal address of the server, from its invite. */
  hostname: string;
  /** Its control port. */
  port: number;
  /** HTTP proxy; null = none. */
  proxy: HttpProxy | null;
  /** The way that worked last, as `remember` was told; null = none. */
  last: string | null;
  /** Keeps the way that works. */
  remember(name: string): void;
  /** Time. */
  clock: Clock;
  /** Where it tells which way it takes. */
  log: Logger;
}

/** A stream to the server and how it came about. */
export interface OpenedWay {
  /** Ready for the first frame. */
  stream: BufferedStream;
  /** By which way. */
  rung: Rung;
}

/** No way was open. */
export class NoWayError extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "NoWayError";
  /** Why each did not open, by the name of its rung. */
  readonly reasons: ReadonlyMap<string, string>;

  /** The message is the reason of the best way. */
  constructor(reasons: ReadonlyMap<string, string>) {
    super([...reasons.values()][0] ?? "there is no way to try");
    this.reasons = reasons;
  }
}

/** The ways to one server. */
export class ServerWays {
  readonly #options: ServerWaysOptions;
  readonly #ladder: Ladder;

  /** Opens nothing yet. */
  constructor(options: ServerWaysOptions) {
    this.#options = options;
    this.#ladder = new Ladder(rungsOf(options.port, null, options.proxy !== null), options.last);
  }

  /** In which order to try, for {@linkcode ServerWays.open}. */
  get order(): Rung[] {
    return this.#ladder.order;
  }

  /** The ways that are better than the one in use. */
  get better(): Rung[] {
    return this.#ladder.better;
  }

  /** Whether the way that worked last is another than plain TCP. */
  get isDetour(): boolean {
    return this.#ladder.order[0]?.way !== "tcp";
  }

  /** When to try the better ways, in monotonic ms; null = there are none. */
  get betterAt(): number | null {
    return this.#ladder.betterAt;
  }

  /** The server told where it speaks TLS; 0 = on its control port alone. */
  setTlsPort(tlsPort: number): void {
    this.#ladder.setRungs(rungsOf(this.#options.port, tlsPort, this.#options.proxy !== null));
  }

  /** There is a login by this way. */
  worked(rung: Rung): void {
    this.#ladder.worked(rung, this.#options.clock.now());
    this.#options.remember(rungName(rung));
    if (rung.way !== "tcp") this.#options.log.info("the server is reached by a detour", { way: rungName(rung) });
  }

  /** The better ways are tried now. */
  triesBetter(): void {
    this.#ladder.triesBetter(this.#options.clock.now());
  }

  /** An own address came, went or changed. */
  addressChanged(): void {
    this.#ladder.addressChanged(this.#options.clock.now());
  }

  /** Opens a stream by the first of `order` that opens. @throws {NoWayError}, or the reason of `signal` */
  async open(order: readonly Rung[], signal: AbortSignal): Promise<OpenedWay> {
    signal.throwIfAborted();
    const { clock } = this.#options;
    const climb = new Climb(order, clock.now());
    const reasons = new Map(order.map((rung) => [rungName(rung), "not tried"]));
    const done = new AbortController();
    const stop = AbortSignal.any([signal, done.signal]);
    const { promise, resolve, reject } = Promise.withResolvers<OpenedWay>();
    let cancelTimer = () => {};
    const advance = () => {
      cancelTimer();
      if (stop.aborted) return;
      for (let rung = climb.next(clock.now()); rung !== null; rung = climb.next(clock.now())) void attempt(rung);
      if (climb.hasFailed) return reject(new NoWayError(reasons));
      if (climb.wakeAt !== null) cancelTimer = clock.after(Math.max(0, climb.wakeAt - clock.now()), advance);
    };
    const attempt = async (rung: Rung) => {
      try {
        const stream = await this.#openRung(rung, stop);
        if (done.signal.aborted) return stream.close();
        done.abort();
        resolve({ stream, rung });
      } catch (error) {
        reasons.set(rungName(rung), error instanceof Error ? error.message : String(error));
        climb.failed(clock.now());
        advance();
      }
    };
    const giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp);
    advance();
    return await promise.finally(() => {
      cancelTimer();
      done.abort();
      signal.removeEventListener("abort", giveUp);
    });
  }

  async #openRung({ way, port }: Rung, stop: AbortSignal): Promise<BufferedStream> {
    const { hostname, proxy, clock } = this.#options;
    const target = { hostname, port };
    const first = way === "proxy" ? proxy! : target;
    const timeoutMs = OPEN_TIMEOUT_MS;
    const stream = await connectTcp({ hostname: first.hostname, port: first.port, timeoutMs, signal: stop });
    if (way === "tcp") return stream;
    const close = () => stream.close();
    stop.addEventListener("abort", close);
    const cancelTimer = clock.after(timeoutMs, close);
    try {
      stop.throwIfAborted();
      const through = way === "proxy" ? await connectThroughProxy(stream, proxy!, target) : stream;
      return seenAs(await startTlsClient(through, hostname), way === "proxy" ? endpointOf(hostname, port) : null);
    } catch (error) {
      stream.close();
      throw error;
    } finally {
      cancelTimer();
      stop.removeEventListener("abort", close);
    }
  }
}

/** Behind a proxy the other end of the connection is not the server. */
function seenAs(stream: BufferedStream, remote: Endpoint | null): BufferedStream {
  if (remote === null) return stream;
  const { local, read, readInto, write, close } = stream;
  return { local, remote, read, readInto, write, close };
}

/** Null for a name. */
function endpointOf(hostname: string, port: number): Endpoint | null {
  const quad = parseIpv4(hostname);
  const address = quad === null ? parseIpv6(hostname) : mappedIpv4(quad);
  return address === null ? null : { address, port };
}
