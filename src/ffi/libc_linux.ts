/**
 * The calls of libc that the data plane makes for each batch of packets.
 *
 * Every symbol declares only i32 and pointer, because other types cost an allocation or Deno's slow path per call; the
 * ssize_t results fit (a message is at most 64 KiB), and -1 stays -1. Rare calls are in posix_linux.ts.
 *
 * @module
 */
import type { NativeMemory } from "./native_memory.ts";

/** Symbols for which Deno compiles fast calls; a test proves that no other types get in. */
export const HOT_LIBC_SYMBOLS = {
  /** int *__errno_location(void) */
  __errno_location: { parameters: [], result: "pointer" },
  /** ssize_t readv(int fd, const struct iovec *vectors, int count) */
  readv: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  /** ssize_t writev(int fd, const struct iovec *vectors, int count) */
  writev: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  /** ssize_t recvmsg(int fd, struct msghdr *message, int flags) */
  recvmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  /** ssize_t sendmsg(int fd, const struct msghdr *message, int flags) */
  sendmsg: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  /** int epoll_create1(int flags) */
  epoll_create1: { parameters: ["i32"], result: "i32" },
  /** int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event) */
  epoll_ctl: { parameters: ["i32", "i32", "i32", "pointer"], result: "i32" },
  /** int epoll_wait(int epfd, struct epoll_event *events, int maxEvents, int timeout) */
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  /** int clock_gettime(clockid_t clock, struct timespec *time) */
  clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type HotLibc = Deno.DynamicLibrary<typeof HOT_LIBC_SYMBOLS>["symbols"];

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const CLOCK_BOOTTIME = 7;

let symbols: HotLibc | undefined;

function hotLibc(): HotLibc {
  symbols ??= Deno.dlopen("libc.so.6", HOT_LIBC_SYMBOLS).symbols;
  return symbols;
}

/** errno of the calling thread, mapped: reading it makes no call that could overwrite it. */
function errnoView(): Int32Array {
  const address = hotLibc().__errno_location();
  if (address === null) throw new Error("Cannot read errno: libc gave no address");
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(address, 4));
}

let threadErrno: Int32Array | undefined;

/** errno of the last call that failed on this thread, for the bindings beside this file. */
export function lastErrno(): number {
  threadErrno ??= errnoView();
  return threadErrno[0]!;
}

/** Scatter reads and gather writes on one descriptor, of which one message is one packet. Results below 0 are -errno. */
export class VectorPort {
  /** One message into the first `count` read vectors; bytes read. */
  readonly read: (count: number) => number;
  /** One message from the first `count` write vectors; bytes written. */
  readonly write: (count: number) => number;

  /** `readAt` and `writeAt` say where the vectors are; whoever uses the port fills them. */
  constructor(memory: NativeMemory, descriptor: number, readAt: number, writeAt: number) {
    const { readv, writev } = hotLibc();
    const errno = errnoView();
    const readPointer = memory.pointerAt(readAt);
    const writePointer = memory.pointerAt(writeAt);
    this.read = (count) => {
      const result = readv(descriptor, readPointer, count);
      return result < 0 ? -errno[0]! : result;
    };
    this.write = (count) => {
      const result = writev(descriptor, writePointer, count);
      return result < 0 ? -errno[0]! : result;
    };
  }
}

/** sendmsg and recvmsg on one socket, with one message block each. Results below 0 are -errno. */
export class DatagramPort {
  /** Receives into the armed message; bytes received. */
  readonly receive: () => number;
  /** Sends the message; bytes sent. */
  readonly send: () => number;

  /** `receiveAt` and `sendAt` say where the `struct msghdr` blocks are. */
  constructor(memory: NativeMemory, descriptor: number, receiveAt: number, sendAt: number) {
    const { recvmsg, sendmsg } = hotLibc();
    const errno = errnoView();
    const receivePointer = memory.pointerAt(receiveAt);
    const sendPointer = memory.pointerAt(sendAt);
    this.receive = () => {
      const result = recvmsg(descriptor, receivePointer, 0);
      return result < 0 ? -errno[0]! : result;
    };
    this.send = () => {
      const result = sendmsg(descriptor, sendPointer, 0);
      return result < 0 ? -errno[0]! : result;
    };
  }
}

/** An epoll set of a few descriptors, known by the order in which they were given. */
export class Poller {
  /** Bytes that the event array takes. */
  static readonly EVENTS_LENGTH = 64;
  /** The set's own descriptor; the caller closes it. */
  readonly descriptor: number;
  /** Blocks up to `timeoutMs` (-1: for ever); how many descriptors are readable, hung up or broken, or -errno. */
  readonly wait: (timeoutMs: number) => number;
  /** Watches a further descriptor, under a number of the caller's. It is forgotten when it is closed. */
  readonly watch: (descriptor: number, index: number) => void;
  readonly #view: DataView;
  readonly #at: number;

  /** Watches `descriptors` for input; takes {@linkcode Poller.EVENTS_LENGTH} bytes at `at`, a multiple of 8. */
  constructor(memory: NativeMemory, at: number, descriptors: readonly number[]) {
    const { epoll_create1, epoll_ctl, epoll_wait } = hotLibc();
    const errno = errnoView();
    const pointer = memory.pointerAt(at);
    const capacity = Poller.EVENTS_LENGTH / EVENT_LENGTH | 0;
    const descriptor = epoll_create1(EPOLL_CLOEXEC);
    this.descriptor = descriptor;
    this.#view = memory.view;
    this.#at = at;
    this.watch = (watched, index) => {
      memory.view.setUint32(at, EPOLLIN, true);
      memory.view.setInt32(at + EVENT_DATA, index, true);
      if (epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, pointer) < 0) {
        throw new Error(`Cannot watch descriptor ${watched}: errno ${errno[0]}`);
      }
    };
    descriptors.forEach(this.watch);
    this.wait = (timeoutMs) => {
      const result = epoll_wait(descriptor, pointer, capacity, timeoutMs);
      return result < 0 ? -errno[0]! : result;
    };
  }

  /** Which descriptor the `position`-th event of the last wait is about. */
  indexAt(position: number): number {
    return this.#view.getInt32(this.#at + position * EVENT_LENGTH + EVENT_DATA, true);
  }
}

/** `struct epoll_event` is packed on x86-64 and aligned elsewhere. */
const [EVENT_LENGTH, EVENT_DATA] = Deno.build.arch === "x86_64" ? [12, 4] : [16, 8];

/** Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps, so that keys age then too. */
export class BootClock {
  /** Bytes that the `struct timespec` takes. */
  static readonly LENGTH = 16;
  readonly #view: DataView;
  readonly #at: number;
  readonly #read: () => void;

  /** Takes {@linkcode BootClock.LENGTH} bytes at `at`. */
  constructor(memory: NativeMemory, at: number) {
    const { clock_gettime } = hotLibc();
    const pointer = memory.pointerAt(at);
    this.#view = memory.view;
    this.#at = at;
    this.#read = () => void clock_gettime(CLOCK_BOOTTIME, pointer);
  }

  /** Milliseconds since the machine started, with fractions. */
  now(): number {
    this.#read();
    return this.#view.getUint32(this.#at, true) * 1000 + this.#view.getUint32(this.#at + 8, true) / 1e6;
  }
}
