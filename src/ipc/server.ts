import { ProtocolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type ByteStream, LineWriter, readLines } from "./lines.ts";
import { decodeRequest } from "./frames.ts";
import { Requests } from "./requests.ts";
import type { EngineControl } from "./schema.ts";
import { listenControl } from "./socket.ts";

/** Enough for a screen that refreshes while a few commands run. */
const MAX_CONNECTIONS = 64;

/** How long `stop` waits for replies in the making: one of them may wait for the engine that is being stopped. */
const FLUSH_MS = 1000;

/** What `serveControl` takes. */
export interface ControlServerOptions {
  /** The engine's state folder; it exists and is locked by this engine. */
  stateDir: string;
  /** What requests are answered with. */
  control: EngineControl;
  /** Malformed requests and internal errors go here. */
  log: Logger;
}

/** A running control server. */
export interface ControlServer {
  /** The socket it listens on. */
  readonly path: string;
  /**
   * Takes no more connections, ends streams, lets replies in the making leave (at most a second), removes the socket.
   * May be called again.
   */
  stop(): Promise<void>;
}

/** Serves `control` on the socket of `stateDir`. Throws `UserError` when another engine answers there. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { listener, path } = await listenControl(options.stateDir);
  const stopping = new AbortController();
  const connections = new Set<Promise<void>>();
  const serve = (stream: ByteStream) => {
    if (connections.size >= MAX_CONNECTIONS) return stream.close();
    const served: Promise<void> = serveStream(stream, options.control, options.log, stopping.signal)
      .finally(() => connections.delete(served));
    connections.add(served);
  };
  const accepting = acceptEach(listener, serve);
  const stop = async () => {
    stopping.abort();
    listener.close(); // Deno removes the socket's file with it
    await accepting;
    await Promise.all(connections);
  };
  let stopped: Promise<void> | undefined;
  return { path, stop: () => stopped ??= stop() };
}

/** Ends when the listener is closed. */
async function acceptEach(listener: Deno.Listener, serve: (stream: ByteStream) => void): Promise<void> {
  for await (const connection of listener) serve(connection);
}

/**
 * Answers the requests of one connection until it ends, sends nonsense, or `signal` aborts and the replies in the making
 * have left. What is open when the other end goes away is abandoned. Never rejects: a fault ends this connection only.
 */
export async function serveStream(
  stream: ByteStream,
  control: EngineControl,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const requests = new Requests(new LineWriter(stream), control, log);
  let isClosed = false;
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    stream.close();
  };
  const onStop = () => settledWithin(FLUSH_MS, requests.finish()).then(close);
  signal.addEventListener("abort", onStop);
  try {
    for await (const line of readLines(stream)) requests.accept(decodeRequest(line));
  } catch (error) {
    if (error instanceof ProtocolError) log.warn("refused a control connection", { error });
  } finally {
    signal.removeEventListener("abort", onStop);
    requests.abandon();
    close();
  }
}

async function settledWithin(ms: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([work, tooLate]);
  clearTimeout(timer);
}
