/** Data-plane cores joined by arrays instead of a kernel, on a clock of the test's own. */
import { type Endpoint, mappedIpv4 } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { chooseAeads } from "../../src/dataplane/aead_choice.ts";
import { createArena } from "../../src/dataplane/arena.ts";
import type { Command } from "../../src/dataplane/commands.ts";
import { DataPlaneCore } from "../../src/dataplane/core.ts";
import type { DataPlaneEvent, TunnelKeys, TunnelOptions } from "../../src/dataplane/types.ts";
import type { NativeMemory } from "../../src/ffi/native_memory.ts";
import { ArrayDevice, ArraySocket, deviceMessage } from "./arena_ports.ts";
import { buildPacket, PREFIX6 } from "./packets.ts";

export const POOL = { base: 0x0a4d0000, bits: 16 };
/** Virtual addresses of the two ends. */
export const A = 0x0a4d0001;
export const B = 0x0a4d0002;
/** Inbound SPIs of the two ends. */
export const SPI_A = 0x8000_1001;
export const SPI_B = 0x7fff_2002;

export function endpoint(host: number, port = 5000): Endpoint {
  return { address: mappedIpv4(0xc0000200 + host), port };
}

export const ENDPOINT_A: Endpoint = endpoint(1);
export const ENDPOINT_B: Endpoint = endpoint(2);

/** A packet from A to B that holds a number of 16 bits. */
export function numbered(number: number): Uint8Array {
  return buildPacket({ source: A, destination: B, protocol: "udp", payload: Uint8Array.of(number >> 8, number & 255) });
}

/** One end: a core, its ports, and the events it told. */
export class CoreEnd {
  readonly memory: NativeMemory = createArena();
  readonly device: ArrayDevice = new ArrayDevice(this.memory);
  readonly socket: ArraySocket = new ArraySocket(this.memory);
  /** Sockets beside it, by slot. */
  readonly extra: (ArraySocket | undefined)[] = [];
  readonly events: DataPlaneEvent[] = [];
  /** What the main thread has not yet taken. */
  waitingControl = 0;
  readonly core: DataPlaneCore;

  constructor(options: { canSegment?: boolean; joinsUdp?: boolean; portableOnly?: boolean } = {}) {
    this.core = new DataPlaneCore({
      memory: this.memory,
      device: this.device,
      joinsUdp: options.joinsUdp ?? true,
      socket: this.socket,
      openExtra: (slot) => {
        const port = this.extra[slot] = new ArraySocket(this.memory);
        return { port, close: () => this.extra[slot] = undefined };
      },
      family: "dual",
      canSegment: options.canSegment ?? true,
      makers: chooseAeads(this.memory, options.portableOnly ?? false),
      random: seededRandom(1),
      emit: (event) => void this.events.push(event),
      waitingControl: () => this.waitingControl,
    });
  }

  do(...commands: Command[]): void {
    for (const command of commands) this.core.handle(command);
  }

  /** The events of one kind, oldest first. */
  told<K extends DataPlaneEvent["on"]>(on: K): Extract<DataPlaneEvent, { on: K }>[] {
    return this.events.filter((event): event is Extract<DataPlaneEvent, { on: K }> => event.on === on);
  }

  /** Takes every message from the device until there are none. */
  readDevice(): void {
    while (this.device.toRead.length > 0) this.core.fromDevice();
  }

  /** Hands over datagrams, each by itself or as trains like those a sending kernel made. */
  receive(from: Endpoint, datagrams: readonly Uint8Array[], asTrain = false): void {
    if (asTrain && datagrams.length > 0) {
      const bytes = new Uint8Array(datagrams.reduce((sum, datagram) => sum + datagram.length, 0));
      datagrams.reduce((at, datagram) => (bytes.set(datagram, at), at + datagram.length), 0);
      this.socket.toReceive.push({ from, bytes, segment: datagrams[0]!.length });
    } else for (const bytes of datagrams) this.socket.toReceive.push({ from, bytes });
    while (this.socket.toReceive.length > 0) this.core.fromSocket();
  }

  /** Hands a datagram to the extra socket in a slot. */
  receiveAside(slot: number, from: Endpoint, datagram: Uint8Array): void {
    this.extra[slot]!.toReceive.push({ from, bytes: datagram });
    this.core.fromExtraSocket(slot);
  }

  /** Takes what was sent. */
  takeSent(): Uint8Array[] {
    return this.socket.sent.splice(0).flatMap((train) => train.datagrams);
  }

