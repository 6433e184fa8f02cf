/**
 * The relay's own TCP port (PROTOCOL.md section 12.4).
 *
 * @module
 */
import { RELAY_STREAM_OPENING } from "../protocol/mod.ts";
import { type BufferedStream, tcpStream } from "../transport/stream.ts";
import type { RelayStreams, RelayStreamsOptions } from "./streams.ts";

/** How long a client may take for the opening on the relay's own port, and how many may be at it. */
const OPEN_WITHIN_MS = 5000;
const MAX_OPENING = 256;

/** After a failed accept, out of descriptors mostly. */
const ACCEPT_PAUSE_MS = 100;

/** Accepts clients on a port of the relay's own. */
export class RelayStreamListener {
  readonly #listener: Deno.TcpListener;
  readonly #streams: RelayStreams;
  readonly #options: RelayStreamsOptions;
  readonly #opening = new Map<BufferedStream, Promise<void>>();
  readonly #running: Promise<void>;
  #cancelPause = () => {};
  #isStopped = false;

  /** Takes over a socket that listens, and accepts from now on. */
  constructor(listener: Deno.TcpListener, streams: RelayStreams, options: RelayStreamsOptions) {
    this.#listener = listener;
    this.#streams = streams;
    this.#options = options;
    this.#running = this.#run();
  }

  /** Accepts nothing more; those that are served already are for the caller to end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#listener.close();
    this.#cancelPause();
    for (const stream of this.#opening.keys()) stream.close();
    await Promise.all([this.#running, ...this.#opening.values()]);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const connection = await this.#listener.accept();
        connection.setNoDelay(true);
        const stream = tcpStream(connection);
        if (this.#opening.size >= MAX_OPENING) stream.close();
        else this.#opening.set(stream, this.#open(stream).finally(() => this.#opening.delete(stream)));
      } catch (error) {
        if (this.#isStopped) return;
        this.#options.log.error("cannot accept a relay stream", { error });
        await this.#pause();
      }
    }
  }

  async #open(stream: BufferedStream): Promise<void> {
    const cancel = this.#options.clock.after(OPEN_WITHIN_MS, () => stream.close());
    const opened = await receiveOpening(stream).finally(cancel);
    if (opened !== null && !this.#isStopped) this.#streams.serve(opened);
    else stream.close();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ACCEPT_PAUSE_MS, resolve);
      this.#cancelPause = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** Reads the opening, which has to come first; null where something else does, and the stream is closed then. */
async function receiveOpening(stream: BufferedStream): Promise<BufferedStream | null> {
  const opening = new Uint8Array(RELAY_STREAM_OPENING.length);
  for (let length = 0; length < opening.length;) {
    const count = await stream.readInto(opening.subarray(length)).catch(() => null);
    const isRight = count !== null &&
      opening.subarray(length, length + count).every((byte, index) => byte === RELAY_STREAM_OPENING[length + index]);
    if (!isRight) {
      stream.close();
      return null;
    }
    length += count;
  }
  return stream;
}
