import type { LabHost } from "./lab.ts";

/** What a capture saw. */
export interface CaptureReport {
  /** Frames read. */
  frameCount: number;
  /** Frames lost because they came faster than they were read. */
  lostCount: number;
  /** Bytes read. */
  byteCount: number;
  /** In how many frames each of the searched texts was found. */
  found: Record<string, number>;
}

/** What the worker is told. */
export interface CaptureOrder {
  /** A path that leads to the namespace. */
  namespacePath: string;
  /** ASCII texts to search for. */
  texts: string[];
  /** One word; set to 1 to end the capture. */
  stop: Int32Array<SharedArrayBuffer>;
}

/** What the worker answers. */
export type CaptureAnswer = { is: "ready" } | { is: "ended"; report: CaptureReport } | { is: "failed"; reason: string };

/** Listens to everything that enters a host, on a thread of its own, and searches it for texts. */
export class Capture {
  readonly #worker: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<CaptureReport>();

  private constructor() {
    this.#worker = new Worker(new URL("./capture_worker.ts", import.meta.url), { type: "module" });
    this.#ended.promise.catch(() => {}); // Whoever stops the capture hears of it.
    this.#worker.onmessage = ({ data }: MessageEvent<CaptureAnswer>) => {
      if (data.is === "ready") this.#ready.resolve();
      else if (data.is === "ended") this.#ended.resolve(data.report);
      else this.#fail(new Error(data.reason));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(event.message));
    };
  }

  /** Starts a capture for `texts`, each at least 4 ASCII characters; resolves when it listens. @throws {Error} */
  static async start(host: LabHost, texts: string[]): Promise<Capture> {
    const capture = new Capture();
    const namespacePath = `/proc/self/fd/${host.namespace.descriptor}`;
    capture.#worker.postMessage({ namespacePath, texts, stop: capture.#stop } satisfies CaptureOrder);
    await capture.#ready.promise;
    return capture;
  }

  /** Ends the capture after what has arrived by now is read. @throws {Error} when it failed */
  async stop(): Promise<CaptureReport> {
    Atomics.store(this.#stop, 0, 1);
    try {
      return await this.#ended.promise;
    } finally {
      this.#worker.terminate();
    }
  }

  #fail(error: Error): void {
    this.#worker.terminate();
    this.#ready.reject(error);
    this.#ended.reject(error);
  }
}
