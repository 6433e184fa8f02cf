/**
 * The few calls of libc that network configuration, namespaces and captures need, as typed functions that throw
 * {@linkcode SystemError}. The data plane has bindings of its own: it may not allocate, these may.
 *
 * @module
 */
import { utf8 } from "../base/bytes.ts";
import { SystemError } from "./errno.ts";

/** Constants of <sys/socket.h>, equal on x86-64 and aarch64. */
export const SOCKET = {
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
  STREAM: 1,
  DGRAM: 2,
  RAW: 3,
  CLOEXEC: 0o2000000,
  MSG_DONTWAIT: 0x40,
  MSG_TRUNC: 0x20,
  SOL_SOCKET: 1,
} as const;

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_DIRECTORY = 0o200000;
const O_CLOEXEC = 0o2000000;
const MAX_KERNEL_FILE_LENGTH = 65536;
const MAX_LINK_LENGTH = 256;
const EFD_CLOEXEC = 0o2000000;
const POLLIN = 1;
const EINTR = 4;
const EAGAIN = 11;
const POLLFD_LENGTH = 8;
const ENTRIES_LENGTH = 32768;
/** Places in `struct linux_dirent64` (getdents64(2)). */
const ENTRY_LENGTH_AT = 16;
const ENTRY_NAME_AT = 19;

