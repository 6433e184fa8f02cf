import type { Endpoint } from "../base/ip.ts";
import { sameSocketAddress, type SocketFamily, writeSocketAddress } from "../ffi/socket_address_linux.ts";
import { ADDRESSES_AT, MAX_PACKET_LENGTH, MAX_TUNNELS, TUNNEL_ADDRESSES_LENGTH } from "./arena.ts";
import type { SocketPort } from "./data_path.ts";
import { FRAME_TYPE_LENGTH, type Protection } from "./protection.ts";
import type { TunnelOptions, TunnelStats } from "./types.ts";

const ADDRESS_ROOM = TUNNEL_ADDRESSES_LENGTH / 3;
/** Probes whose answer is awaited; an older one without an answer gives up its place. */
const PROBE_COUNT = 32;

/** Places of a tunnel's counters; an array of doubles, because a field that grows past 31 bits would allocate. */
export const COUNT = { bytesIn: 0, packetsIn: 1, bytesOut: 2, packetsOut: 3, dropsIn: 4, dropsOut: 5 } as const;

/** What the worker knows of one tunnel. */
export class Tunnel {
  /** As the control plane gave them. */
  readonly options: TunnelOptions;
  /** Its keys. */
  readonly protection: Protection;
  /** The peer's IPv4 address as a signed number, as packets are compared. */
  readonly virtualAddress: number;
  /** By the places of {@linkcode COUNT}. */
  readonly counts: Float64Array = new Float64Array(6);
  /** Which of the arena's pairs of addresses is this tunnel's. */
  readonly place: number;
  /** Where the `struct sockaddr` of the path is in the arena. */
  readonly pathAt: number;
  /** Where that of the last datagram from elsewhere is. */
  readonly otherAt: number;
  /** Where that of the peer is to which the tunnel's own socket leads. */
  readonly ownSocketAt: number;
  /** Whether datagrams can be sent along a path. */
  hasPath = false;
  /** The socket of the path; null = that of all tunnels. */
  pathSocket: SocketPort | null = null;
  /** Longest packet that the path carries. */
  maxPacketLength: number = MAX_PACKET_LENGTH;
  /** When the last authentic datagram came, or -1. */
  receivedAt: number = -1;
  /** When the control plane was last told of a datagram from elsewhere. */
  roamedAt: number = -Infinity;
  readonly #probes = new Map<bigint, number>();
  #ownSocket: SocketPort | null = null;

  /** `place` is below {@linkcode MAX_TUNNELS} and this tunnel's alone. */
  constructor(options: TunnelOptions, protection: Protection, place: number) {
    if (place >= MAX_TUNNELS) {
      throw new RangeError(`Cannot add tunnel ${options.localSpi}: there are ${MAX_TUNNELS} already`);
    }
    this.options = options;
    this.place = place;
    this.protection = protection;
    this.virtualAddress = options.virtualAddress | 0;
    this.pathAt = ADDRESSES_AT + place * TUNNEL_ADDRESSES_LENGTH;
    this.otherAt = this.pathAt + ADDRESS_ROOM;
    this.ownSocketAt = this.otherAt + ADDRESS_ROOM;
  }

  /** Whether a packet could be sealed and sent now. */
  isReady(now: number): boolean {
    return this.hasPath && this.protection.isReady(now);
  }

  /** Sets where datagrams go; a socket of IPv4 alone has no path to an IPv6 endpoint. */
  setPath(view: DataView, endpoint: Endpoint | null, family: SocketFamily): void {
    this.hasPath = endpoint !== null && writeSocketAddress(view, this.pathAt, endpoint, family);
    view.setInt32(this.otherAt, 0);
    this.pathSocket = this.hasPath ? this.socketTo(view, this.pathAt) : null;
  }

  /** Sets how long datagrams may be. */
  setMaxDatagramLength(length: number): void {
    this.maxPacketLength = Math.min(MAX_PACKET_LENGTH, this.protection.plaintextLength(length) - FRAME_TYPE_LENGTH);
  }

  /** Whether there is a socket of this tunnel alone. */
  get hasOwnSocket(): boolean {
    return this.#ownSocket !== null;
  }

  /** Gives it a socket of its own, which leads to the `struct sockaddr` at `ownSocketAt`, or takes it away. */
  setOwnSocket(socket: SocketPort | null): void {
    this.#ownSocket = socket;
    this.pathSocket = null;
  }

  /** The socket that leads to the `struct sockaddr` at `addressAt`; null = that of all tunnels. */
  socketTo(view: DataView, addressAt: number): SocketPort | null {
    return this.#ownSocket !== null && sameSocketAddress(view, addressAt, this.ownSocketAt) ? this.#ownSocket : null;
  }

  /** Remembers when a probe left. */
  probeSent(probeId: bigint, now: number): void {
    this.#probes.set(probeId, now);
    if (this.#probes.size <= PROBE_COUNT) return;
    for (const oldest of this.#probes.keys()) {
      this.#probes.delete(oldest);
      return;
    }
  }

  /** The round trip of a probe that was sent and not answered before, in milliseconds; else null. */
  probeAnswered(probeId: bigint, now: number): number | null {
    const sentAt = this.#probes.get(probeId);
    this.#probes.delete(probeId);
    return sentAt === undefined ? null : now - sentAt;
  }

  /** The counters, for people. */
  stats(now: number): TunnelStats {
    const { counts } = this;
    return {
      localSpi: this.options.localSpi,
      bytesIn: counts[COUNT.bytesIn]!,
      packetsIn: counts[COUNT.packetsIn]!,
      bytesOut: counts[COUNT.bytesOut]!,
      packetsOut: counts[COUNT.packetsOut]!,
      dropsIn: counts[COUNT.dropsIn]!,
      dropsOut: counts[COUNT.dropsOut]!,
      idleInMs: this.receivedAt < 0 ? null : now - this.receivedAt,
    };
  }
}
