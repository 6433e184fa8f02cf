/**
 * The sockets of port mapping.
 *
 * @module
 */
import { concat } from "../../base/bytes.ts";
import { type Endpoint, ipv4Of, mappedIpv4, parseIpv4, parseIpv6 } from "../../base/ip.ts";
import { connectTcp, hostnameOf } from "../stream.ts";
import type { DatagramPort } from "./exchange.ts";
import {
  decodeHttpResponse,
  encodeHttpRequest,
  type HttpRequest,
  type HttpResponse,
  isWholeResponse,
  MAX_RESPONSE_LENGTH,
} from "./http.ts";
import type { Gateway } from "./types.ts";

/** Where gateways announce a restart or a new address: 224.0.0.1 or ff02::1, this port (RFC 6886 3.2.1, RFC 6887 14.1). */
const ANNOUNCEMENT_PORT = 5350;

/** A router on the same LAN that takes longer for one answer is not going to give it. */
const HTTP_TIMEOUT_MS = 3000;

/** The network as port mapping uses it. */
export interface GatewayNetwork {
  /** A UDP socket with our address on the way to the gateway. `receive` owns what it is given. @throws {Error} */
  openPort(gateway: Gateway, receive: (bytes: Uint8Array, from: Endpoint) => void): DatagramPort;
  /** A UDP socket that hears the announcements of gateways of that family. @throws {Error} when another has the port */
  openAnnouncements(gateway: Gateway, receive: (bytes: Uint8Array, from: Endpoint) => void): DatagramPort;
  /** Asks one question by HTTP: at most 3 s and 64 KiB, no redirects, no proxy. Rejects with what went wrong. */
  sendHttp(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
}

/** The network of this machine; `httpTimeoutMs` is for connecting and for the answer each. */
export function systemNetwork(httpTimeoutMs: number = HTTP_TIMEOUT_MS): GatewayNetwork {
  return {
    openPort(gateway, receive) {
      const hostname = hostnameOf({ address: gateway.localAddress, port: 0 });
      return datagramPort(Deno.listenDatagram({ transport: "udp", hostname, port: 0 }), gateway.zone, receive);
    },
    openAnnouncements(gateway, receive) {
      const hostname = ipv4Of({ address: gateway.address, port: 0 }) === null ? "::" : "0.0.0.0";
      const options = { transport: "udp", hostname, port: ANNOUNCEMENT_PORT, reuseAddress: true } as const;
      return datagramPort(Deno.listenDatagram(options), gateway.zone, receive);
    },
    sendHttp: (request, signal) => sendHttp(request, signal, httpTimeoutMs),
  };
}

function datagramPort(
  socket: Deno.DatagramConn,
  zone: string | null,
  receive: (bytes: Uint8Array, from: Endpoint) => void,
): DatagramPort {
  let isClosed = false;
  const ended = receiveAll(socket, receive, () => isClosed);
  const sending = new Set<Promise<void>>();
  return {
    send(bytes, to) {
      const host = hostnameOf(to);
      const hostname = zone !== null && host.startsWith("fe80:") ? `${host}%${zone}` : host;
      const sent: Promise<void> = socket.send(bytes, { transport: "udp", hostname, port: to.port })
        .then(() => {}, () => {})
        .finally(() => sending.delete(sent));
      sending.add(sent);
    },
    async close() {
      await Promise.all(sending);
      if (!isClosed) {
        isClosed = true;
        socket.close();
      }
      await ended;
    },
  };
}

async function receiveAll(
  socket: Deno.DatagramConn,
  receive: (bytes: Uint8Array, from: Endpoint) => void,
  isClosed: () => boolean,
): Promise<void> {
  while (!isClosed()) {
    try {
      const [bytes, from] = await socket.receive();
      const endpoint = from.transport === "udp" ? endpointOf(from) : null;
      if (endpoint !== null && !isClosed()) receive(bytes, endpoint);
    } catch (error) {
      // Windows reports here that nobody listens where an earlier datagram went; that must not end the socket.
      if (!(error instanceof Deno.errors.ConnectionReset)) return;
    }
  }
}

function endpointOf({ hostname, port }: Deno.NetAddr): Endpoint | null {
  const quad = parseIpv4(hostname);
  const address = quad === null ? parseIpv6(hostname.split("%")[0]!) : mappedIpv4(quad);
  return address === null ? null : { address, port };
}

async function sendHttp(request: HttpRequest, signal: AbortSignal, timeoutMs: number): Promise<HttpResponse> {
  const { host: hostname, port } = request.url;
  const connection = await connectTcp({ hostname, port, timeoutMs, signal });
  const timer = setTimeout(() => connection.close(), timeoutMs);
  const cancel = () => connection.close();
  signal.addEventListener("abort", cancel);
  try {
    await connection.write(encodeHttpRequest(request));
    let bytes = new Uint8Array(0);
    while (!isWholeResponse(bytes)) {
      const more = await connection.read();
      if (more === null) break;
      bytes = concat(bytes, more);
      if (bytes.length > MAX_RESPONSE_LENGTH) throw new Error("the answer is too long");
    }
    signal.throwIfAborted();
    if (bytes.length === 0) throw new Error("no answer");
    return decodeHttpResponse(bytes);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
    connection.close();
  }
}
