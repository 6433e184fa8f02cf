import type { Logger } from "../base/log.ts";
import type { Clock } from "../base/clock.ts";
import { encodePlainFrame, FRAME, GOODBYE, REFUSED, refused } from "../protocol/mod.ts";
import { tcpStream } from "../transport/stream.ts";
import { type ConnectionContext, ControlConnection, type ControlSocket } from "./control_connection.ts";
import { sourceOf, UnauthenticatedConnections } from "./rate_limits.ts";

/** What a listener needs besides the socket; each connection gets the rest of its context from the listener. */
export type ListenerContext = Omit<ConnectionContext, "source" | "onAuthenticated">;

const TICK_MS = 1000;

/** A tick that comes later than this was held up by work: whoever connects now is asked to come again. */
const STALL_MS = 500;

/** Clients that are turned away come back within so many seconds, each at a moment of its own. */
const MAX_RETRY_SECONDS = 30;

/** After a failed accept, out of descriptors mostly. */
const ACCEPT_PAUSE_MS = 100;

/** Connections get so long to be told that the server stops. */
const GOODBYE_MS = 1000;

/** Accepts control connections and serves them until it is stopped. */
export class ControlListener {
  readonly #listener: Deno.TcpListener;
  readonly #context: ListenerContext;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #unauthenticated = new UnauthenticatedConnections();
  readonly #connections = new Map<ControlConnection, Promise<void>>();
  #stalledMs = 0;
  #isStopped = false;

  /** Takes over a socket that listens already. */
  constructor(listener: Deno.TcpListener, context: ListenerContext) {
    this.#listener = listener;
    this.#context = context;
    this.#clock = context.world.clock;
    this.#log = context.world.log;
  }

  /** Serves until {@linkcode ControlListener.stop}. */
  async run(): Promise<void> {
    const cancelTicks = this.#startTicks();
    while (!this.#isStopped) {
      try {
        this.#serve(await this.#listener.accept());
      } catch (error) {
        if (this.#isStopped) break;
        this.#log.error("cannot accept a connection", { error });
        await this.#context.world.pause(ACCEPT_PAUSE_MS);
      }
    }
    cancelTicks();
  }

  /** Accepts nothing more, says goodbye to all, and waits until the last connection has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#listener.close();
    for (const connection of this.#connections.keys()) connection.dismiss(GOODBYE.serverStops, 0);
    const cancel = this.#clock.after(GOODBYE_MS, () => {
      for (const connection of this.#connections.keys()) connection.hangUp("server stops");
    });
    await Promise.all(this.#connections.values());
    cancel();
  }

  #serve(accepted: Deno.TcpConn): void {
    const socket = controlSocket(accepted);
    const source = sourceOf(socket.remote);
    if (this.#stalledMs > 0 || !this.#unauthenticated.admit(source)) return this.#turnAway(socket);
    let isCounted = true;
    const release = () => {
      if (isCounted) this.#unauthenticated.release(source);
      isCounted = false;
    };
    const connection = new ControlConnection(socket, { ...this.#context, source, onAuthenticated: release });
    const served = connection.run().finally(() => {
      release();
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, served);
  }

  /** Costs one small write and no cryptography. */
  #turnAway(socket: ControlSocket): void {
    const retryAfterSeconds = 1 + this.#context.world.random.below(MAX_RETRY_SECONDS);
    const frame = encodePlainFrame(FRAME.refused, refused.encode({ code: REFUSED.busy, retryAfterSeconds }));
    socket.write(frame).catch(() => {}).finally(() => socket.close());
  }

  /** One timer for all connections. */
  #startTicks(): () => void {
    let cancel = () => {};
    const arm = () => {
      const dueAt = this.#clock.now() + TICK_MS;
      cancel = this.#clock.after(TICK_MS, () => {
        const now = this.#clock.now();
        this.#stalledMs = now - dueAt > STALL_MS ? now - dueAt : 0;
        for (const connection of this.#connections.keys()) connection.tick(now, this.#stalledMs);
        arm();
      });
    };
    arm();
    return () => cancel();
  }
}

/** The runtime's connection as a control connection needs it: read into one small buffer, not into a new one each time. */
function controlSocket(connection: Deno.TcpConn): ControlSocket {
  connection.setNoDelay(true);
  const stream = tcpStream(connection);
  return {
    local: stream.local,
    remote: stream.remote,
    read: (buffer) => connection.read(buffer),
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}
