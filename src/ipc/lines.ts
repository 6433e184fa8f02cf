import { fromUtf8, utf8 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";

/** Longest line in bytes, its line end included. A longer one ends the connection before it is held. */
export const MAX_LINE_LENGTH = 65536;

const LINE_FEED = 0x0a;

/** A connected byte stream: a Unix socket, later a named pipe. `Deno.Conn` is one. */
export interface ByteStream {
  /** Fills the front of `buffer` and resolves to the number of bytes, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes` and resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions; a pending `read` rejects or resolves to null. */
  close(): void;
}

/**
 * The lines of `stream` without their line ends, until it ends. What follows the last line end is not a line.
 * Throws `ProtocolError` on a line that is too long or not UTF-8.
 */
export async function* readLines(stream: ByteStream): AsyncGenerator<string> {
  const buffer = new Uint8Array(MAX_LINE_LENGTH);
  let held = 0;
  for (;;) {
    const count = await stream.read(buffer.subarray(held));
    if (count === null) return;
    const end = held + count;
    let start = 0;
    for (let at = held; at < end; at++) {
      if (buffer[at] !== LINE_FEED) continue;
      yield fromUtf8(buffer.subarray(start, at));
      start = at + 1;
    }
    buffer.copyWithin(0, start, end);
    held = end - start;
    if (held === buffer.length) throw new ProtocolError(`Cannot read a line: it is over ${MAX_LINE_LENGTH} bytes`);
  }
}

/** Writes lines one after another, whole, however many callers there are. */
export class LineWriter {
  readonly #stream: ByteStream;
  #last: Promise<void> = Promise.resolve();

  /** Does not own `stream`: closing it stays with the caller. */
  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Resolves when the line is handed to the system; rejects when the stream is closed. `line` holds no line end. */
  write(line: string): Promise<void> {
    const bytes = utf8(`${line}\n`);
    if (bytes.length > MAX_LINE_LENGTH) {
      return Promise.reject(new ProtocolError(`Cannot write a line: it is over ${MAX_LINE_LENGTH} bytes`));
    }
    this.#last = this.#last.then(() => this.#writeAll(bytes));
    return this.#last;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) written += await this.#stream.write(bytes.subarray(written));
  }
}
