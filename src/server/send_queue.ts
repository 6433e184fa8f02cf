import { concat } from "../base/bytes.ts";

/** Where a queue's bytes go. */
export interface ByteSink {
  /** Resolves when the system has taken all of `bytes`; one call at a time. */
  write(bytes: Uint8Array): Promise<void>;
}

/** Bytes that may wait besides those of a login's snapshot (PROTOCOL.md section 3). */
const MAX_QUEUED_LENGTH = 256 * 1024;

/** Small frames travel together up to about this length. */
const WRITE_LENGTH = 64 * 1024;

/**
 * What waits to be sent on a connection. Whoever reads too slowly is cut off: the server neither waits for it nor keeps
 * without limit what it was told.
 */
export class SendQueue {
  readonly #sink: ByteSink;
  readonly #onFailure: (reason: string) => void;
  #frames: Uint8Array[] = [];
  #queuedLength = 0;
  #exemptLength = 0;
  #isSnapshot = false;
  #running: Promise<void> | null = null;
  #hasFailed = false;

  /** `onFailure` is called once, when a write fails or too much waits. */
  constructor(sink: ByteSink, onFailure: (reason: string) => void) {
    this.#sink = sink;
    this.#onFailure = onFailure;
  }

  /** Adds a frame, which is not copied. */
  push(frame: Uint8Array): void {
    if (this.#hasFailed) return;
    this.#frames.push(frame);
    this.#queuedLength += frame.length;
    const countedLength = this.#isSnapshot ? 0 : this.#queuedLength - this.#exemptLength;
    if (countedLength > MAX_QUEUED_LENGTH) return this.#fail("too much is waiting to be sent");
    this.#running ??= this.#run();
  }

  /** What is pushed until {@linkcode SendQueue.endSnapshot} has no limit: it is as long as a client's networks are large. */
  beginSnapshot(): void {
    this.#isSnapshot = true;
  }

  /** From now on the limit holds for what is pushed behind the snapshot. */
  endSnapshot(): void {
    this.#isSnapshot = false;
    this.#exemptLength = this.#queuedLength;
  }

  /** Resolves when everything is written, or writing has failed. */
  async drained(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // What is pushed in the same turn of the event loop goes into the first write already.
    await Promise.resolve();
    try {
      while (this.#frames.length > 0 && !this.#hasFailed) await this.#writeSome();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    } finally {
      this.#running = null;
    }
  }

  async #writeSome(): Promise<void> {
    const batch: Uint8Array[] = [];
    let length = 0;
    while (length < WRITE_LENGTH && batch.length < this.#frames.length) {
      const frame = this.#frames[batch.length]!;
      batch.push(frame);
      length += frame.length;
    }
    this.#frames.splice(0, batch.length);
    await this.#sink.write(batch.length === 1 ? batch[0]! : concat(...batch));
    this.#queuedLength -= length;
    this.#exemptLength = Math.max(0, this.#exemptLength - length);
  }

  #fail(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#frames = [];
    this.#onFailure(reason);
  }
}
