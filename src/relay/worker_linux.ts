/**
 * The thread that forwards. It blocks in epoll on the socket and on the main thread's commands, and ends when those end.
 *
 * @module
 */
import { Poller, VectorPort } from "../ffi/libc_linux.ts";
import { IO_VECTOR_LENGTH, IoVectors } from "../ffi/io_vectors.ts";
import { NativeMemory } from "../ffi/native_memory.ts";
import { closeDescriptor } from "../ffi/posix_linux.ts";
import { decodeCommand, MAX_COMMAND_LENGTH } from "./commands.ts";
import { LinuxForwarder } from "./forwarder_linux.ts";
import type { WorkerMessage, WorkerStart } from "./worker_messages.ts";

const EAGAIN = 11;
const EINTR = 4;

/** Control datagrams that may lie before the main thread, and how many of them may be strangers'. */
const MAX_WAITING = 1024;
const MAX_WAITING_STRANGERS = 512;

const VECTORS_AT = Poller.EVENTS_LENGTH;
const COMMAND_AT = VECTORS_AT + 2 * IO_VECTOR_LENGTH;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<WorkerStart>) => void) | null;
  postMessage(message: WorkerMessage): void;
  close(): void;
};

scope.onmessage = ({ data }) => {
  try {
    run(data);
    scope.postMessage({ on: "stopped" });
  } catch (error) {
    scope.postMessage({ on: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
  scope.close();
};

function run(start: WorkerStart): void {
  const counters = new Float64Array(start.counters);
  const taken = new Int32Array(start.taken);
  let posted = 0;
  const forwarder = new LinuxForwarder({
    ...start,
    counters,
    mayTake: (isRenewal) => ((posted - Atomics.load(taken, 0)) | 0) < (isRenewal ? MAX_WAITING : MAX_WAITING_STRANGERS),
    onControl: (from, datagram) => {
      posted = (posted + 1) | 0;
      scope.postMessage({ on: "control", from, datagram });
    },
  });
  const memory = new NativeMemory(COMMAND_AT + MAX_COMMAND_LENGTH);
  const vectors = new IoVectors(memory, VECTORS_AT, 2);
  vectors.set(0, COMMAND_AT, MAX_COMMAND_LENGTH);
  const commands = new VectorPort(memory, start.commands, VECTORS_AT, VECTORS_AT + IO_VECTOR_LENGTH);
  const poller = new Poller(memory, 0, [start.descriptor, start.commands]);
  try {
    do {
      const ready = poller.wait(-1);
      if (ready < 0 && ready !== -EINTR) throw new Error(`Cannot wait for datagrams: errno ${-ready}`);
      forwarder.work();
    } while (obey(forwarder, () => commands.read(1), memory));
  } finally {
    closeDescriptor(poller.descriptor);
    closeDescriptor(start.commands);
  }
}

/** Carries out what the main thread has asked for; false when it has hung up. */
function obey(forwarder: LinuxForwarder, read: () => number, memory: NativeMemory): boolean {
  for (;;) {
    const length = read();
    if (length === -EAGAIN || length === -EINTR) return true;
    if (length <= 0) return false;
    const command = decodeCommand(memory.bytes.subarray(COMMAND_AT, COMMAND_AT + length));
    if (command.do === "set") forwarder.set(command.binding);
    else if (command.do === "clear") forwarder.clear(command.spi);
    else forwarder.send(command.to, command.datagram);
  }
}
