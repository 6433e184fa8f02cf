import type { NativeMemory } from "../ffi/native_memory.ts";
import type { SendBatch } from "./send_batch.ts";
import type { Tally } from "./tally.ts";
import type { TunnelTable } from "./tunnel_table.ts";
import type { DataPlaneEvent } from "./types.ts";

/** The tunnel device over the arena. Results below 0 are -errno; nothing blocks. */
export interface DevicePort {
  /** Reads one packet into the first `count` vectors at `READ_VECTORS_AT`; bytes read. */
  read(count: number): number;
  /** Writes one packet from the first `count` vectors at `WRITE_VECTORS_AT`; bytes written. */
  write(count: number): number;
}

/** The UDP socket over the arena; as above. */
export interface SocketPort {
  /** Receives into the message at `RECEIVE_MESSAGE_AT`; bytes received. */
  receive(): number;
  /** Sends the message at `SEND_MESSAGE_AT`; bytes sent. */
  send(): number;
}

/** What both directions share. */
export interface DataPath {
  /** The arena. */
  readonly memory: NativeMemory;
  /** Tunnels and routes. */
  readonly table: TunnelTable;
  /** Counters. */
  readonly tally: Tally;
  /** Datagrams on their way out. */
  readonly batch: SendBatch;
  /** Tells the control plane; not for each packet. */
  readonly emit: (event: DataPlaneEvent) => void;
  /** Whole milliseconds, set once per wake. A fraction would be an object of its own wherever it is passed on. */
  now: number;
  /** The same with its fraction, to measure round trips with. */
  exactNow: number;
}
