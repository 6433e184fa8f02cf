/**
 * Tells clients from where their datagrams come (PROTOCOL.md section 11).
 *
 * @module
 */
import { equalBytes, toHex } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { equalSecret, hmac } from "../crypto/mod.ts";
import {
  DATAGRAM,
  datagramType,
  type Discover,
  DISCOVER_FLAG,
  discovery,
  DISCOVERY_SOCKET,
  type DiscoveryTest,
  encodeWithMac,
  macInput,
  SHORT_MAC_LENGTH,
} from "../protocol/mod.ts";
import { tellEndpoints } from "./requests_tunnel.ts";
import { senderOf } from "./sockets.ts";
import type { ControlClient, World } from "./world.ts";

/** A DISCOVER has 64 bytes; one byte more tells a longer datagram from it. */
const MAX_READ_LENGTH = 65;

/** Where a datagram says what it is. */
const DATAGRAM_TYPE_AT = 4;

/** After a failed read or send, so that a lasting failure costs little. */
const FAILURE_PAUSE_MS = 20;

/** One of the discovery sockets: those that are asked, and one from which tests are sent. */
export type DiscoverySocket = (typeof DISCOVERY_SOCKET)[keyof typeof DISCOVERY_SOCKET];

/** An answer, and the socket to send it from. */
export interface DiscoveryAnswer {
  /** DISCOVERED, shorter than what it answers. */
  datagram: Uint8Array;
  /** Where it leaves. */
  via: DiscoverySocket;
  /** Port of the asking address to which it goes. */
  toPort: number;
}

/**
 * Answers a datagram that came in on a discovery socket, and remembers what it shows of its sender unless it is asked not to. Null for anything but an
 * authentic DISCOVER or TEST with a counter that this socket has not seen: one that somebody recorded says nothing. A test
 * goes to the address that asked for it and to no other, whatever the port: nobody is sent what it has not asked for.
 */
export function answerDiscovery(
  world: World,
  datagram: Uint8Array,
  from: Endpoint,
  socket: DiscoverySocket,
): DiscoveryAnswer | null {
  const discover = readQuestion(datagram);
  const client = discover === null ? undefined : world.sessions.get(toHex(discover.sessionId));
  if (discover === null || client === undefined) return null;
  const mac = (input: Uint8Array) => hmac("sha256", client.discoveryKey, input).subarray(0, SHORT_MAC_LENGTH);
  if (!equalSecret(discover.mac, mac(macInput(datagram)))) return null;
  if (discover.counter <= (client.discoveryCounters.get(socket) ?? -1n)) return null;
  client.discoveryCounters.set(socket, discover.counter);
  const { counter } = discover;
  const answer = (endpoint: Endpoint, via: DiscoverySocket) => ({
    datagram: encodeWithMac(discovery.discovered, { counter, endpoint, socket: via }, mac),
    via,
    toPort: endpoint.port,
  });
  if ("endpoint" in discover) {
    const { endpoint } = discover;
    const isOwn = equalBytes(endpoint.address, from.address) && endpoint.port !== 0;
    return isOwn ? answer(endpoint, DISCOVERY_SOCKET.tester) : null;
  }
  const isAside = (discover.flags & DISCOVER_FLAG.aside) !== 0;
  if (socket === DISCOVERY_SOCKET.udpPort && !isAside) remember(world, client, from);
  const isOther = (discover.flags & DISCOVER_FLAG.answerFromOtherSocket) !== 0;
  if ((discover.flags & DISCOVER_FLAG.answerFromOtherAddress) !== 0) {
    return world.otherAddress === null ? null : answer(from, DISCOVERY_SOCKET.otherAddress);
  }
  return answer(from, isOther ? otherThan(socket) : socket);
}

function readQuestion(datagram: Uint8Array): Discover | DiscoveryTest | null {
  try {
    const isTest = datagram.length > DATAGRAM_TYPE_AT && datagramType(datagram) === DATAGRAM.discoveryTest;
    return isTest ? discovery.test.decode(datagram) : discovery.discover.decode(datagram);
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

/** The discovery sockets, answering until they are stopped. */
export class DiscoverySockets {
  readonly #sockets: ReadonlyMap<DiscoverySocket, Deno.DatagramConn>;
  #isStopped = false;

  /** Takes over bound sockets. `tester`: nobody is told its port. `other`: on another address; null = there is none. */
  constructor(
    first: Deno.DatagramConn,
    second: Deno.DatagramConn,
    tester: Deno.DatagramConn,
    other: Deno.DatagramConn | null,
  ) {
    const { udpPort, udp2Port } = DISCOVERY_SOCKET;
    const sockets: [DiscoverySocket, Deno.DatagramConn][] = [[udpPort, first], [udp2Port, second]];
    sockets.push([DISCOVERY_SOCKET.tester, tester]);
    if (other !== null) sockets.push([DISCOVERY_SOCKET.otherAddress, other]);
    this.#sockets = new Map(sockets);
  }

  /** Serves those that are asked until {@linkcode DiscoverySockets.stop}. */
  async run(world: World): Promise<void> {
    const asked = [...this.#sockets].filter(([number]) => number !== DISCOVERY_SOCKET.tester);
    await Promise.all(asked.map(([number, socket]) => this.#serve(world, number, socket)));
  }

  /** Closes them. */
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
    if (answer === null) return;
    await this.#sockets.get(answer.via)!.send(answer.datagram, { ...sender, port: answer.toPort });
  }
}
