import type { Endpoint } from "../base/ip.ts";
import { ByteReader } from "../base/bytes.ts";
import { INNER_FRAME } from "../protocol/inner_frames.ts";
import type { ReceiveMessage } from "../ffi/datagram_message_linux.ts";
import {
  readSocketAddress,
  sameSocketAddress,
  SOCKET_ADDRESS_LENGTH,
  type SocketFamily,
} from "../ffi/socket_address_linux.ts";
import { MAX_PACKET_LENGTH, RECEIVE_AT, RECEIVE_END } from "./arena.ts";
import type { DataPath, SocketPort } from "./data_path.ts";
import { DROP } from "./drops.ts";
import type { FrameSender } from "./frame_sender.ts";
import { PacketHeader, parsePacket } from "./packet.ts";
import type { PacketWriter } from "./packet_writer.ts";
import { clampSegmentSize } from "./segment_size.ts";
import { FRAME_TYPE_LENGTH, OpenedInfo, REFUSED } from "./protection.ts";
import { COUNT, type Tunnel } from "./tunnel.ts";

/** Receives per wake; more than reads, because without GRO each is one datagram. */
const MAX_RECEIVES = 64;
const RECEIVE_CAPACITY = MAX_PACKET_LENGTH + 1;
const ALIGNMENT = 64;
const SPI_LENGTH = 4;
/** Nothing of ours is longer, and what is not ours need not be copied to the main thread. */
const MAX_CONTROL_LENGTH = 1500;
const ROAMED_REPEAT_MS = 100;
const PROBE_ID_LENGTH = 8;
const ENDPOINT_LENGTH = 18;

const REFUSAL_DROPS: Readonly<Record<number, number>> = {
  [REFUSED.malformed]: DROP.malformedDatagram,
  [REFUSED.noKeys]: DROP.noOpeningKeys,
  [REFUSED.replayed]: DROP.replayed,
  [REFUSED.forged]: DROP.forged,
};

/** What {@linkcode Inbound} works with. */
export interface InboundParts {
  /** Shared with the other direction. */
  path: DataPath;
  /** Receives into `message`. */
  socket: SocketPort;
  /** The message that `socket` fills. */
  message: ReceiveMessage;
  /** Form of its addresses. */
  family: SocketFamily;
  /** Takes packets. */
  writer: PacketWriter;
  /** Answers probes. */
  frames: FrameSender;
  /** Gets each datagram whose first word is 0, by its place, its length and the place of its sender's address. */
  onControl: (at: number, length: number, addressAt: number) => void;
  /** The peer of a tunnel was heard on an extra socket; whether that is the tunnel's own now. */
  onHeardAside: (slot: number, tunnel: Tunnel) => boolean;
}

/** Datagrams from the socket: to the device, to the main thread, or nowhere. */
export class Inbound {
  readonly #path: DataPath;
  readonly #socket: SocketPort;
  readonly #message: ReceiveMessage;
  readonly #family: SocketFamily;
  readonly #writer: PacketWriter;
  readonly #frames: FrameSender;
  readonly #onControl: (at: number, length: number, addressAt: number) => void;
  readonly #onHeardAside: (slot: number, tunnel: Tunnel) => boolean;
  /** Where the datagrams at hand came in. */
  #source: SocketPort;
  /** Its slot, -1 = it is that of all tunnels. */
  #slot = -1;
  readonly #opened = new OpenedInfo();
  readonly #header = new PacketHeader();
  /** The tunnel of the last datagram; the next one is most often of the same. */
  #lastSpi = 0;
  #lastTunnel: Tunnel | undefined;

  /** Takes datagrams from `parts.socket`. */
  constructor(parts: InboundParts) {
    this.#path = parts.path;
    this.#socket = parts.socket;
    this.#message = parts.message;
    this.#family = parts.family;
    this.#writer = parts.writer;
    this.#frames = parts.frames;
    this.#onControl = parts.onControl;
    this.#onHeardAside = parts.onHeardAside;
    this.#source = parts.socket;
  }

