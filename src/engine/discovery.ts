/**
 * Learns from the server under which endpoint the outside sees the socket of the tunnels, and keeps the NAT's mapping for it
 * open (docs/PROTOCOL.md, section 11). It sends nothing itself: whoever owns it calls `step` and carries the datagrams out.
 *
 * @module
 */
import { ProtocolError } from "../base/errors.ts";
import { type Endpoint, equalEndpoint } from "../base/ip.ts";
import { type Observation, SAFE_KEEPALIVE_MS } from "../nat/mod.ts";
import { equalSecret, hmac } from "../crypto/mod.ts";
import { datagramType, discovery, DISCOVERY_SOCKET, encodeWithMac, macInput } from "../protocol/mod.ts";

/** When a round asks, in ms after its start, until it is answered. */
const ROUND_OFFSETS_MS = [0, 250, 600, 1_200, 2_500, 5_000];

/** Questions of other sockets that are remembered. */
const MAX_ASIDE = 64;

/** After so many questions without an answer UDP does not get through. */
const SILENT_AFTER = 3;

/** From WELCOME. */
export interface DiscoveryServer {
  /** 8 bytes. */
  sessionId: Uint8Array;
  /** 32 bytes. */
  discoveryKey: Uint8Array;
  /** Its first socket; null = none. */
  first: Endpoint | null;
  /** Its second socket; null = none. */
  second: Endpoint | null;
  /** A socket on another address of it; null = none. */
  other: Endpoint | null;
}

/** What to send. */
export interface DiscoveryDatagram {
  /** A socket of the server. */
  to: Endpoint;
  /** DISCOVER. */
  datagram: Uint8Array;
}

/** An authentic DISCOVERED. */
export interface DiscoveryAnswer {
  /** Of the question. */
  counter: bigint;
  /** From where the server saw the question come. */
  endpoint: Endpoint;
  /** The socket of the server that answered. */
  socket: number;
}

/** Discovery for one login. */
export class Discovery {
  readonly #server: DiscoveryServer;
  #counter = 0n;
  #answeredCounter = -1n;
  #observed: Endpoint | null = null;
  /** How the server's second socket saw that of the tunnels. */
  #observedBySecond: Endpoint | null = null;
  /** How the socket on its other address saw it. */
  #observedByOther: Endpoint | null = null;
  /** Counters of questions that other sockets asked. */
  readonly #aside = new Set<bigint>();
  /** How often it asks again, which keeps the NAT's mapping open. */
  refreshMs: number = SAFE_KEEPALIVE_MS;
  #roundAt: number;
  #step = 0;
  #unanswered = 0;

  /** Starts a round at `now`, in monotonic ms. */
  constructor(server: DiscoveryServer, now: number) {
    this.#server = server;
    this.#roundAt = now;
  }

  /** How the server saw us last; null = not answered yet. */
  get observed(): Endpoint | null {
    return this.#observed;
  }

  /** The server's first socket; null = none. */
  get first(): Endpoint | null {
    return this.#server.first;
  }

  /** The server's second socket; null = none. */
  get second(): Endpoint | null {
    return this.#server.second;
  }

  /** Whether the server has a socket on another address. */
  get hasOther(): boolean {
    return this.#server.other !== null;
  }

