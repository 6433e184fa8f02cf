/**
 * The calls of libc that open what the data plane works with, beyond those of posix_linux.ts.
 *
 * @module
 */

/** Symbols of this file. */
export const SETUP_SYMBOLS = {
  /** int ioctl(int fd, unsigned long request, struct ifreq *argument) */
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  /** The same for requests whose argument is a number. */
  ioctlNumber: { name: "ioctl", parameters: ["i32", "u64", "u64"], result: "i32" },
  /** int socketpair(int domain, int type, int protocol, int pair[2]) */
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** int getsockname(int fd, struct sockaddr *address, socklen_t *length) */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

let symbols: Deno.DynamicLibrary<typeof SETUP_SYMBOLS>["symbols"] | undefined;

/** libc, opened at the first call and kept. */
export function setupLibc(): Deno.DynamicLibrary<typeof SETUP_SYMBOLS>["symbols"] {
  symbols ??= Deno.dlopen("libc.so.6", SETUP_SYMBOLS).symbols;
  return symbols;
}