  /** Must be called when tunnels were added or removed. */
  forgetLast(): void {
    this.#lastSpi = 0;
    this.#lastTunnel = undefined;
  }

  /** The same as {@linkcode Inbound.drain} for an extra socket. */
  drainAside(slot: number, socket: SocketPort): number {
    this.#source = socket;
    this.#slot = slot;
    const result = this.drain();
    this.#source = this.#socket;
    this.#slot = -1;
    return result;
  }

  /** Takes what waits at the socket, up to a limit. Returns 0, or -errno of a receive that failed. */
  drain(): number {
    const { tally } = this.#path;
    const writer = this.#writer;
    let at = RECEIVE_AT;
    let length = 0;
    for (let count = 0; count < MAX_RECEIVES; count++) {
      this.#message.arm(at, RECEIVE_CAPACITY);
      length = this.#source.receive();
      if (length < 0) break;
      tally.receives++;
      this.#train(at, length);
      // What waits to be joined must not be overwritten; the next receive goes behind it while there is room.
      at = Math.ceil((at + length) / ALIGNMENT) * ALIGNMENT;
      if (!writer.isPending || at + RECEIVE_CAPACITY > RECEIVE_END) {
        writer.flush();
        at = RECEIVE_AT;
      }
    }
    writer.flush();
    return Math.min(length, 0);
  }

