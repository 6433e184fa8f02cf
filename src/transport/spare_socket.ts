import { type Endpoint, formatIpv4, formatIpv6, ipv4Of } from "../base/ip.ts";

/** A UDP socket beside that of the tunnels, for a question now and then. */
export interface SpareSocket {
  /** Sends and forgets: what the system refuses is lost like what the network drops. */
  send(bytes: Uint8Array, to: Endpoint): void;
  /** Ends it; nothing is received any more. May be called again. */
  close(): void;
}

/** Opens a socket on any port that can send to `to`; `receive` gets what comes in. @throws {Error} when the system refuses */
export function openSpareSocket(to: Endpoint, receive: (bytes: Uint8Array) => void): SpareSocket {
  const hostname = ipv4Of(to) === null ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  let isClosed = false;
  void receiveAll(socket, (bytes) => isClosed ? undefined : receive(bytes), () => isClosed);
  return {
    send(bytes, { address, port }) {
      const quad = ipv4Of({ address, port });
      const target = {
        transport: "udp",
        hostname: quad === null ? formatIpv6(address) : formatIpv4(quad),
        port,
      } as const;
      if (!isClosed) socket.send(bytes, target).catch(() => {});
    },
    close() {
      if (!isClosed) socket.close();
      isClosed = true;
    },
  };
}

async function receiveAll(
  socket: Deno.DatagramConn,
  receive: (bytes: Uint8Array) => void,
  isClosed: () => boolean,
): Promise<void> {
  while (!isClosed()) {
    try {
      const [bytes] = await socket.receive();
      receive(bytes);
    } catch (error) {
      // An ICMP error about something sent shows here (ECONNREFUSED); only a closed socket ends it.
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
    }
  }
}
