import { SystemError } from "../ffi/errno.ts";
import { closeDescriptor, sendMessage } from "../ffi/posix_linux.ts";
import { type Command, encodeCommand } from "./commands.ts";

const RETRY_MS = 1;
const EAGAIN = 11;
const EPIPE = 32;

/** Sends commands to the worker in order; what the descriptor does not take at once waits here. */
export class CommandSender {
  readonly #descriptor: number;
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** Takes over the main thread's end of a socket pair. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Sends a command as soon as the worker has room for it; nothing once it was closed. */
  send(command: Command): void {
    if (this.#isClosed) return;
    const message = encodeCommand(command);
    if (this.#waiting.length === 0 && this.#trySend(message)) return;
    this.#waiting.push(message);
    this.#timer ??= setTimeout(() => this.#retry(), RETRY_MS);
  }

  #retry(): void {
    this.#timer = undefined;
    while (this.#waiting.length > 0 && this.#trySend(this.#waiting[0]!)) this.#waiting.shift();
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#retry(), RETRY_MS);
  }

  /** Whether the message is out of our hands. */
  #trySend(message: Uint8Array<ArrayBuffer>): boolean {
    try {
      sendMessage(this.#descriptor, message);
    } catch (error) {
      if (error instanceof SystemError && error.errno === EAGAIN) return false;
      // The worker has ended by itself and said so; what it is told now is lost on nobody.
      if (!(error instanceof SystemError && error.errno === EPIPE)) throw error;
    }
    // It may have held keys.
    message.fill(0);
    return true;
  }

  /** Drops what waits and closes the descriptor. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    closeDescriptor(this.#descriptor);
  }
}
