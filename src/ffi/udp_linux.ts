import { type Endpoint, mappedIpv4 } from "../base/ip.ts";
import { SystemError } from "./errno.ts";
import { lastErrno } from "./libc_linux.ts";
import { setupLibc } from "./libc_setup_linux.ts";
import { bindSocket, closeDescriptor, openSocket, setSocketOption, SOCKET } from "./posix_linux.ts";
import {
  SOCKET_ADDRESS_LENGTH,
  socketAddressLength,
  type SocketFamily,
  writeSocketAddress,
} from "./socket_address_linux.ts";

const SOCK_NONBLOCK = 0o4000;
const EAFNOSUPPORT = 97;
const EADDRNOTAVAIL = 99;
const BUFFER_LENGTH = 7 << 20;

const SOL_IP = 0;
const SOL_IPV6 = 41;
const SOL_UDP = 17;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const IP_MTU_DISCOVER = 10;
const IPV6_MTU_DISCOVER = 23;
const IPV6_V6ONLY = 26;
const IPV6_DONTFRAG = 62;
const PMTUDISC_PROBE = 3;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;

/** An open UDP socket and what its kernel can do. */
export interface UdpDescriptor {
  /** Used without blocking. */
  descriptor: number;
  /** Which addresses it speaks. */
  family: SocketFamily;
  /** What it is bound to. */
  port: number;
  /** Whether one send may carry a train of datagrams (UDP_SEGMENT, Linux 4.18). */
  hasSegmentation: boolean;
}

/**
 * Binds `port` (0 = any) on all addresses, or on `address` (16 bytes, IPv4 as ::ffff:a.b.c.d) alone: one socket for IPv4 and
 * IPv6, or for IPv4 alone where the kernel has no IPv6.
 *
 * Nothing it sends is ever fragmented, and it does not believe ICMP about path MTUs (PMTUDISC_PROBE): tunnels measure theirs.
 *
 * @throws {SystemError} EADDRINUSE where the port is taken.
 */
export function openUdpDescriptor(port: number, address?: Uint8Array): UdpDescriptor {
  try {
    return openFamily("dual", port, address);
  } catch (error) {
    if (!(error instanceof SystemError) || ![EAFNOSUPPORT, EADDRNOTAVAIL].includes(error.errno)) throw error;
    return openFamily("ipv4", port, address);
  }
}

function openFamily(family: SocketFamily, port: number, address = anyAddress(family)): UdpDescriptor {
  const isDual = family === "dual";
  const descriptor = openSocket(isDual ? SOCKET.AF_INET6 : SOCKET.AF_INET, SOCKET.DGRAM | SOCK_NONBLOCK, 0);
  try {
    if (isDual) setSocketOption(descriptor, SOL_IPV6, IPV6_V6ONLY, 0);
    bindSocket(descriptor, socketAddress(family, { address, port }));
    for (const [forced, ordinary] of [[SO_RCVBUFFORCE, SO_RCVBUF], [SO_SNDBUFFORCE, SO_SNDBUF]] as const) {
      if (!trySetSocketOption(descriptor, SOCKET.SOL_SOCKET, forced, BUFFER_LENGTH)) {
        trySetSocketOption(descriptor, SOCKET.SOL_SOCKET, ordinary, BUFFER_LENGTH);
      }
    }
    setSocketOption(descriptor, SOL_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
    if (isDual) {
      setSocketOption(descriptor, SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE);
      setSocketOption(descriptor, SOL_IPV6, IPV6_DONTFRAG, 1);
    }
    if (isAtLeast(Deno.osRelease(), 5, 12)) trySetSocketOption(descriptor, SOL_UDP, UDP_GRO, 1);
    // 0 leaves each send to say its own segment length; kernels that refuse the option cannot segment at all.
    const hasSegmentation = trySetSocketOption(descriptor, SOL_UDP, UDP_SEGMENT, 0);
    return { descriptor, family, port: boundPort(descriptor, family), hasSegmentation };
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

/** Before Linux 5.12 UDP_GRO could hand over trains with a wrong segment length. */
function isAtLeast(release: string, major: number, minor: number): boolean {
  const [, haveMajor, haveMinor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return Number(haveMajor) > major || (Number(haveMajor) === major && Number(haveMinor) >= minor);
}

function anyAddress(family: SocketFamily): Uint8Array {
  return family === "dual" ? new Uint8Array(16) : mappedIpv4(0);
}

function socketAddress(family: SocketFamily, endpoint: Endpoint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SOCKET_ADDRESS_LENGTH);
  if (!writeSocketAddress(new DataView(bytes.buffer), 0, endpoint, family)) {
    throw new SystemError("bind", EADDRNOTAVAIL);
  }
  return bytes.slice(0, socketAddressLength(family));
}

function boundPort(descriptor: number, family: SocketFamily): number {
  const address = new Uint8Array(SOCKET_ADDRESS_LENGTH);
  if (setupLibc().getsockname(descriptor, address, new Uint32Array([socketAddressLength(family)])) < 0) {
    throw new SystemError("read the port of a socket", lastErrno());
  }
  return new DataView(address.buffer).getUint16(2);
}

function trySetSocketOption(descriptor: number, level: number, name: number, value: number): boolean {
  try {
    setSocketOption(descriptor, level, name, value);
    return true;
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}
