/**
 * Packet sockets (packet(7)): every frame that enters a network namespace, as it was on the wire.
 *
 * @module
 */
import { viewOf } from "./netlink_linux.ts";
import {
  bindSocket,
  closeDescriptor,
  getSocketOption,
  openSocket,
  receiveMessage,
  setSocketOption,
  SOCKET,
  waitReadable,
} from "./posix_linux.ts";

const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_IGNORE_OUTGOING = 23;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
/** ETH_P_ALL in network order. */
const ALL_PROTOCOLS = 0x0300;
const SOCKADDR_LL_LENGTH = 20;
const RECEIVE_BUFFER_LENGTH = 64 << 20;
/** An offloaded train crosses a virtual interface as one frame of up to 64 KiB. */
const MAX_FRAME_LENGTH = 65536 + 256;

/** How a capture went. */
export interface CaptureStatistics {
  /** Frames that reached the socket, lost ones included. */
  frameCount: number;
  /** Frames lost because they were read too slowly. */
  lostCount: number;
}

/** Frames entering any interface of the namespace in which the thread was when this was made. */
export class PacketSocket implements Disposable {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(MAX_FRAME_LENGTH);

  /** @throws {SystemError} EPERM without CAP_NET_RAW */
  constructor() {
    this.#descriptor = openSocket(SOCKET.AF_PACKET, SOCKET.RAW, ALL_PROTOCOLS);
    try {
      this.#enlargeBuffer();
      // Else a forwarded frame would be seen twice: coming in and going out.
      setSocketOption(this.#descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
      const address = new Uint8Array(SOCKADDR_LL_LENGTH);
      viewOf(address).setUint16(0, SOCKET.AF_PACKET, true);
      viewOf(address).setUint16(2, ALL_PROTOCOLS, true);
      bindSocket(this.#descriptor, address);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Waits up to `timeoutMs` for a frame; null = none came. It starts with its link layer header and lies in a buffer that the
   * next call overwrites. @throws {SystemError}
   */
  receive(timeoutMs: number): Uint8Array<ArrayBuffer> | null {
    if (!waitReadable(this.#descriptor, timeoutMs)) return null;
    const length = receiveMessage(this.#descriptor, this.#buffer);
    return length === null ? null : this.#buffer.subarray(0, Math.min(length, this.#buffer.length));
  }

  /** What was counted since the last call. */
  statistics(): CaptureStatistics {
    const counts = viewOf(getSocketOption(this.#descriptor, SOL_PACKET, PACKET_STATISTICS, 8));
    return { frameCount: counts.getUint32(0, true), lostCount: counts.getUint32(4, true) };
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    closeDescriptor(this.#descriptor);
  }

  /** Only root of the machine itself may go beyond the system's limit. */
  #enlargeBuffer(): void {
    try {
      setSocketOption(this.#descriptor, SOCKET.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_LENGTH);
    } catch {
      setSocketOption(this.#descriptor, SOCKET.SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_LENGTH);
    }
  }
}
