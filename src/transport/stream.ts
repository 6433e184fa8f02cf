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

/** A stream that also reads into memory of the caller's, for the many connections of a server. */
export interface BufferedStream extends StreamConnection {
  /** Reads into `buffer`; how many bytes came, null at the end. */
  readInto(buffer: Uint8Array): Promise<number | null>;
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

/** Most bytes that one `read` gives. */
const MAX_READ_LENGTH = 65536;

/** Connects by TCP; of several addresses of a name the first that answers is used. @throws {Error} why it failed */
export async function connectTcp(options: ConnectOptions): Promise<BufferedStream> {
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
export function tcpStream(connection: Deno.TcpConn): BufferedStream {
  let isClosed = false;
  const readInto = async (buffer: Uint8Array): Promise<number | null> => {
    try {
      return isClosed ? null : await connection.read(buffer);
    } catch (error) {
      if (isClosed) return null;
      throw error;
    }
  };
  return {
    local: endpointOf(connection.localAddr),
    remote: endpointOf(connection.remoteAddr),
    readInto,
    read: () => readChunk(readInto),
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

/** `stream` with bytes in front that somebody has read from it already. Closing the one closes the other. */
export function withFirst(stream: BufferedStream, first: Uint8Array): BufferedStream {
  let held = first;
  const readInto = (buffer: Uint8Array): Promise<number | null> => {
    if (held.length === 0) return stream.readInto(buffer);
    const taken = held.subarray(0, buffer.length);
    buffer.set(taken);
    held = held.subarray(taken.length);
    return Promise.resolve(taken.length);
  };
  const { local, remote } = stream;
  return {
    ...{ local, remote, readInto },
    read: () => readChunk(readInto),
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}

/** What `read` gives, for a stream that reads into buffers. */
export async function readChunk(readInto: BufferedStream["readInto"]): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(MAX_READ_LENGTH);
  const length = await readInto(buffer);
  return length === null ? null : buffer.slice(0, length);
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
