import type { Endpoint } from "../base/ip.ts";
import { readSocketAddress, type SocketFamily, writeSocketAddress } from "../ffi/socket_address_linux.ts";
import { INNER_FRAME } from "../protocol/inner_frames.ts";
import { OTHER_ADDRESS_AT, SCRATCH_AT } from "./arena.ts";
import type { DataPath, SocketPort } from "./data_path.ts";
import { DROP } from "./drops.ts";
import { FRAME_TYPE_LENGTH } from "./protection.ts";
import type { Tunnel } from "./tunnel.ts";

const PROBE_ID_LENGTH = 8;
const ADDRESS_LENGTH = 16;

/** Longest body of a frame that is not a packet, and longest control datagram, in bytes. */
export const MAX_FRAME_LENGTH = 1500;

/** Seals and sends what is not a packet, one datagram at a time. */
export class FrameSender {
  readonly #path: DataPath;
  readonly #family: SocketFamily;

  /** Sends through the batch of `path`, to addresses of `family`. */
  constructor(path: DataPath, family: SocketFamily) {
    this.#path = path;
    this.#family = family;
  }

  /** Seals a frame and sends it to `endpoint`, or along the tunnel's path. */
  send(tunnel: Tunnel, endpoint: Endpoint | null, frameType: number, payload: Uint8Array): void {
    const { memory: { bytes, view }, tally, exactNow } = this.#path;
    if (payload.length > MAX_FRAME_LENGTH) return tally.drop(DROP.tooLong);
    const hasAddress = endpoint === null
      ? tunnel.hasPath
      : writeSocketAddress(view, OTHER_ADDRESS_AT, endpoint, this.#family);
    if (!hasAddress) return tally.drop(DROP.notReady);
    bytes.set(payload, this.#bodyAt(tunnel));
    if (frameType === INNER_FRAME.probe && payload.length >= PROBE_ID_LENGTH) {
      tunnel.probeSent(view.getBigUint64(this.#bodyAt(tunnel)), exactNow);
    }
    const addressAt = endpoint === null ? tunnel.pathAt : OTHER_ADDRESS_AT;
    this.#sealAndSend(tunnel, frameType, payload.length, addressAt, tunnel.socketTo(view, addressAt));
  }

  /** Seals a frame and sends it to `endpoint` from `socket`. */
  sendFrom(socket: SocketPort, tunnel: Tunnel, endpoint: Endpoint, frameType: number, payload: Uint8Array): void {
    const { memory: { bytes, view }, tally } = this.#path;
    if (payload.length > MAX_FRAME_LENGTH) return tally.drop(DROP.tooLong);
    if (!writeSocketAddress(view, OTHER_ADDRESS_AT, endpoint, this.#family)) return tally.drop(DROP.notReady);
    bytes.set(payload, this.#bodyAt(tunnel));
    this.#sealAndSend(tunnel, frameType, payload.length, OTHER_ADDRESS_AT, socket);
  }

  /** Answers the probe whose body is at `probeAt` where it came from; `datagramLength` is that of its datagram. */
  answer(
    tunnel: Tunnel,
    type: number,
    probeAt: number,
    addressAt: number,
    datagramLength: number,
    socket: SocketPort,
  ): void {
    const { memory: { bytes, view } } = this.#path;
    const bodyAt = this.#bodyAt(tunnel);
    bytes.copyWithin(bodyAt, probeAt, probeAt + PROBE_ID_LENGTH);
    const isPath = type === INNER_FRAME.probe;
    let length = PROBE_ID_LENGTH + 2;
    if (isPath) {
      const { address, port } = readSocketAddress(view, addressAt, this.#family);
      bytes.set(address, bodyAt + PROBE_ID_LENGTH);
      view.setUint16(bodyAt + PROBE_ID_LENGTH + ADDRESS_LENGTH, port);
      length += ADDRESS_LENGTH;
    } else view.setUint16(bodyAt + PROBE_ID_LENGTH, datagramLength);
    this.#sealAndSend(tunnel, isPath ? INNER_FRAME.probeAnswer : INNER_FRAME.mtuAnswer, length, addressAt, socket);
  }

  /**
   * Sends a control datagram as it is, from `socket` or that of all tunnels; false where it cannot reach `endpoint`. Its
   * address is left at `OTHER_ADDRESS_AT`.
   */
  sendControl(endpoint: Endpoint, datagram: Uint8Array, socket: SocketPort | null = null): boolean {
    const { memory: { bytes, view }, tally, batch } = this.#path;
    const isSent = datagram.length <= MAX_FRAME_LENGTH &&
      writeSocketAddress(view, OTHER_ADDRESS_AT, endpoint, this.#family);
    if (isSent) {
      bytes.set(datagram, SCRATCH_AT);
      batch.sendOne(SCRATCH_AT, datagram.length, OTHER_ADDRESS_AT, socket);
    } else tally.drop(DROP.sendFailed);
    return isSent;
  }

  #bodyAt(tunnel: Tunnel): number {
    return SCRATCH_AT + tunnel.protection.headerLength + FRAME_TYPE_LENGTH;
  }

  #sealAndSend(
    tunnel: Tunnel,
    type: number,
    bodyLength: number,
    addressAt: number,
    socket: SocketPort | null,
  ): void {
    const { memory: { view }, tally, batch, now } = this.#path;
    const { protection } = tunnel;
    const plaintextLength = FRAME_TYPE_LENGTH + bodyLength;
    view.setUint8(SCRATCH_AT + protection.headerLength, type);
    const isSealed = protection.isReady(now) && protection.seal(SCRATCH_AT, plaintextLength);
    if (!isSealed) return tally.drop(DROP.noSealingKeys);
    batch.sendOne(SCRATCH_AT, protection.datagramLength(plaintextLength), addressAt, socket);
  }
}