  /** The numbers of the packets written, each made by {@linkcode numbered}. */
  numbersWritten(): number[] {
    return this.device.written.map(({ packet }) => (packet.at(-2)! << 8) | packet.at(-1)!);
  }

  /** Drops so far, by reason, those that are not 0. */
  drops(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.core.counters().drops).filter(([, count]) => count > 0));
  }
}

/** Keys of one epoch for both ends. */
export function keyPair(
  epoch: number,
  firstSequence = 1,
  aead: 1 | 2 = 1,
  isPlain = false,
): { a: TunnelKeys; b: TunnelKeys } {
  const random = seededRandom(1000 + epoch);
  const [keyA, keyB] = [random.bytes(32), random.bytes(32)];
  const [saltA, saltB] = [random.bytes(12), random.bytes(12)];
  const common = { epoch, aead, isPlain, firstSequence };
  return {
    a: { ...common, sealKey: keyA, sealSalt: saltA, openKey: keyB, openSalt: saltB },
    b: { ...common, sealKey: keyB, sealSalt: saltB, openKey: keyA, openSalt: saltA },
  };
}

const CLASSIC_KEYS = { cipherKey: new Uint8Array(32).fill(3), macKey: new Uint8Array(20).fill(4), firstSequence: 65 };

export interface WorldOptions {
  suite?: 1 | 2;
  aead?: 1 | 2;
  peerAcceptsPartialChecksum?: boolean;
  canSegment?: boolean;
  joinsUdp?: boolean;
  portableOnly?: boolean;
  firstSequence?: number;
}

/** Two ends with a tunnel between them that works. */
export class CoreWorld {
  readonly a: CoreEnd;
  readonly b: CoreEnd;

  constructor(options: WorldOptions = {}) {
    this.a = new CoreEnd(options);
    this.b = new CoreEnd(options);
    const { suite = 2, aead = 1, peerAcceptsPartialChecksum = true, firstSequence = 1 } = options;
    const tunnel = (localSpi: number, remoteSpi: number, virtualAddress: number): TunnelOptions => ({
      localSpi,
      remoteSpi,
      suite,
      virtualAddress,
      peerAcceptsPartialChecksum,
    });
    const pair = keyPair(0, firstSequence, aead);
    const [keysA, keysB] = suite === 2 ? [pair.a, pair.b] : [CLASSIC_KEYS, CLASSIC_KEYS];
    this.a.do(
      { do: "setOverlay", overlay: { virtualAddress: A, pool: POOL, prefix6: PREFIX6 } },
      { do: "addTunnel", tunnel: tunnel(SPI_A, SPI_B, B) },
      { do: "installKeys", localSpi: SPI_A, keys: keysA, use: "both" },
      { do: "setPath", localSpi: SPI_A, endpoint: ENDPOINT_B },
      { do: "route", virtualAddress: B, localSpi: SPI_A },
    );
    this.b.do(
      { do: "setOverlay", overlay: { virtualAddress: B, pool: POOL, prefix6: PREFIX6 } },
      { do: "addTunnel", tunnel: tunnel(SPI_B, SPI_A, A) },
      { do: "installKeys", localSpi: SPI_B, keys: keysB, use: "both" },
      { do: "setPath", localSpi: SPI_B, endpoint: ENDPOINT_A },
      { do: "route", virtualAddress: A, localSpi: SPI_B },
    );
  }

  setTime(now: number): void {
    this.a.core.setTime(now);
    this.b.core.setTime(now);
  }

  /** A's system sends a packet with a number. */
  sendNumber(number: number): void {
    this.a.device.toRead.push(deviceMessage(numbered(number)));
    this.a.readDevice();
  }

  /** A sends a frame, along its path unless told otherwise. */
  sendFrame(frameType: number, payload: Uint8Array, to: Endpoint | null = null): void {
    this.a.do({ do: "sendFrame", localSpi: SPI_A, endpoint: to, frameType, payload });
  }

  /** Carries what A sent to B and the other way until nothing is left. */
  carry(asTrains = false): void {
    for (let left = 100; left > 0; left--) {
      const trains = [this.a.socket.sent.splice(0), this.b.socket.sent.splice(0)];
      if (trains[0]!.length + trains[1]!.length === 0) return;
      for (const train of trains[0]!) this.b.receive(ENDPOINT_A, train.datagrams, asTrains);
      for (const train of trains[1]!) this.a.receive(ENDPOINT_B, train.datagrams, asTrains);
    }
    throw new Error("Cannot come to rest: the two ends answer each other for ever");
  }
}
