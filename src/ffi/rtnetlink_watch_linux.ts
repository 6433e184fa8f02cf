import { NetlinkSocket } from "./netlink_linux.ts";
import { closeDescriptor, openWaker, waitAnyReadable, wake } from "./posix_linux.ts";

const NETLINK_ROUTE = 0;
/** RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE (linux/rtnetlink.h). */
const GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/** A running watch; see {@linkcode watchNetwork}. */
export interface NetworkWatch {
  /** Ends the watch; `onChange` is not called any more once this is called. */
  close(): Promise<void>;
}

/**
 * Calls `onChange` after links, addresses or routes of the current network namespace changed. Changes that come together
 * may make one call; what changed is not told, because the caller has to look at the whole anyway.
 * @throws {SystemError} where netlink does not exist
 */
export function watchNetwork(onChange: () => void): NetworkWatch {
  const socket = new NetlinkSocket(NETLINK_ROUTE, GROUPS);
  const waker = openWaker();
  let isClosed = false;
  const loop = async () => {
    while (!isClosed) {
      await waitAnyReadable([socket.descriptor, waker]);
      if (isClosed) break;
      // Lost messages (null) are a change like any other.
      const changes = socket.drain();
      if (changes === null || changes.length > 0) onChange();
    }
    socket.close();
    closeDescriptor(waker);
  };
  const ended = loop();
  return {
    close() {
      isClosed = true;
      wake(waker);
      return ended;
    },
  };
}