const SYMBOLS = {
  /** int *__errno_location(void) */
  __errno_location: { parameters: [], result: "pointer" },
  /** int open(const char *path, int flags) */
  open: { parameters: ["buffer", "i32"], result: "i32" },
  /** ssize_t read(int fd, void *bytes, size_t length) */
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** ssize_t write(int fd, const void *bytes, size_t length) */
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** ssize_t getdents64(int fd, void *entries, size_t length), since glibc 2.30 */
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize", optional: true },
  /** ssize_t readlink(const char *path, char *target, size_t length) */
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  /** int close(int fd) */
  close: { parameters: ["i32"], result: "i32" },
  /** int socket(int domain, int type, int protocol) */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int bind(int fd, const struct sockaddr *address, socklen_t length) */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int setsockopt(int fd, int level, int name, const void *value, socklen_t length) */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** int getsockopt(int fd, int level, int name, void *value, socklen_t *length) */
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  /** ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t length) */
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  /** ssize_t recvfrom(int fd, void *bytes, size_t length, int flags, struct sockaddr *from, socklen_t *length) */
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  /** int poll(struct pollfd *fds, nfds_t count, int timeout) */
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  /** The same on a thread of the runtime's pool, so that the event loop goes on. */
  pollAside: { name: "poll", parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
  /** int eventfd(unsigned int initial, int flags) */
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  /** int eventfd_write(int fd, eventfd_t value) */
  eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
  /** int unshare(int flags) */
  unshare: { parameters: ["i32"], result: "i32" },
  /** int setns(int fd, int type) */
  setns: { parameters: ["i32", "i32"], result: "i32" },
  /** int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) */
  mount: { parameters: ["buffer", "buffer", "buffer", "usize", "buffer"], result: "i32" },
  /** int umount2(const char *target, int flags) */
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  /** uid_t getuid(void) and its siblings, which never fail */
  getuid: { parameters: [], result: "u32" },
  geteuid: { parameters: [], result: "u32" },
  getgid: { parameters: [], result: "u32" },
  getegid: { parameters: [], result: "u32" },
  /** int setgroups(size_t count, const gid_t *groups) */
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  /** int setresgid(gid_t real, gid_t effective, gid_t saved) */
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  /** int setresuid(uid_t real, uid_t effective, uid_t saved) */
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;
let errnoView: Int32Array | undefined;

/** Opened at the first call, never at import: `--help` and other systems must not need it. */
function libc(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  if (library === undefined) {
    library = Deno.dlopen("libc.so.6", SYMBOLS);
    const address = library.symbols.__errno_location();
    if (address === null) throw new Error("Cannot read errno: libc gave no address");
    errnoView = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(address, 4));
  }
  return library.symbols;
}

/** The calling thread's errno: its address never changes, so reading it makes no call that could overwrite it. */
function errno(): number {
  return errnoView?.[0] ?? 0;
}

function check(result: number | bigint, call: string): number {
  if (Number(result) < 0) throw new SystemError(call, errno());
  return Number(result);
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return utf8(`${text}\0`);
}

/** Opens `path` with `flags` and close-on-exec; the caller closes the descriptor. @throws {SystemError} */
export function openDescriptor(path: string, flags: number): number {
  return check(libc().open(cString(path), flags | O_CLOEXEC), `open ${path}`);
}

/** Closes `descriptor`. An error is of no use to anyone: the descriptor is gone either way (close(2)). */
export function closeDescriptor(descriptor: number): void {
  libc().close(descriptor);
}

/**
 * Text of a file of the kernel below /proc or /sys, at most 64 KiB. The runtime's own functions refuse these to an
 * executable that was not compiled with all permissions. @throws {SystemError}
 */
export function readKernelFile(path: string): string {
  const descriptor = openDescriptor(path, O_RDONLY);
  try {
    const bytes = new Uint8Array(MAX_KERNEL_FILE_LENGTH);
    let length = 0;
    for (let count = -1; count !== 0; length += count) {
      const rest = bytes.subarray(length);
      count = check(libc().read(descriptor, rest, BigInt(rest.length)), `read ${path}`);
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    closeDescriptor(descriptor);
  }
}

/** Changes a setting of the kernel below /proc/sys, in the namespaces the thread is in. @throws {SystemError} */
export function writeKernelFile(path: string, text: string): void {
  const descriptor = openDescriptor(path, O_WRONLY);
  try {
    const bytes = utf8(text);
    check(libc().write(descriptor, bytes, BigInt(bytes.length)), `write ${path}`);
  } finally {
    closeDescriptor(descriptor);
  }
}

/** Names in a folder of the kernel such as /proc, with `.` and `..`. @throws {SystemError} */
export function readKernelFolder(path: string): string[] {
  const descriptor = openDescriptor(path, O_RDONLY | O_DIRECTORY);
  const names: string[] = [];
  const entries = new Uint8Array(ENTRIES_LENGTH);
  try {
    for (;;) {
      const length = libc().getdents64?.(descriptor, entries, BigInt(entries.length)) ?? -1;
      const end = check(length, `read ${path}`);
      if (end === 0) return names;
      names.push(...namesOfEntries(entries.subarray(0, end)));
    }
  } finally {
    closeDescriptor(descriptor);
  }
}

function namesOfEntries(entries: Uint8Array<ArrayBuffer>): string[] {
  const view = new DataView(entries.buffer);
  const names: string[] = [];
  for (let at = 0; at < entries.length; at += view.getUint16(at + ENTRY_LENGTH_AT, true)) {
    const name = entries.subarray(at + ENTRY_NAME_AT);
    names.push(new TextDecoder().decode(name.subarray(0, name.indexOf(0))));
  }
  return names;
}

/** What a symbolic link of the kernel says, such as `net:[4026531840]`. @throws {SystemError} */
export function readKernelLink(path: string): string {
  const bytes = new Uint8Array(MAX_LINK_LENGTH);
  const length = check(libc().readlink(cString(path), bytes, BigInt(bytes.length)), `read ${path}`);
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** A socket with close-on-exec, in the network namespace the thread is in now. @throws {SystemError} */
export function openSocket(family: number, type: number, protocol: number): number {
  return check(libc().socket(family, type | SOCKET.CLOEXEC, protocol), "open a socket");
}

/** Binds to a `struct sockaddr` given as bytes. @throws {SystemError} */
export function bindSocket(descriptor: number, address: Uint8Array<ArrayBuffer>): void {
  check(libc().bind(descriptor, address, address.length), "bind a socket");
}

/** Sets an option whose value is an int. @throws {SystemError} */
export function setSocketOption(descriptor: number, level: number, name: number, value: number): void {
  setSocketOptionBytes(descriptor, level, name, new Uint8Array(new Int32Array([value]).buffer));
}

/** Sets an option whose value is a struct. @throws {SystemError} */
export function setSocketOptionBytes(
  descriptor: number,
  level: number,
  name: number,
  value: Uint8Array<ArrayBuffer>,
): void {
  check(libc().setsockopt(descriptor, level, name, value, value.length), `set socket option ${level}/${name}`);
}

/** Reads an option of `length` bytes. @throws {SystemError} */
export function getSocketOption(
  descriptor: number,
  level: number,
  name: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(length);
  const valueLength = new Uint32Array([length]);
  check(libc().getsockopt(descriptor, level, name, value, valueLength), `read socket option ${level}/${name}`);
  return value;
}

/** Sends one message, to `address` (a `struct sockaddr`) where the socket has no peer. @throws {SystemError} */
export function sendMessage(
  descriptor: number,
  message: Uint8Array<ArrayBuffer>,
  address: Uint8Array<ArrayBuffer> | null = null,
): void {
  check(libc().sendto(descriptor, message, BigInt(message.length), 0, address, address?.length ?? 0), "send a message");
}

/**
 * Receives one message into `into`; null when none is there.
 * `length` is its full length, which is more than `into` holds when it was cut.
 * `from`, where given, receives the `struct sockaddr` of the sender. @throws {SystemError}
 */
export function receiveMessage(
  descriptor: number,
  into: Uint8Array<ArrayBuffer>,
  from: Uint8Array<ArrayBuffer> | null = null,
): number | null {
  const fromLength = from === null ? null : new Uint32Array([from.length]);
  const flags = SOCKET.MSG_DONTWAIT | SOCKET.MSG_TRUNC;
  const length = Number(libc().recvfrom(descriptor, into, BigInt(into.length), flags, from, fromLength));
  if (length < 0 && (errno() === EAGAIN || errno() === EINTR)) return null;
  return check(length, "receive a message");
}

function pollSet(descriptors: number[]): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(POLLFD_LENGTH * descriptors.length));
  for (const [index, descriptor] of descriptors.entries()) {
    view.setInt32(index * POLLFD_LENGTH, descriptor, true);
    view.setInt16(index * POLLFD_LENGTH + 4, POLLIN, true);
  }
  return view;
}

/** Blocks the thread until `descriptor` is readable; false after `timeoutMs` (or a signal). */
export function waitReadable(descriptor: number, timeoutMs: number): boolean {
  return libc().poll(pollSet([descriptor]).buffer, 1n, Math.max(0, Math.ceil(timeoutMs))) > 0;
}

/**
 * Resolves when one of `descriptors` is readable, with a flag for each. It waits on a thread of the runtime's pool: for
 * rare events only, and one of the descriptors should be a {@linkcode openWaker} so that the wait can be ended.
 */
export async function waitAnyReadable(descriptors: number[]): Promise<boolean[]> {
  const set = pollSet(descriptors);
  await libc().pollAside(set.buffer, BigInt(descriptors.length), -1);
  return descriptors.map((_, index) => set.getInt16(index * POLLFD_LENGTH + 6, true) !== 0);
}

/** An eventfd that {@linkcode wake} makes readable. @throws {SystemError} */
export function openWaker(): number {
  return check(libc().eventfd(0, EFD_CLOEXEC), "open an eventfd");
}

/** Makes the waker readable, for good. */
export function wake(waker: number): void {
  libc().eventfd_write(waker, 1n);
}

/** unshare(2) of the calling thread. @throws {SystemError} */
export function unshareThread(flags: number): void {
  check(libc().unshare(flags), "make a namespace");
}

/** setns(2) of the calling thread. @throws {SystemError} */
export function enterNamespace(descriptor: number, type: number): void {
  check(libc().setns(descriptor, type), "enter a namespace");
}

/** mount(2) without data. @throws {SystemError} */
export function mountPath(source: string, target: string, type: string, flags: number): void {
  check(
    libc().mount(cString(source), cString(target), cString(type), BigInt(flags), null),
    `mount ${source} on ${target}`,
  );
}

/** umount2(2). @throws {SystemError} */
export function unmountPath(target: string, flags: number): void {
  check(libc().umount2(cString(target), flags), `unmount ${target}`);
}

/** Real and effective ids of the process. */
export function processIds(): { uid: number; effectiveUid: number; gid: number; effectiveGid: number } {
  const { getuid, geteuid, getgid, getegid } = libc();
  return { uid: getuid(), effectiveUid: geteuid(), gid: getgid(), effectiveGid: getegid() };
}

/** Replaces the supplementary groups, in all threads. @throws {SystemError} */
export function setSupplementaryGroups(groups: number[]): void {
  check(libc().setgroups(BigInt(groups.length), new Uint32Array(groups)), "set the supplementary groups");
}

/** Sets real, effective and saved group id, in all threads. @throws {SystemError} */
export function setGroupId(gid: number): void {
  check(libc().setresgid(gid, gid, gid), `become group ${gid}`);
}

/** Sets real, effective and saved user id, in all threads. @throws {SystemError} */
export function setUserId(uid: number): void {
  check(libc().setresuid(uid, uid, uid), `become user ${uid}`);
}
