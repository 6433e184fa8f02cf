import type { Endpoint } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import { ReceiveMessage, SendMessage } from "../ffi/datagram_message_linux.ts";
import type { NativeMemory } from "../ffi/native_memory.ts";
import { readSocketAddress, socketAddressLength, type SocketFamily } from "../ffi/socket_address_linux.ts";
import type { AeadMakers } from "./aead_choice.ts";
import { OTHER_ADDRESS_AT, RECEIVE_MESSAGE_AT, SEND_MESSAGE_AT } from "./arena.ts";
import { ClassicProtection } from "./classic_protection.ts";
import type { Command } from "./commands.ts";
import { ControlGate } from "./control_gate.ts";
import type { DataPath, DevicePort, SocketPort } from "./data_path.ts";
import { DROP } from "./drops.ts";
import { type ExtraSocketOpener, ExtraSockets } from "./extra_sockets.ts";
import { FrameSender } from "./frame_sender.ts";
import { IcmpErrors } from "./icmp_errors.ts";
import { Inbound } from "./inbound.ts";
import { ModernProtection } from "./modern_protection.ts";
import { Outbound } from "./outbound.ts";
import { PacketWriter } from "./packet_writer.ts";
import type { Protection, ProtectionListener } from "./protection.ts";
import { SendBatch } from "./send_batch.ts";
import { Tally } from "./tally.ts";
import { Tunnel } from "./tunnel.ts";
import { TunnelTable } from "./tunnel_table.ts";
import type { DataPlaneCounters, DataPlaneEvent, TunnelOptions, TunnelStats } from "./types.ts";

const REKEY_REPEAT_MS = 5000;

/** What the core is given. */
export interface CoreParts {
  /** From `createArena`. */
  memory: NativeMemory;
  /** Where packets come from and go to. */
  device: DevicePort;
  /** Whether the device takes UDP super-packets. */
  joinsUdp: boolean;
  /** Where datagrams come from and go to. */
  socket: SocketPort;
  /** Opens sockets beside it. */
  openExtra: ExtraSocketOpener;
  /** Which addresses the sockets speak. */
  family: SocketFamily;
  /** Whether the socket cuts trains into datagrams. */
  canSegment: boolean;
  /** From `chooseAeads`. */
  makers: AeadMakers;
  /** For initialisation vectors of suite 1, and to place addresses in the control gate. */
  random: Random;
  /** Tells the main thread. */
  emit: (event: DataPlaneEvent) => void;
  /** How many control datagrams the main thread has not yet taken. */
  waitingControl: () => number;
}

/**
 * The data plane without a thread, a clock or a descriptor of its own: commands, packets and time go in; packets, datagrams
 * and events come out. The worker runs it over the kernel, tests over arrays.
 */
export class DataPlaneCore {
  readonly #path: DataPath;
  readonly #parts: CoreParts;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #frames: FrameSender;
  readonly #gate: ControlGate;
  readonly #extra: ExtraSockets;

