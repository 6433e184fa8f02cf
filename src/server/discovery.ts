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
import { senderOf } from "./sockets.ts";
import type { ControlClient, World } from "./world.ts";

/** A DISCOVER has 64 bytes; one byte more tells a longer datagram from it. */
const MAX_READ_LENGTH = 65;

/** After a failed read or send, so that a lasting failure costs little. */
const FAILURE_PAUSE_MS = 20;

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
 * Answers a datagram that came in on a discovery socket, and remembers what it shows of its sender unless it is asked not to. Null for anything but an
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
  const isAside = (discover.flags & DISCOVER_FLAG.aside) !== 0;
  if (socket === DISCOVERY_SOCKET.udpPort && !isAside) remember(world, client, from);
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

/** The two discovery sockets, answering until they are stopped. */
export class DiscoverySockets {
  readonly #sockets: ReadonlyMap<DiscoverySocket, Deno.DatagramConn>;
  #isStopped = false;

  /** Takes over two bound sockets. */
  constructor(first: Deno.DatagramConn, second: Deno.DatagramConn) {
    this.#sockets = new Map([[DISCOVERY_SOCKET.udpPort, first], [DISCOVERY_SOCKET.udp2Port, second]]);
  }

  /** Serves both until {@linkcode DiscoverySockets.stop}. */
  async run(world: World): Promise<void> {
    await Promise.all([...this.#sockets].map(([number, socket]) => this.#serve(world, number, socket)));
  }

  /** Closes both. */
  stop(): void {
    this.#isStopped = true;
    for (const socket of this.#sockets.values()) socket.close();
  }

  async #serve(world: World, number: DiscoverySocket, socket: Deno.DatagramConn): Promise<void> {
    const buffer = new Uint8Array(MAX_READ_LENGTH);
    while (!this.#isStopped) {
      try {
        const [datagram, sender] = await socket.receive(buffer);
        await this.#answer(world, datagram, sender as Deno.NetAddr, number);
      } catch (error) {
        if (this.#isStopped) return;
        world.log.debug("discovery socket", { error });
        await world.pause(FAILURE_PAUSE_MS);
      }
    }
  }

  async #answer(world: World, datagram: Uint8Array, sender: Deno.NetAddr, number: DiscoverySocket): Promise<void> {
    const from = senderOf(sender);
    const answer = from === null ? null : answerDiscovery(world, datagram, from, number);
    if (answer !== null) await this.#sockets.get(answer.via)!.send(answer.datagram, sender);
  }
}
