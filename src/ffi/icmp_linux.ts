/**
 * Echo requests (RFC 792, RFC 4443 section 4) over a raw socket, for machines without a `ping` program.
 *
 * @module
 */
import { parseIpv4, parseIpv6 } from "../base/ip.ts";
import { viewOf } from "./netlink_linux.ts";
import { closeDescriptor, openSocket, receiveMessage, sendMessage, SOCKET, waitReadable } from "./posix_linux.ts";

const PROTOCOLS = {
  4: { family: SOCKET.AF_INET, protocol: 1, request: 8, reply: 0 },
  6: { family: SOCKET.AF_INET6, protocol: 58, request: 128, reply: 129 },
} as const;
const HEADER_LENGTH = 8;
const DATA_LENGTH = 56;
const BUFFER_LENGTH = 65536;

/** Sends echo requests to one address, from the namespace in which the thread was when this was made. */
export class EchoSocket implements Disposable {
  readonly #version: 4 | 6;
  readonly #descriptor: number;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #identifier: number;
  readonly #buffer = new Uint8Array(BUFFER_LENGTH);
  #sequence = 0;

  /** `identifier` (16 bits) tells our replies from those of other pings. @throws {SystemError} EPERM without CAP_NET_RAW */
  constructor(address: string, identifier: number) {
    const quad = parseIpv4(address);
    this.#version = quad === null ? 6 : 4;
    this.#identifier = identifier & 0xffff;
    this.#address = quad === null ? socketAddress6(address) : socketAddress4(quad);
    const { family, protocol } = PROTOCOLS[this.#version];
    this.#descriptor = openSocket(family, SOCKET.RAW, protocol);
  }

  /**
   * Sends one request and blocks the thread until its reply.
   * @returns the round trip in milliseconds by `now`, null = none within `timeoutMs`
   * @throws {SystemError} ENETUNREACH, EHOSTUNREACH … when it cannot be sent
   */
  ping(timeoutMs: number, now: () => number): number | null {
    const sequence = this.#sequence = (this.#sequence + 1) & 0xffff;
    const sentAt = now();
    sendMessage(this.#descriptor, this.#request(sequence), this.#address);
    for (let leftMs = timeoutMs; leftMs > 0; leftMs = timeoutMs - (now() - sentAt)) {
      if (!waitReadable(this.#descriptor, leftMs)) return null;
      const length = receiveMessage(this.#descriptor, this.#buffer);
      if (length !== null && this.#isReply(this.#buffer.subarray(0, length), sequence)) return now() - sentAt;
    }
    return null;
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    closeDescriptor(this.#descriptor);
  }

  #request(sequence: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(HEADER_LENGTH + DATA_LENGTH);
    const view = viewOf(bytes);
    bytes[0] = PROTOCOLS[this.#version].request;
    view.setUint16(4, this.#identifier);
    view.setUint16(6, sequence);
    // The kernel fills in the checksum of ICMPv6, which covers addresses we do not know.
    if (this.#version === 4) view.setUint16(2, internetChecksum(view));
    return bytes;
  }

  #isReply(packet: Uint8Array<ArrayBuffer>, sequence: number): boolean {
    // A raw IPv4 socket hands over the IP header too, an IPv6 one does not.
    const start = this.#version === 4 ? ((packet[0] ?? 0) & 15) * 4 : 0;
    if (packet.length < start + HEADER_LENGTH) return false;
    const view = viewOf(packet);
    return packet[start] === PROTOCOLS[this.#version].reply && view.getUint16(start + 4) === this.#identifier &&
      view.getUint16(start + 6) === sequence;
  }
}

/** RFC 1071, over a whole number of 16-bit words. */
function internetChecksum(view: DataView): number {
  let sum = 0;
  for (let offset = 0; offset < view.byteLength; offset += 2) sum += view.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** `struct sockaddr_in`; family in host order, address in network order. */
function socketAddress4(quad: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  bytes[0] = SOCKET.AF_INET;
  viewOf(bytes).setUint32(4, quad);
  return bytes;
}

/** `struct sockaddr_in6`. */
function socketAddress6(text: string): Uint8Array<ArrayBuffer> {
  const address = parseIpv6(text);
  if (address === null) throw new TypeError(`Cannot ping "${text}": it is no IP address`);
  const bytes = new Uint8Array(28);
  bytes[0] = SOCKET.AF_INET6;
  bytes.set(address, 8);
  return bytes;
}
