/**
 * The server's sockets, bound before it gives up its rights.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { type Endpoint, parseEndpoint } from "../base/ip.ts";

/** Where a socket shall be bound. */
export interface Place {
  /** Literal address, an IPv6 one without brackets. */
  host: string;
  /** 0 = any. */
  port: number;
  /** Option of the command that names the port, for the hint. */
  option: string;
}

/** Binds the control listener. @throws {UserError} */
export function listenTcp(place: Place): Deno.TcpListener {
  return bind("TCP", place, () => Deno.listen({ hostname: place.host, port: place.port }));
}

/** Binds a UDP socket. @throws {UserError} */
export function listenUdp(place: Place): Deno.DatagramConn {
  return bind(
    "UDP",
    place,
    () => Deno.listenDatagram({ transport: "udp", hostname: place.host, port: place.port }),
  );
}

function bind<T>(protocol: string, place: Place, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw bindError(protocol, place, error);
  }
}

/** What to tell the operator of a socket that could not be bound. */
export function bindError(protocol: string, { host, port, option }: Place, cause: unknown): UserError {
  const where = `${protocol} ${host.includes(":") ? `[${host}]` : host}:${port}`;
  const code = (cause as { code?: unknown }).code;
  if (code === "EADDRINUSE") {
    return new UserError(`Cannot listen on ${where}: the port is in use`, {
      hint: `Stop what uses it (another server?), or name another port with ${option}.`,
      cause,
    });
  }
  if (code === "EACCES") {
    return new UserError(`Cannot listen on ${where}: not permitted`, {
      exitCode: 4,
      hint: `Ports below 1024 need root; name another with ${option}.`,
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UserError(`Cannot listen on ${where}: ${reason}`, {
    hint: "Name an address of this machine with --listen, or 0.0.0.0 for all.",
    cause,
  });
}

/** Where a datagram came from; null for what is no IP address. */
export function senderOf({ hostname, port }: Deno.NetAddr): Endpoint | null {
  // A link-local address comes with its zone, which is of no use elsewhere.
  const literal = hostname.split("%")[0]!;
  return parseEndpoint(literal.includes(":") ? `[${literal}]:${port}` : `${literal}:${port}`);
}
