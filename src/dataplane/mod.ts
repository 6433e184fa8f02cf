/**
 * Packets between the tunnel device and the peers, on a thread of their own.
 *
 * @module
 */
import type { Endpoint } from "../base/ip.ts";
import { UserError } from "../base/errors.ts";
import type { TunnelDevice } from "../device/mod.ts";
import { SystemError } from "../ffi/errno.ts";
import { closeDescriptor } from "../ffi/posix_linux.ts";
import { openSocketPair } from "../ffi/socket_pair_linux.ts";
import { openUdpDescriptor, type UdpDescriptor } from "../ffi/udp_linux.ts";
import { MIN_SPI } from "../protocol/constants.ts";
import { MAX_TUNNELS } from "./arena.ts";
import { CommandSender } from "./command_sender.ts";
import { MAX_FRAME_LENGTH } from "./frame_sender.ts";
import type { WorkerMessage, WorkerStart } from "./commands.ts";
import type {
  AeadCost,
  ClassicKeys,
  DataPlane,
  DataPlaneCounters,
  DataPlaneEvent,
  Overlay,
  TunnelKeys,
  TunnelOptions,
  TunnelStats,
} from "./types.ts";

export type {
  AeadCost,
  ClassicKeys,
  DataPlane,
  DataPlaneCounters,
  DataPlaneEvent,
  Overlay,
  TunnelKeys,
  TunnelOptions,
  TunnelStats,
} from "./types.ts";

/** What a data plane is started with. */
export interface DataPlaneOptions {
  /** Where packets come from and go to. It must stay open until the data plane has stopped. */
  device: TunnelDevice;
  /** UDP port to bind; 0 = any. */
  port: number;
  /** Leaves the system's libcrypto aside, as if it were not there. Default false. */
  portableOnly?: boolean;
}

/** Starts the worker. @throws {UserError} when the port is taken, or nothing here can seal. */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  const socket = openSocket(options.port);
  const plane = new WorkerDataPlane(socket, options);
  await plane.started();
  return plane;
}

function openSocket(port: number): UdpDescriptor {
  try {
    return openUdpDescriptor(port);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new UserError(`Cannot listen on UDP port ${port}: ${error.message}`, {
      hint: "Choose another port with --port, or 0 for any.",
      cause: error,
    });
  }
}

// What the worker could not use would end it, and with it every tunnel.
function requireLength(what: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`Cannot use ${what} of ${bytes.length} bytes: it has ${length}`);
}

function requireKeyLengths(keys: TunnelKeys | ClassicKeys): void {
  if ("aead" in keys) {
    for (const key of [keys.sealKey, keys.openKey]) requireLength("a key", key, 32);
    for (const salt of [keys.sealSalt, keys.openSalt]) requireLength("a salt", salt, 12);
  } else {
    requireLength("a cipher key", keys.cipherKey, 32);
    requireLength("a MAC key", keys.macKey, 20);
  }
}

function requireSendable(bytes: Uint8Array): void {
  if (bytes.length > MAX_FRAME_LENGTH) throw new RangeError(`Cannot send ${bytes.length} bytes in one datagram`);
}

const STOPPED = "Cannot count: the data plane has stopped";

interface Report {
  tunnels: TunnelStats[];
  counters: DataPlaneCounters;
}

class WorkerDataPlane implements DataPlane {
  readonly port: number;
  #aeadCosts: readonly AeadCost[] = [];
  readonly #socket: UdpDescriptor;
  readonly #workerEnd: number;
  readonly #commands: CommandSender;
  readonly #worker: Worker;
  readonly #waitingControl = new Int32Array(new SharedArrayBuffer(4));
  readonly #listeners: ((event: DataPlaneEvent) => void)[] = [];
  readonly #reports: PromiseWithResolvers<Report>[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #spis = new Set<number>();
  #stopping: Promise<void> | undefined;
  #hasStopped = false;