  #train(at: number, length: number): void {
    const segment = this.#message.segmentLength(length);
    const end = at + length;
    for (let datagramAt = at; datagramAt < end; datagramAt += segment) {
      this.#path.tally.datagramsReceived++;
      this.#datagram(datagramAt, Math.min(segment, end - datagramAt));
    }
  }

  #datagram(at: number, length: number): void {
    const { table, tally, memory } = this.#path;
    if (length < SPI_LENGTH) return tally.drop(DROP.malformedDatagram);
    const spi = memory.view.getInt32(at);
    if (spi === 0) {
      if (length > MAX_CONTROL_LENGTH) return tally.drop(DROP.malformedDatagram);
      return this.#onControl(at, length, this.#message.addressAt);
    }
    if (spi !== this.#lastSpi) {
      this.#lastTunnel = table.bySpi(spi);
      this.#lastSpi = spi;
    }
    const tunnel = this.#lastTunnel;
    if (tunnel === undefined) return tally.drop(DROP.unknownSpi);
    const plaintextLength = tunnel.protection.open(at, length, this.#path.now, this.#opened);
    if (plaintextLength < 0) return tally.drop(REFUSAL_DROPS[plaintextLength]!);
    tunnel.receivedAt = this.#path.now;
    if (this.#slot >= 0) this.#heardAside(tunnel);
    if (this.#opened.isNewest) this.#watchSource(tunnel);
    this.#frame(tunnel, at + tunnel.protection.headerLength, plaintextLength, length);
  }

  /** Tells the main thread when the newest datagram came from elsewhere than the path; what follows is its decision. */
  #watchSource(tunnel: Tunnel): void {
    const { memory: { view }, now } = this.#path;
    const { addressAt } = this.#message;
    if (tunnel.hasPath && sameSocketAddress(view, addressAt, tunnel.pathAt)) return;
    const isKnown = sameSocketAddress(view, addressAt, tunnel.otherAt);
    if (now - tunnel.roamedAt < (isKnown ? 10 : 1) * ROAMED_REPEAT_MS) return;
    this.#tellRoamed(tunnel);
  }

  #tellRoamed(tunnel: Tunnel): void {
    tunnel.roamedAt = this.#path.now;
    copyAddress(this.#path.memory.view, this.#message.addressAt, tunnel.otherAt);
    this.#path.emit({ on: "roamed", localSpi: tunnel.options.localSpi, from: this.#from() });
  }

  /** Of a search often one datagram gets through: it counts, whatever overtook it on another path. */
  #heardAside(tunnel: Tunnel): void {
    if (tunnel.hasOwnSocket || !this.#onHeardAside(this.#slot, tunnel)) return;
    copyAddress(this.#path.memory.view, this.#message.addressAt, tunnel.ownSocketAt);
    tunnel.setOwnSocket(this.#source);
    this.#tellRoamed(tunnel);
  }

  #from(): Endpoint {
    return readSocketAddress(this.#path.memory.view, this.#message.addressAt, this.#family);
  }

  #frame(tunnel: Tunnel, at: number, length: number, datagramLength: number): void {
    const type = this.#path.memory.view.getUint8(at);
    const bodyAt = at + FRAME_TYPE_LENGTH;
    const bodyLength = length - FRAME_TYPE_LENGTH;
    switch (type) {
      case INNER_FRAME.packet:
      case INNER_FRAME.partialChecksumPacket:
        return this.#packet(tunnel, bodyAt, bodyLength, type === INNER_FRAME.partialChecksumPacket);
      case INNER_FRAME.keepalive:
        return;
      case INNER_FRAME.probe:
      case INNER_FRAME.mtuProbe:
        if (bodyLength < PROBE_ID_LENGTH) return this.#refuse(tunnel, DROP.malformedFrame);
        return this.#frames.answer(tunnel, type, bodyAt, this.#message.addressAt, datagramLength, this.#source);
      case INNER_FRAME.probeAnswer:
        return this.#probeAnswer(tunnel, bodyAt, bodyLength);
      default:
        return this.#deliver(tunnel, type, bodyAt, bodyLength);
    }
  }

  #packet(tunnel: Tunnel, at: number, length: number, isPartial: boolean): void {
    const { table, memory: { view } } = this.#path;
    const header = this.#header;
    // Any tunnel of a routed address may deliver: while a new one takes over, both do.
    if (table.byAddress(tunnel.virtualAddress) === undefined) return this.#refuse(tunnel, DROP.notRouted);
    if (!parsePacket(view, at, length, header)) return this.#refuse(tunnel, DROP.malformedPacket);
    if (!table.hasSource(view, at, header.version, tunnel.virtualAddress)) {
      return this.#refuse(tunnel, DROP.wrongSource);
    }
    if (!table.isForUs(view, at, header.version)) return this.#refuse(tunnel, DROP.wrongDestination);
    clampSegmentSize(view, at, header, tunnel.maxPacketLength, isPartial);
    tunnel.counts[COUNT.packetsIn]!++;
    tunnel.counts[COUNT.bytesIn]! += length;
    this.#writer.add(at, length, header, isPartial);
  }

  #refuse(tunnel: Tunnel, reason: number): void {
    tunnel.counts[COUNT.dropsIn]!++;
    this.#path.tally.drop(reason);
  }

  #probeAnswer(tunnel: Tunnel, at: number, length: number): void {
    if (length < PROBE_ID_LENGTH + ENDPOINT_LENGTH) return this.#refuse(tunnel, DROP.malformedFrame);
    const reader = new ByteReader(this.#path.memory.bytes.subarray(at, at + length));
    const probeId = reader.u64();
    const seenAs = { address: reader.bytes(16), port: reader.u16() };
    const rttMs = tunnel.probeAnswered(probeId, this.#path.exactNow);
    if (rttMs === null) return this.#refuse(tunnel, DROP.malformedFrame);
    const { localSpi } = tunnel.options;
    this.#path.emit({ on: "probeAnswer", localSpi, from: this.#from(), probeId, rttMs, seenAs });
  }

  #deliver(tunnel: Tunnel, frameType: number, at: number, length: number): void {
    const { epoch, sequence, isNewest } = this.#opened;
    const payload = this.#path.memory.bytes.slice(at, at + length);
    const { localSpi } = tunnel.options;
    this.#path.emit({ on: "frame", localSpi, from: this.#from(), epoch, sequence, isNewest, frameType, payload });
  }
}

function copyAddress(view: DataView, from: number, to: number): void {
  for (let offset = 0; offset < SOCKET_ADDRESS_LENGTH; offset += 4) {
    view.setInt32(to + offset, view.getInt32(from + offset));
  }
}
