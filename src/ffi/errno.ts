/** Error numbers of Linux (asm-generic/errno-base.h, errno.h) that callers tell apart, with words for people. */
const ERRORS: Record<number, readonly [code: string, meaning: string]> = {
  1: ["EPERM", "not permitted"],
  2: ["ENOENT", "no such file or object"],
  3: ["ESRCH", "no such process or entry"],
  4: ["EINTR", "interrupted by a signal"],
  5: ["EIO", "input or output error"],
  6: ["ENXIO", "no such device or address"],
  9: ["EBADF", "the descriptor is not open"],
  11: ["EAGAIN", "nothing there yet, try again"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  16: ["EBUSY", "the device or object is in use"],
  17: ["EEXIST", "it exists already"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a folder"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "the system's table of open files is full"],
  24: ["EMFILE", "too many open files"],
  28: ["ENOSPC", "no space left"],
  30: ["EROFS", "the file system is read-only"],
  32: ["EPIPE", "the other end is closed"],
  34: ["ERANGE", "the number is out of range"],
  36: ["ENAMETOOLONG", "the name is too long"],
  77: ["EBADFD", "the descriptor is in a bad state"],
  88: ["ENOTSOCK", "not a socket"],
  90: ["EMSGSIZE", "the message is too long"],
  92: ["ENOPROTOOPT", "the option is not known to this kernel"],
  93: ["EPROTONOSUPPORT", "the protocol is not in this kernel"],
  95: ["EOPNOTSUPP", "the operation is not supported"],
  97: ["EAFNOSUPPORT", "the address family is not in this kernel"],
  98: ["EADDRINUSE", "the address is in use"],
  99: ["EADDRNOTAVAIL", "the address is not on this machine"],
  100: ["ENETDOWN", "the network is down"],
  101: ["ENETUNREACH", "the network is unreachable"],
  105: ["ENOBUFS", "no buffer space is left"],
  110: ["ETIMEDOUT", "timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  113: ["EHOSTUNREACH", "no route to the host"],
};

/** A system call that failed. The message reads "Cannot CALL: MEANING (CODE)". */
export class SystemError extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "SystemError";
  /** Name of the call or of the request, such as `setns` or `add address 10.1.2.3/16 to buri0`. */
  readonly call: string;
  /** The system's number, positive. */
  readonly errno: number;
  /** Symbolic name such as `EPERM`, or `errno N` for one that is not in our table. */
  readonly code: string;

  /** `detail` is the kernel's own explanation where it gave one. */
  constructor(call: string, errno: number, detail?: string) {
    const [code, meaning] = ERRORS[errno] ?? [`errno ${errno}`, "unknown error"];
    super(`Cannot ${call}: ${detail ?? meaning} (${code})`);
    this.call = call;
    this.errno = errno;
    this.code = code;
  }
}