  constructor(socket: UdpDescriptor, { device, portableOnly = false }: DataPlaneOptions) {
    const [ours, theirs] = openSocketPair();
    this.port = socket.port;
    this.#socket = socket;
    this.#workerEnd = theirs;
    this.#commands = new CommandSender(ours);
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "data plane" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#take(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#take({ on: "failed", reason: event.message });
      this.#take({ on: "stopped" });
    };
    const start: WorkerStart = {
      device: { descriptor: device.descriptor, hasUdpSegmentation: device.hasUdpSegmentation },
      socket: { descriptor: socket.descriptor, family: socket.family, hasSegmentation: socket.hasSegmentation },
      commands: theirs,
      waitingControl: this.#waitingControl.buffer,
      portableOnly,
    };
    this.#worker.postMessage(start);
  }

  get aeadCosts(): readonly AeadCost[] {
    return this.#aeadCosts;
  }

  /** Resolves when the worker runs. @throws {UserError} when it could not begin; all is closed then. */
  async started(): Promise<void> {
    try {
      await this.#ready.promise;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #take(message: WorkerMessage): void {
    switch (message.on) {
      case "ready":
        this.#aeadCosts = message.aeadCosts;
        return this.#ready.resolve();
      case "report":
        return this.#reports.shift()?.resolve(message);
      case "stopped":
        this.#hasStopped = true;
        for (const report of this.#reports.splice(0)) report.reject(new Error(STOPPED));
        return this.#stopped.resolve();
      case "control":
        Atomics.sub(this.#waitingControl, 0, 1);
        break;
      case "failed":
        this.#ready.reject(new UserError(`Cannot start the data plane: ${message.reason}`));
        break;
    }
    for (const listener of this.#listeners) listener(message);
  }

  setOverlay(overlay: Overlay): void {
    requireLength("an IPv6 prefix", overlay.prefix6, 12);
    this.#commands.send({ do: "setOverlay", overlay });
  }

  addTunnel(tunnel: TunnelOptions): void {
    if (tunnel.localSpi < MIN_SPI) throw new RangeError(`Cannot add a tunnel: SPI ${tunnel.localSpi} is reserved`);
    if (this.#spis.size >= MAX_TUNNELS && !this.#spis.has(tunnel.localSpi)) {
      throw new RangeError(`Cannot add a tunnel: there are ${MAX_TUNNELS} already`);
    }
    this.#spis.add(tunnel.localSpi);
    this.#commands.send({ do: "addTunnel", tunnel });
  }

  installKeys(localSpi: number, keys: TunnelKeys | ClassicKeys, use: "open" | "both"): void {
    requireKeyLengths(keys);
    this.#commands.send({ do: "installKeys", localSpi, keys, use });
  }

  useKeys(localSpi: number, epoch: number): void {
    this.#commands.send({ do: "useKeys", localSpi, epoch });
  }

  setPath(localSpi: number, endpoint: Endpoint | null): void {
    this.#commands.send({ do: "setPath", localSpi, endpoint });
  }

  setMaxDatagramLength(localSpi: number, length: number): void {
    this.#commands.send({ do: "setMaxDatagramLength", localSpi, length });
  }

  sendFrame(localSpi: number, endpoint: Endpoint | null, frameType: number, payload: Uint8Array): void {
    requireSendable(payload);
    this.#commands.send({ do: "sendFrame", localSpi, endpoint, frameType, payload });
  }

  sendDatagram(endpoint: Endpoint, bytes: Uint8Array): void {
    requireSendable(bytes);
    this.#commands.send({ do: "sendDatagram", endpoint, bytes });
  }

  openSearch(count: number): void {
    this.#commands.send({ do: "openSearch", count });
  }

  closeSearch(): void {
    this.#commands.send({ do: "closeSearch" });
  }

  searchDatagram(socket: number, endpoint: Endpoint, bytes: Uint8Array): void {
    requireSendable(bytes);
    this.#commands.send({ do: "searchDatagram", socket, endpoint, bytes });
  }

  searchFrame(localSpi: number, endpoint: Endpoint, frameType: number, payload: Uint8Array): void {
    requireSendable(payload);
    this.#commands.send({ do: "searchFrame", localSpi, endpoint, frameType, payload });
  }

  dropOwnSocket(localSpi: number): void {
    this.#commands.send({ do: "dropOwnSocket", localSpi });
  }

  route(virtualAddress: number, localSpi: number): void {
    this.#commands.send({ do: "route", virtualAddress, localSpi });
  }

  unroute(virtualAddress: number): void {
    this.#commands.send({ do: "unroute", virtualAddress });
  }

  refuse(virtualAddress: number): void {
    this.#commands.send({ do: "refuse", virtualAddress });
  }

  removeTunnel(localSpi: number): void {
    this.#spis.delete(localSpi);
    this.#commands.send({ do: "removeTunnel", localSpi });
  }

  async stats(): Promise<TunnelStats[]> {
    return (await this.#report()).tunnels;
  }

  async counters(): Promise<DataPlaneCounters> {
    return (await this.#report()).counters;
  }

  #report(): Promise<Report> {
    const report = Promise.withResolvers<Report>();
    if (this.#hasStopped || this.#stopping !== undefined) report.reject(new Error(STOPPED));
    else {
      this.#reports.push(report);
      this.#commands.send({ do: "report" });
    }
    return report.promise;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#commands.send({ do: "stop" });
    await this.#stopped.promise;
    this.#worker.terminate();
    this.#commands.close();
    closeDescriptor(this.#workerEnd);
    closeDescriptor(this.#socket.descriptor);
  }

  onEvent(listener: (event: DataPlaneEvent) => void): void {
    this.#listeners.push(listener);
  }
}
