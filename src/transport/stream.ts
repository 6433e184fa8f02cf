/**
 * A byte stream to one other end, and its TCP form.
 *
 * @module
 */
import { type Endpoint, formatIpv4, formatIpv6, ipv4Of, mappedIpv4, parseIpv4, parseIpv6 } from "../base/ip.ts";

/** An open connection. */
export interface StreamConnection {
  /** Our end. */
  readonly local: Endpoint;
  /** The other end. */
  readonly remote: Endpoint;
  /** The next bytes, 1 to 64 KiB, owned by the caller; null once the other end has closed or `close()` was called. */
  read(): Promise<Uint8Array | null>;
  /** Resolves when all bytes are handed to the system. One call at a time. Rejects when the connection is broken. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends a read that waits (with null) and a write (with an error). May be called again. */
  close(): void;
}

/** Where and how long. */
export interface ConnectOptions {
  /** Name or literal address; an IPv6 one without brackets. */
  hostname: string;
  /** TCP port. */
  port: number;
  /** Gives up after so long. */
  timeoutMs: number;
  /** Gives up when it aborts, with its reason. */
  signal: AbortSignal;
}

const MAX_READ_LENGTH = 65536;

/** Connects by TCP; of several addresses of a name the first that answers is used. @throws {Error} why it failed */
export async function connectTcp(options: ConnectOptions): Promise<StreamConnection> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error("no answer in time")), options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout.signal]);
  try {
    const connection = await Deno.connect({ hostname: options.hostname, port: options.port, signal });
    // The control stream carries short messages, each of which somebody waits for.
    connection.setNoDelay(true);
    return tcpStream(connection);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** A TCP connection of the runtime as a stream, which closes it. */
export function tcpStream(connection: Deno.TcpConn): StreamConnection {
  let isClosed = false;
  return {
    local: endpointOf(connection.localAddr),
    remote: endpointOf(connection.remoteAddr),
    async read() {
      const buffer = new Uint8Array(MAX_READ_LENGTH);
      try {
        const length = isClosed ? null : await connection.read(buffer);
        return length === null ? null : buffer.slice(0, length);
      } catch (error) {
        if (isClosed) return null;
        throw error;
      }
    },
    async write(bytes) {
      for (let offset = 0; offset < bytes.length;) offset += await connection.write(bytes.subarray(offset));
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      connection.close();
    },
  };
}

function endpointOf({ hostname, port }: Deno.NetAddr): Endpoint {
  const quad = parseIpv4(hostname);
  // A link-local address comes with its zone, which is of no use elsewhere.
  const address = quad === null ? parseIpv6(hostname.split("%")[0]!) : mappedIpv4(quad);
  if (address === null) throw new Error(`Cannot read the address ${hostname} of a connection`);
  return { address, port };
}

/** Address of an endpoint as the runtime's connect and listen take it: no brackets. */
export function hostnameOf(endpoint: Endpoint): string {
  const quad = ipv4Of(endpoint);
  return quad === null ? formatIpv6(endpoint.address) : formatIpv4(quad);
}
