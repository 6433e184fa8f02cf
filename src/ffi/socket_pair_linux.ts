import { SystemError } from "./errno.ts";
import { lastErrno } from "./libc_linux.ts";
import { setupLibc } from "./libc_setup_linux.ts";
import { setSocketOption, SOCKET } from "./posix_linux.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;
const SO_SNDBUF = 7;
const BUFFER_LENGTH = 1 << 20;

/**
 * Two connected descriptors that carry whole messages in order; neither blocks, and each sees the other's closing.
 *
 * @throws {SystemError}
 */
export function openSocketPair(): [first: number, second: number] {
  const pair = new Int32Array(2);
  if (setupLibc().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCKET.CLOEXEC, 0, pair) < 0) {
    throw new SystemError("make a socket pair", lastErrno());
  }
  for (const descriptor of pair) setSocketOption(descriptor, SOCKET.SOL_SOCKET, SO_SNDBUF, BUFFER_LENGTH);
  return [pair[0]!, pair[1]!];
}
