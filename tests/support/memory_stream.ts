import type { ByteStream } from "../../src/ipc/lines.ts";

/** How a stream cuts what is written. */
export interface MemoryStreamOptions {
  /** Most bytes that one `read` or `write` moves; default: as many as fit. */
  chunk?: number;
}

/** Two ends of a byte stream; what one writes the other reads. Closing one ends the other's reads. */
export function memoryStreamPair(options: MemoryStreamOptions = {}): [ByteStream, ByteStream] {
  const [there, back] = [new Pipe(options.chunk ?? Infinity), new Pipe(options.chunk ?? Infinity)];
  return [end(there, back), end(back, there)];
}

function end(incoming: Pipe, outgoing: Pipe): ByteStream {
  return {
    read: (buffer) => incoming.read(buffer),
    write: (bytes) => outgoing.write(bytes),
    close: () => {
      incoming.close();
      outgoing.close();
    },
  };
}

class Pipe {
  readonly #chunk: number;
  #held = new Uint8Array(0);
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(chunk: number) {
    this.#chunk = chunk;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#held.length === 0) {
      if (this.#isClosed) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const taken = this.#held.subarray(0, Math.min(this.#chunk, buffer.length));
    buffer.set(taken);
    this.#held = this.#held.slice(taken.length);
    return taken.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BrokenPipe("closed"));
    const taken = bytes.subarray(0, Math.min(this.#chunk, bytes.length));
    this.#held = new Uint8Array([...this.#held, ...taken]);
    this.#wake();
    return Promise.resolve(taken.length);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }
}
