import { SystemError } from "../ffi/errno.ts";
import { closeDescriptor, sendMessage } from "../ffi/posix_linux.ts";
import { openSocketPair } from "../ffi/socket_pair_linux.ts";
import { openUdpDescriptor } from "../ffi/udp_linux.ts";
import { type Command, encodeCommand } from "./commands.ts";
import { COUNTER_COUNT, statsOf } from "./counters.ts";
import type { Forwarder, ForwarderOptions } from "./types.ts";
import type { WorkerMessage, WorkerStart } from "./worker_messages.ts";

const EAGAIN = 11;
const EPIPE = 32;

/** How soon commands that the worker had no room for are tried again. */
const RETRY_MS = 5;

/** Binds the port and starts the forwarding thread. @throws {SystemError} where the port cannot be bound */
export function startLinuxForwarder(options: ForwarderOptions): Forwarder {
  const socket = openUdpDescriptor(options.port, options.address);
  const [ours, theirs] = openSocketPair();
  const counters = new Float64Array(new SharedArrayBuffer(COUNTER_COUNT * Float64Array.BYTES_PER_ELEMENT));
  const taken = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const commands = new CommandWriter(ours);
  const worker = new Worker(new URL("./worker_linux.ts", import.meta.url), { type: "module" });
  const ended = new Promise<void>((resolve) => {
    const end = (reason?: string) => {
      commands.close();
      closeDescriptor(socket.descriptor);
      if (reason !== undefined) options.onFailed(reason);
      resolve();
    };
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.on !== "control") return end(data.on === "failed" ? data.reason : undefined);
      Atomics.add(taken, 0, 1);
      options.onControl(data.from, data.datagram);
    };
    worker.onerror = (event) => {
      // Otherwise the runtime would end the whole process.
      event.preventDefault();
      end(event.message);
    };
  });
  const { port, ...rest } = socket;
  const { capacity, rates } = options;
  const start: WorkerStart = {
    ...rest,
    commands: theirs,
    capacity,
    rates,
    counters: counters.buffer as SharedArrayBuffer,
    taken: taken.buffer as SharedArrayBuffer,
  };
  worker.postMessage(start);
  return {
    port,
    apply: (change) => commands.write(change),
    send: (to, datagram) => commands.write({ do: "send", to, datagram }),
    stats: () => statsOf(counters),
    stop: () => {
      commands.close();
      return ended;
    },
  };
}

/** Hands commands to the worker in order; none is lost while it is busy, and answers are dropped rather than piled up. */
class CommandWriter {
  readonly #descriptor: number;
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOpen = true;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(command: Command): void {
    if (!this.#isOpen || (command.do === "send" && this.#waiting.length > 0)) return;
    this.#waiting.push(encodeCommand(command));
    this.#flush();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    closeDescriptor(this.#descriptor);
  }

  #flush(): void {
    try {
      while (this.#isOpen && this.#waiting.length > 0) {
        sendMessage(this.#descriptor, this.#waiting[0]!);
        this.#waiting.shift();
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // Without a worker at the other end there is nothing to command; its end is reported elsewhere.
      if (error.errno === EPIPE) return;
      if (error.errno !== EAGAIN) throw error;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#flush(), RETRY_MS);
    }
  }
}