  /** A core that knows no tunnel; its time is 0. */
  constructor(parts: CoreParts) {
    const { memory, device, socket, family, emit } = parts;
    const nameLength = socketAddressLength(family);
    const tally = new Tally();
    const batch = new SendBatch(
      new SendMessage(memory, SEND_MESSAGE_AT, nameLength),
      socket,
      tally,
      parts.canSegment,
    );
    this.#parts = parts;
    this.#path = { memory, table: new TunnelTable(), tally, batch, emit, now: 0, exactNow: 0 };
    this.#extra = new ExtraSockets(parts.openExtra);
    this.#gate = new ControlGate(parts.random.u32());
    this.#frames = new FrameSender(this.#path, family);
    const writer = new PacketWriter(memory, device, tally, parts.joinsUdp);
    this.#outbound = new Outbound(this.#path, device, new IcmpErrors(this.#path, writer));
    this.#inbound = new Inbound({
      path: this.#path,
      socket,
      message: new ReceiveMessage(memory, RECEIVE_MESSAGE_AT, nameLength),
      family,
      writer,
      frames: this.#frames,
      onControl: (at, length, addressAt) => this.#control(at, length, addressAt),
      onHeardAside: (slot, tunnel) => this.#extra.take(slot, tunnel),
    });
  }

  /** Sets the time for all that follows, in milliseconds that never go back. */
  setTime(now: number): void {
    this.#path.now = Math.floor(now);
    this.#path.exactNow = now;
  }

  /** Moves packets from the device to tunnels; 0, or -errno of the read that failed. */
  fromDevice(): number {
    return this.#outbound.drain();
  }

  /** Moves datagrams from the socket to the device and to the main thread; 0, or -errno of the receive that failed. */
  fromSocket(): number {
    return this.#inbound.drain();
  }

  /** The same for the extra socket in `slot`; nothing if it was closed meanwhile. */
  fromExtraSocket(slot: number): void {
    const socket = this.#extra.inSlot(slot);
    if (socket !== undefined) this.#inbound.drainAside(slot, socket);
  }

  /** Clears what is past its time; whether there is something left that will be, so that this must be called again. */
  tick(): boolean {
    let isNeeded = this.#outbound.expireHeld();
    for (const tunnel of this.#path.table.all) isNeeded = tunnel.protection.expire(this.#path.now) || isNeeded;
    return isNeeded;
  }

  /** Counters of all tunnels. */
  stats(): TunnelStats[] {
    return [...this.#path.table.all].map((tunnel) => tunnel.stats(this.#path.now));
  }

  /** Counters of the whole. */
  counters(): Omit<DataPlaneCounters, "heapBytes"> {
    return this.#path.tally.counters();
  }

  /** Clears all keys. */
  close(): void {
    for (const tunnel of [...this.#path.table.all]) this.#path.table.remove(tunnel);
    this.#extra.close();
  }

  /** Carries out a command; those for tunnels that are gone are ignored, because they may cross with the tunnel's end. */
  handle(command: Command): void {
    const { table } = this.#path;
    switch (command.do) {
      case "setOverlay":
        return table.setOverlay(command.overlay);
      case "addTunnel":
        return this.#addTunnel(command.tunnel);
      case "sendDatagram":
        return this.#sendControl(command.endpoint, command.bytes, null);
      case "openSearch":
        return this.#extra.openForSearch(command.count);
      case "closeSearch":
        return this.#extra.closeSearch();
      case "searchDatagram": {
        const socket = this.#extra.ofSearch(command.socket);
        return socket && this.#sendControl(command.endpoint, command.bytes, socket);
      }
      case "unroute":
        return table.unroute(command.virtualAddress);
      case "refuse":
        return this.#outbound.refuse(command.virtualAddress | 0);
      case "report":
      case "stop":
        return;
      default: {
        const tunnel = table.bySpi(command.localSpi);
        if (tunnel !== undefined) this.#handleFor(tunnel, command);
      }
    }
  }

  #sendControl(endpoint: Endpoint, bytes: Uint8Array, socket: SocketPort | null): void {
    if (!this.#frames.sendControl(endpoint, bytes, socket)) return;
    this.#gate.noteSent(this.#path.memory.view, OTHER_ADDRESS_AT, this.#path.now);
  }

  #sendFromSearch(tunnel: Tunnel, { endpoint, frameType, payload }: Command & { do: "searchFrame" }): void {
    for (let number = 0; number < this.#extra.searchCount; number++) {
      const socket = this.#extra.ofSearch(number);
      if (socket !== undefined) this.#frames.sendFrom(socket, tunnel, endpoint, frameType, payload);
    }
  }

  #handleFor(tunnel: Tunnel, command: Extract<Command, { localSpi: number }>): void {
    const { table, memory: { view }, now } = this.#path;
    switch (command.do) {
      case "installKeys":
        tunnel.protection.install(command.keys, command.use, now);
        break;
      case "useKeys":
        tunnel.protection.use(command.epoch, now);
        break;
      case "setPath":
        tunnel.setPath(view, command.endpoint, this.#parts.family);
        break;
      case "setMaxDatagramLength":
        return tunnel.setMaxDatagramLength(command.length);
      case "route":
        table.route(command.virtualAddress, tunnel);
        break;
      case "sendFrame":
        return this.#frames.send(tunnel, command.endpoint, command.frameType, command.payload);
      case "searchFrame":
        return this.#sendFromSearch(tunnel, command);
      case "dropOwnSocket":
        return this.#extra.release(tunnel);
      case "removeTunnel":
        this.#inbound.forgetLast();
        this.#extra.release(tunnel);
        return table.remove(tunnel);
    }
    // Each of these may have been what held packets waited for.
    this.#outbound.releaseHeld();
  }

  #addTunnel(options: TunnelOptions): void {
    const { table } = this.#path;
    const former = table.bySpi(options.localSpi);
    if (former !== undefined) {
      this.#extra.release(former);
      table.remove(former);
    }
    this.#inbound.forgetLast();
    const protection = this.#protect(options, listenTo(options.localSpi, this.#path.emit));
    table.add(new Tunnel(options, protection, table.takePlace()));
  }

  #protect(options: TunnelOptions, listener: ProtectionListener): Protection {
    const { memory, makers, random } = this.#parts;
    const { remoteSpi, suite } = options;
    if (suite === 2) return new ModernProtection(memory, remoteSpi, makers, listener);
    return new ClassicProtection(memory, remoteSpi, (length) => random.bytes(length), listener);
  }

  #control(at: number, length: number, addressAt: number): void {
    const { memory: { view, bytes }, tally, now } = this.#path;
    if (!this.#gate.passes(view, addressAt, this.#parts.waitingControl(), now)) {
      return tally.drop(DROP.tooManyControlDatagrams);
    }
    const from = readSocketAddress(view, addressAt, this.#parts.family);
    this.#path.emit({ on: "control", from, datagram: bytes.slice(at, at + length) });
  }
}

/** Turns what keys say into events about their tunnel, and wishes for new keys into one each 5 s. */
function listenTo(localSpi: number, emit: (event: DataPlaneEvent) => void): ProtectionListener {
  let askedAt = -Infinity;
  return {
    keysConfirmed: (epoch) => emit({ on: "keysConfirmed", localSpi, epoch }),
    rekeyWanted: (now) => {
      if (now - askedAt < REKEY_REPEAT_MS) return;
      askedAt = now;
      emit({ on: "rekeyWanted", localSpi });
    },
  };
}
