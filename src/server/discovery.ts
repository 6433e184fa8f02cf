/**
 * Tells clients from where their datagrams come (PROTOCOL.md section 11).
 *
 * @module
 */
import { toHex } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { equalSecret, hmac } from "../crypto/mod.ts";
import {
  type Discover,
  DISCOVER_FLAG,
  discovery,
  DISCOVERY_SOCKET,
  encodeWithMac,
  macInput,
  SHORT_MAC_LENGTH,
} from "../protocol/mod.ts";
import { tellEndpoints } from "./requests_tunnel.ts";
import type { ControlClient, World } from "./world.ts";

/** One of the two discovery sockets. */
export type DiscoverySocket = (typeof DISCOVERY_SOCKET)[keyof typeof DISCOVERY_SOCKET];

/** An answer, and the socket to send it from. */
export interface DiscoveryAnswer {
  /** DISCOVERED, shorter than what it answers. */
  datagram: Uint8Array;
  /** Where it leaves. */
  via: DiscoverySocket;
}

/**
 * Answers a datagram that came in on a discovery socket, and remembers what it shows of its sender. Null for anything but an
 * authentic DISCOVER with a counter that this socket has not seen: one that somebody recorded says nothing.
 */
export function answerDiscovery(
  world: World,
  datagram: Uint8Array,
  from: Endpoint,
  socket: DiscoverySocket,
): DiscoveryAnswer | null {
  const discover = readDiscover(datagram);
  const client = discover === null ? undefined : world.sessions.get(toHex(discover.sessionId));
  if (discover === null || client === undefined) return null;
  const mac = (input: Uint8Array) => hmac("sha256", client.discoveryKey, input).subarray(0, SHORT_MAC_LENGTH);
  if (!equalSecret(discover.mac, mac(macInput(datagram)))) return null;
  if (discover.counter <= (client.discoveryCounters.get(socket) ?? -1n)) return null;
  client.discoveryCounters.set(socket, discover.counter);
  if (socket === DISCOVERY_SOCKET.udpPort) remember(world, client, from);
  const isOther = (discover.flags & DISCOVER_FLAG.answerFromOtherSocket) !== 0;
  const via = isOther ? otherThan(socket) : socket;
  const { counter } = discover;
  return { datagram: encodeWithMac(discovery.discovered, { counter, endpoint: from, socket: via }, mac), via };
}

function readDiscover(datagram: Uint8Array): Discover | null {
  try {
    return discovery.discover.decode(datagram);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function remember(world: World, client: ControlClient, from: Endpoint): void {
  const isNew = client.observedUdp === null || !equalEndpoint(client.observedUdp, from);
  client.observedUdp = from;
  if (isNew) tellEndpoints(world, client);
}

function otherThan(socket: DiscoverySocket): DiscoverySocket {
  return socket === DISCOVERY_SOCKET.udpPort ? DISCOVERY_SOCKET.udp2Port : DISCOVERY_SOCKET.udpPort;
}
