import type { Logger } from "../base/log.ts";
import type { Clock } from "../base/clock.ts";
import { encodePlainFrame, FRAME, GOODBYE, REFUSED, refused } from "../protocol/mod.ts";
import { type BufferedStream, tcpStream } from "../transport/stream.ts";
import type { TlsCertificate } from "../transport/tls.ts";
import { type ConnectionContext, ControlConnection, type ControlSocket } from "./control_connection.ts";
import { receiveVisitor } from "./front_door.ts";
import { retrySpreadSeconds, sourceOf, UnauthenticatedConnections } from "./rate_limits.ts";

/** What a listener needs besides the socket; each connection gets the rest of its context from the listener. */
export interface ListenerContext extends Omit<ConnectionContext, "source" | "onAuthenticated"> {
  /** Shown to those who speak TLS. */
  certificate: TlsCertificate;
  /** Takes over a relay stream behind its opening. */
  serveRelayStream(stream: BufferedStream): void;
}

/** Sockets that listen already. */
export interface ControlSockets {
  /** For everybody. */
  control: Deno.TcpListener;
  /** For those whom only TLS reaches; null = there is none. */
  tls: Deno.TcpListener | null;
}

const TICK_MS = 1000;

/** A tick that comes later than this was held up by work: whoever connects now is asked to come again. */
const STALL_MS = 500;

/** After a failed accept, out of descriptors mostly. */
const ACCEPT_PAUSE_MS = 100;

/** A visitor says within this time what it wants. */
const VISIT_MS = 5000;

/** Connections get so long to be told that the server stops. */
const GOODBYE_MS = 1000;

/** Accepts connections and serves them until it is stopped. */
export class ControlListener {
  readonly #sockets: ControlSockets;
  readonly #context: ListenerContext;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #unauthenticated = new UnauthenticatedConnections();
  readonly #visits = new Map<BufferedStream, Promise<void>>();
  readonly #connections = new Map<ControlConnection, Promise<void>>();
  #stalledMs = 0;
  /** Since the last tick at which nothing was held up. */
  #turnedAwayCount = 0;
  #isStopped = false;

  /** Takes over the sockets. */
  constructor(sockets: ControlSockets, context: ListenerContext) {
    this.#sockets = sockets;
    this.#context = context;
    this.#clock = context.world.clock;
    this.#log = context.world.log;
  }

  /** Serves until {@linkcode ControlListener.stop}. */
  async run(): Promise<void> {
    const cancelTicks = this.#startTicks();
    const { control, tls } = this.#sockets;
    await Promise.all([this.#accept(control, false), tls === null ? undefined : this.#accept(tls, true)]);
    cancelTicks();
  }

  /** Accepts nothing more, says goodbye to all, and waits until the last connection has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#sockets.control.close();
    this.#sockets.tls?.close();
    for (const stream of this.#visits.keys()) stream.close();
    await Promise.all(this.#visits.values());
    for (const connection of this.#connections.keys()) connection.dismiss(GOODBYE.serverStops, 0);
    const cancel = this.#clock.after(GOODBYE_MS, () => {
      for (const connection of this.#connections.keys()) connection.hangUp("server stops");
    });
    await Promise.all(this.#connections.values());
    cancel();
  }

  async #accept(listener: Deno.TcpListener, isTlsOnly: boolean): Promise<void> {
    while (!this.#isStopped) {
      try {
        const connection = await listener.accept();
        connection.setNoDelay(true);
        this.#admit(tcpStream(connection), isTlsOnly);
      } catch (error) {
        if (this.#isStopped) break;
        this.#log.error("cannot accept a connection", { error });
        await this.#context.world.pause(ACCEPT_PAUSE_MS);
      }
    }
  }

  #admit(stream: BufferedStream, isTlsOnly: boolean): void {
    const source = sourceOf(stream.remote);
    if (this.#stalledMs > 0 || !this.#unauthenticated.admit(source)) return this.#turnAway(stream, isTlsOnly);
    let isCounted = true;
    const release = () => {
      if (isCounted) this.#unauthenticated.release(source);
      isCounted = false;
    };
    this.#visits.set(stream, this.#receive(stream, isTlsOnly, release).finally(() => this.#visits.delete(stream)));
  }

  async #receive(stream: BufferedStream, isTlsOnly: boolean, release: () => void): Promise<void> {
    const { certificate, serveRelayStream, world } = this.#context;
    const cancel = this.#clock.after(VISIT_MS, () => stream.close());
    const visitor = await receiveVisitor(stream, { isTlsOnly, certificate, wallMs: () => world.clock.wallMs() });
    cancel();
    if (visitor !== null && visitor.wants === "login" && !this.#isStopped) return this.#serve(visitor.stream, release);
    release();
    if (visitor === null) return;
    if (this.#isStopped) visitor.stream.close();
    else serveRelayStream(visitor.stream);
  }

  #serve(stream: BufferedStream, release: () => void): void {
    const source = sourceOf(stream.remote);
    const connection = new ControlConnection(controlSocket(stream), {
      ...this.#context,
      source,
      onAuthenticated: release,
    });
    const served = connection.run().finally(() => {
      release();
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, served);
  }

  /** Costs one small write and no cryptography. */
  #turnAway(stream: BufferedStream, isTlsOnly: boolean): void {
    if (isTlsOnly) return stream.close();
    const spreadSeconds = retrySpreadSeconds(++this.#turnedAwayCount);
    const retryAfterSeconds = 1 + this.#context.world.random.below(spreadSeconds);
    const frame = encodePlainFrame(FRAME.refused, refused.encode({ code: REFUSED.busy, retryAfterSeconds }));
    stream.write(frame).catch(() => {}).finally(() => stream.close());
  }

  /** One timer for all connections. */
  #startTicks(): () => void {
    let cancel = () => {};
    const arm = () => {
      const dueAt = this.#clock.now() + TICK_MS;
      cancel = this.#clock.after(TICK_MS, () => {
        const now = this.#clock.now();
        this.#stalledMs = now - dueAt > STALL_MS ? now - dueAt : 0;
        if (this.#stalledMs === 0) this.#turnedAwayCount = 0;
        for (const connection of this.#connections.keys()) connection.tick(now, this.#stalledMs);
        arm();
      });
    };
    arm();
    return () => cancel();
  }
}

/** A stream as a control connection needs it: read into one small buffer, not into a new one each time. */
function controlSocket(stream: BufferedStream): ControlSocket {
  return {
    local: stream.local,
    remote: stream.remote,
    read: (buffer) => stream.readInto(buffer),
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}
