import type { Endpoint } from "../base/ip.ts";
import { Buffer } from "node:buffer";
import { deserialize, serialize } from "node:v8";
import type { SocketFamily } from "../ffi/socket_address_linux.ts";
import type {
  AeadCost,
  ClassicKeys,
  DataPlaneCounters,
  DataPlaneEvent,
  Overlay,
  TunnelKeys,
  TunnelOptions,
  TunnelStats,
} from "./types.ts";

/** What the main thread tells the worker; named after the methods of `DataPlane`. */
export type Command =
  | { do: "setOverlay"; overlay: Overlay }
  | { do: "addTunnel"; tunnel: TunnelOptions }
  | { do: "installKeys"; localSpi: number; keys: TunnelKeys | ClassicKeys; use: "open" | "both" }
  | { do: "useKeys"; localSpi: number; epoch: number }
  | { do: "setPath"; localSpi: number; endpoint: Endpoint | null }
  | { do: "setMaxDatagramLength"; localSpi: number; length: number }
  | { do: "sendFrame"; localSpi: number; endpoint: Endpoint | null; frameType: number; payload: Uint8Array }
  | { do: "sendDatagram"; endpoint: Endpoint; bytes: Uint8Array }
  | { do: "openSearch"; count: number }
  | { do: "closeSearch" }
  | { do: "searchDatagram"; socket: number; endpoint: Endpoint; bytes: Uint8Array }
  | { do: "searchFrame"; localSpi: number; endpoint: Endpoint; frameType: number; payload: Uint8Array }
  | { do: "dropOwnSocket"; localSpi: number }
  | { do: "route"; virtualAddress: number; localSpi: number }
  | { do: "unroute"; virtualAddress: number }
  | { do: "refuse"; virtualAddress: number }
  | { do: "removeTunnel"; localSpi: number }
  | { do: "report" }
  | { do: "stop" };

/** What the worker posts to the main thread. */
export type WorkerMessage =
  | { on: "ready"; aeadCosts: AeadCost[] }
  | { on: "report"; tunnels: TunnelStats[]; counters: DataPlaneCounters }
  | { on: "stopped" }
  | DataPlaneEvent;

/** What the worker is given at its start; it closes none of the descriptors. */
export interface WorkerStart {
  /** The tunnel device. */
  device: { descriptor: number; hasUdpSegmentation: boolean };
  /** The UDP socket. */
  socket: { descriptor: number; family: SocketFamily; hasSegmentation: boolean };
  /** Commands arrive here. */
  commands: number;
  /** One number: the control datagrams that were posted and not yet taken. */
  waitingControl: SharedArrayBuffer;
  /** Whether to leave libcrypto aside. */
  portableOnly: boolean;
}

/** The longest command, in bytes: a datagram and what names its fields. */
export const MAX_COMMAND_LENGTH = 8192;

/**
 * A command as one message for the descriptor on which the worker waits. The worker blocks in epoll and has no event loop
 * while it works, so that postMessage would not reach it.
 */
export function encodeCommand(command: Command): Uint8Array<ArrayBuffer> {
  return new Uint8Array(serialize(command));
}

/** The command of such a message. */
export function decodeCommand(message: Uint8Array): Command {
  return deserialize(Buffer.from(message.buffer, message.byteOffset, message.length));
}