  /** How the server's sockets saw that of the tunnels. */
  get observations(): Observation[] {
    const { first, second, other } = this.#server;
    const pairs = [[first, this.#observed], [second, this.#observedBySecond], [other, this.#observedByOther]] as const;
    return pairs.flatMap(([server, observed]) => server === null || observed === null ? [] : [{ server, observed }]);
  }

  /** Whether the server has been asked for a while and nothing came back. */
  get isSilent(): boolean {
    return this.#unanswered > SILENT_AFTER;
  }

  /** When to call {@linkcode Discovery.tick}; null = never. */
  nextWakeAt(): number | null {
    if (this.#server.first === null) return null;
    const offset = ROUND_OFFSETS_MS[this.#step];
    return this.#roundAt + (offset ?? this.refreshMs);
  }

  /** An address of this machine changed: asks at once. */
  restart(now: number): void {
    this.#roundAt = now;
    this.#step = 0;
  }

  /** What is due at `now`. */
  tick(now: number): DiscoveryDatagram[] {
    const wakeAt = this.nextWakeAt();
    if (wakeAt === null || now < wakeAt) return [];
    if (this.#step >= ROUND_OFFSETS_MS.length) this.restart(now);
    this.#step++;
    this.#unanswered++;
    return [this.#server.first, this.#server.second, this.#server.other].flatMap((to) =>
      to === null ? [] : [{ to, datagram: this.#ask(0).datagram }]
    );
  }

  /** A question for another socket than that of the tunnels; its answer is not taken for one about that. */
  ask(flags: number): { counter: bigint; datagram: Uint8Array } {
    const question = this.#ask(flags);
    this.#aside.add(question.counter);
    if (this.#aside.size > MAX_ASIDE) this.#aside.delete(this.#aside.values().next().value!);
    return question;
  }

  /** TEST: whether something from a stranger arrives at `endpoint`. */
  askTest(endpoint: Endpoint): { counter: bigint; datagram: Uint8Array } {
    const counter = ++this.#counter;
    const { sessionId } = this.#server;
    const datagram = encodeWithMac(discovery.test, { sessionId, counter, endpoint }, (input) => this.#mac(input));
    return { counter, datagram };
  }

  /** Whether a DISCOVER is one of ours. */
  isOwn(datagram: Uint8Array): boolean {
    try {
      const { mac } = discovery.discover.decode(datagram);
      return equalSecret(this.#mac(macInput(datagram)).subarray(0, mac.length), mac);
    } catch (error) {
      if (error instanceof ProtocolError) return false;
      throw error;
    }
  }

  /** Takes a DISCOVERED. True when it told something new. Anything that does not hold is ignored. */
  take(datagram: Uint8Array): boolean {
    const answer = this.open(datagram);
    if (answer === null || this.#aside.has(answer.counter) || answer.counter > this.#counter) return false;
    if (answer.socket === DISCOVERY_SOCKET.udp2Port) return this.#takeSecond(answer.endpoint);
    if (answer.socket === DISCOVERY_SOCKET.otherAddress) return this.#takeOther(answer.endpoint);
    if (answer.socket !== DISCOVERY_SOCKET.udpPort || answer.counter <= this.#answeredCounter) return false;
    this.#answeredCounter = answer.counter;
    this.#unanswered = 0;
    this.#step = ROUND_OFFSETS_MS.length;
    const isNew = this.#observed === null || !equalEndpoint(this.#observed, answer.endpoint);
    this.#observed = answer.endpoint;
    return isNew;
  }

  #takeSecond(endpoint: Endpoint): boolean {
    const isNew = this.#observedBySecond === null || !equalEndpoint(this.#observedBySecond, endpoint);
    this.#observedBySecond = endpoint;
    return isNew;
  }

  #takeOther(endpoint: Endpoint): boolean {
    const isNew = this.#observedByOther === null || !equalEndpoint(this.#observedByOther, endpoint);
    this.#observedByOther = endpoint;
    return isNew;
  }

  #ask(flags: number): { counter: bigint; datagram: Uint8Array } {
    const counter = ++this.#counter;
    const { sessionId } = this.#server;
    const datagram = encodeWithMac(discovery.discover, { sessionId, counter, flags }, (input) => this.#mac(input));
    return { counter, datagram };
  }

  /** Reads a DISCOVERED; null for what is malformed or not of our server. */
  open(datagram: Uint8Array): DiscoveryAnswer | null {
    try {
      const answer = discovery.discovered.decode(datagram);
      const expected = this.#mac(macInput(datagram)).subarray(0, answer.mac.length);
      return equalSecret(expected, answer.mac) ? answer : null;
    } catch (error) {
      if (error instanceof ProtocolError) return null;
      throw error;
    }
  }

  #mac(input: Uint8Array): Uint8Array {
    return hmac("sha256", this.#server.discoveryKey, input);
  }
}

/** Whether a control datagram, which may be anything, says that it is of this type. */
export function isOfType(datagram: Uint8Array, type: number): boolean {
  return datagram.length >= 5 && datagramType(datagram) === type;
}
