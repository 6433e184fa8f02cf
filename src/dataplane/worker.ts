/**
 * The packet thread. It owns the device and the socket, blocks in one epoll_wait by FFI, runs to completion and awaits
 * nothing; commands come as messages on a third descriptor, which is also what wakes it.
 *
 * @module
 */
/// <reference lib="deno.worker" />
import { systemRandom } from "../base/random.ts";
import { BootClock, DatagramPort, Poller, VectorPort } from "../ffi/libc_linux.ts";
import { SystemError } from "../ffi/errno.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { closeDescriptor, receiveMessage } from "../ffi/posix_linux.ts";
import { openUdpDescriptor } from "../ffi/udp_linux.ts";
import { chooseAeads, measureAeads } from "./aead_choice.ts";
import {
  createArena,
  EVENTS_AT,
  EXTRA_EVENTS_AT,
  READ_VECTORS_AT,
  RECEIVE_MESSAGE_AT,
  SEND_MESSAGE_AT,
  TIME_AT,
  WRITE_VECTORS_AT,
} from "./arena.ts";
import { decodeCommand, MAX_COMMAND_LENGTH, type WorkerMessage, type WorkerStart } from "./commands.ts";
import { DataPlaneCore } from "./core.ts";
import type { ExtraSocket } from "./extra_sockets.ts";

const TICK_MS = 1000;
const EINTR = 4;
const EBADF = 9;
const EAGAIN = 11;

/** Places of the descriptors in the poller. */
const COMMANDS = 0;
const SOCKET = 1;
const DEVICE = 2;
/** The poller of the extra sockets, of which there may be more than one wait can tell about. */
const EXTRA = 3;

function post(message: WorkerMessage): void {
  self.postMessage(message);
}

/** A socket on any port, watched under its slot; null when the system has no more of them. */
function openExtra(memory: NativeMemory, poller: Poller, slot: number): ExtraSocket | null {
  try {
    const { descriptor } = openUdpDescriptor(0);
    poller.watch(descriptor, slot);
    const port = new DatagramPort(memory, descriptor, RECEIVE_MESSAGE_AT, SEND_MESSAGE_AT);
    return { port, close: () => closeDescriptor(descriptor) };
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}

function createCore(memory: NativeMemory, start: WorkerStart, extra: Poller): DataPlaneCore {
  const waiting = new Int32Array(start.waitingControl);
  const makers = chooseAeads(memory, start.portableOnly);
  const clock = new BootClock(memory, TIME_AT);
  post({ on: "ready", aeadCosts: measureAeads(memory, makers, () => clock.now()) });
  return new DataPlaneCore({
    memory,
    device: new VectorPort(memory, start.device.descriptor, READ_VECTORS_AT, WRITE_VECTORS_AT),
    joinsUdp: start.device.hasUdpSegmentation,
    socket: new DatagramPort(memory, start.socket.descriptor, RECEIVE_MESSAGE_AT, SEND_MESSAGE_AT),
    openExtra: (slot) => openExtra(memory, extra, slot),
    family: start.socket.family,
    canSegment: start.socket.hasSegmentation,
    makers,
    random: systemRandom(),
    emit: (event) => {
      if (event.on === "control") Atomics.add(waiting, 0, 1);
      post(event);
    },
    waitingControl: () => Atomics.load(waiting, 0),
  });
}

function report(core: DataPlaneCore): void {
  const { heapUsed: heapBytes } = Deno.memoryUsage();
  post({ on: "report", tunnels: core.stats(), counters: { ...core.counters(), heapBytes } });
}

/** Carries out the commands that are there; false when the last of them was to stop, or the main thread is gone. */
function handleCommands(core: DataPlaneCore, descriptor: number, buffer: Uint8Array<ArrayBuffer>): boolean {
  for (;;) {
    const length = receiveMessage(descriptor, buffer);
    if (length === null) return true;
    if (length === 0) return false;
    const command = decodeCommand(buffer.subarray(0, length));
    if (command.do === "stop") return false;
    if (command.do === "report") report(core);
    else core.handle(command);
    // It may have held keys.
    buffer.fill(0, 0, length);
  }
}

/** Runs until it is told to stop. @throws {Error} when the device or the socket is gone. */
function loop(core: DataPlaneCore, memory: NativeMemory, pollers: Pollers, start: WorkerStart): void {
  const { poller, extra } = pollers;
  const clock = new BootClock(memory, TIME_AT);
  const startedAt = clock.now();
  const buffer = new Uint8Array(MAX_COMMAND_LENGTH);
  let mustTick = false;
  let tickAt = 0;
  for (;;) {
    const count = poller.wait(mustTick ? TICK_MS : -1);
    const now = clock.now() - startedAt;
    core.setTime(now);
    let ready = 0;
    for (let position = 0; position < count; position++) ready |= 1 << poller.indexAt(position);
    if ((ready & (1 << COMMANDS)) !== 0 && !handleCommands(core, start.commands, buffer)) return;
    // Datagrams first: they hold the acknowledgements for what the device has queued.
    if ((ready & (1 << SOCKET)) !== 0) check(core.fromSocket(), "socket", [EBADF]);
    if ((ready & (1 << EXTRA)) !== 0) drainExtra(core, extra);
    if ((ready & (1 << DEVICE)) !== 0) check(core.fromDevice(), "tunnel device", null);
    if (ready !== 0) mustTick = true;
    if (now < tickAt) continue;
    tickAt = now + TICK_MS;
    mustTick = core.tick();
  }
}

/** What is not taken now is told again by the next wait. */
function drainExtra(core: DataPlaneCore, extra: Poller): void {
  const count = extra.wait(0);
  for (let position = 0; position < count; position++) core.fromExtraSocket(extra.indexAt(position));
}

/** Of the device every error is final; a socket reports what routers say about single datagrams, too. */
function check(result: number, what: string, final: number[] | null): void {
  const errno = -result;
  if (errno === 0 || errno === EAGAIN || errno === EINTR) return;
  if (final === null || final.includes(errno)) throw new Error(`Cannot read the ${what}: errno ${errno}`);
}

interface Pollers {
  /** Of all that the thread waits for. */
  poller: Poller;
  /** Of the extra sockets. */
  extra: Poller;
}

self.onmessage = (event: MessageEvent<WorkerStart>) => {
  const descriptors: number[] = [];
  let core: DataPlaneCore | null = null;
  try {
    const { commands, socket, device } = event.data;
    const memory = createArena();
    const extra = new Poller(memory, EXTRA_EVENTS_AT, []);
    descriptors.push(extra.descriptor);
    core = createCore(memory, event.data, extra);
    const watched = [commands, socket.descriptor, device.descriptor, extra.descriptor];
    const poller = new Poller(memory, EVENTS_AT, watched);
    descriptors.push(poller.descriptor);
    loop(core, memory, { poller, extra }, event.data);
  } catch (error) {
    post({ on: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
  core?.close();
  descriptors.forEach(closeDescriptor);
  post({ on: "stopped" });
  self.close();
};
