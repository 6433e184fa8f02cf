import { type Endpoint, ipv4Of } from "../base/ip.ts";
import { SOCKET } from "./posix_linux.ts";

/** Room for a `struct sockaddr_in` (16 bytes) or `sockaddr_in6` (28 bytes), rounded up to whole words. */
export const SOCKET_ADDRESS_LENGTH = 28;

const IN_LENGTH = 16;
const IN6_LENGTH = 28;

/** Family of a UDP socket: one of both families where the system has IPv6, else IPv4 alone. */
export type SocketFamily = "dual" | "ipv4";

/** Length of the `struct sockaddr` that a socket of `family` takes and gives. */
export function socketAddressLength(family: SocketFamily): number {
  return family === "dual" ? IN6_LENGTH : IN_LENGTH;
}

/**
 * Writes `endpoint` as the `struct sockaddr` of a socket of `family`; false if such a socket cannot reach it.
 * All {@linkcode SOCKET_ADDRESS_LENGTH} bytes are written, so that addresses can be compared word by word.
 */
export function writeSocketAddress(view: DataView, at: number, endpoint: Endpoint, family: SocketFamily): boolean {
  for (let offset = 0; offset < SOCKET_ADDRESS_LENGTH; offset += 4) view.setUint32(at + offset, 0);
  view.setUint16(at + 2, endpoint.port);
  if (family === "dual") {
    view.setUint16(at, SOCKET.AF_INET6, true);
    for (let index = 0; index < 16; index++) view.setUint8(at + 8 + index, endpoint.address[index]!);
    return true;
  }
  const address = ipv4Of(endpoint);
  if (address === null) return false;
  view.setUint16(at, SOCKET.AF_INET, true);
  view.setUint32(at + 4, address);
  return true;
}

/** The endpoint that a `struct sockaddr` of a socket of `family` says. */
export function readSocketAddress(view: DataView, at: number, family: SocketFamily): Endpoint {
  const address = new Uint8Array(16);
  if (family === "dual") {
    for (let index = 0; index < 16; index++) address[index] = view.getUint8(at + 8 + index);
  } else {
    address.fill(0xff, 10, 12);
    for (let index = 0; index < 4; index++) address[12 + index] = view.getUint8(at + 4 + index);
  }
  return { address, port: view.getUint16(at + 2) };
}

/** Whether two addresses written by this module or by the kernel are the same; flow labels play no part. */
export function sameSocketAddress(view: DataView, a: number, b: number): boolean {
  return view.getInt32(a) === view.getInt32(b) && view.getInt32(a + 8) === view.getInt32(b + 8) &&
    view.getInt32(a + 12) === view.getInt32(b + 12) && view.getInt32(a + 16) === view.getInt32(b + 16) &&
    view.getInt32(a + 20) === view.getInt32(b + 20) &&
    (view.getInt16(a) !== AF_INET_BYTES || view.getInt32(a + 4) === view.getInt32(b + 4));
}

/** AF_INET as its two little-endian bytes read big-endian. */
const AF_INET_BYTES = SOCKET.AF_INET << 8;
