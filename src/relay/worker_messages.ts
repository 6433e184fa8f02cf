import type { Endpoint } from "../base/ip.ts";
import type { SocketFamily } from "../ffi/socket_address_linux.ts";
import type { ClassRates } from "./types.ts";

/** What the forwarding worker starts with. */
export interface WorkerStart {
  /** The UDP socket, which the main thread closes when the worker has stopped. */
  descriptor: number;
  /** Which addresses it speaks. */
  family: SocketFamily;
  /** Whether one send may carry a train. */
  hasSegmentation: boolean;
  /** Commands come from here, and the end. The worker closes it. */
  commands: number;
  /** Most bindings at a time. */
  capacity: number;
  /** See ClassRates. */
  rates: ClassRates;
  /** A Float64Array of counters. */
  counters: SharedArrayBuffer;
  /** An Int32Array of one: control datagrams that the main thread has taken. */
  taken: SharedArrayBuffer;
}

/** What the forwarding worker posts. */
export type WorkerMessage =
  | { on: "control"; from: Endpoint; datagram: Uint8Array }
  | { on: "failed"; reason: string }
  | { on: "stopped" };
