import { utf8 } from "../base/bytes.ts";
import { SystemError } from "./errno.ts";
import { lastErrno } from "./libc_linux.ts";
import { setupLibc } from "./libc_setup_linux.ts";
import { closeDescriptor, openDescriptor } from "./posix_linux.ts";

const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const TUNSETIFF = 0x400454can;
const TUNSETOFFLOAD = 0x400454d0n;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM_TSO4_TSO6 = 0x07n;
const TUN_F_USO4_USO6 = 0x60n;
const IFREQ_LENGTH = 40;
const IFNAMSIZ = 16;

/** An open TUN device whose packets each follow a `struct virtio_net_hdr` of 10 bytes. */
export interface TunDescriptor {
  /** Read and written without blocking; the device vanishes when it is closed. */
  descriptor: number;
  /** The name the kernel gave. */
  name: string;
  /** Whether the kernel takes and gives UDP super-packets too (Linux 6.2). */
  hasUdpSegmentation: boolean;
}

/**
 * Makes a TUN device in the calling thread's network namespace. A `%d` in `name` becomes the first free number.
 *
 * @throws {SystemError} EACCES or EPERM without the right to, ENOENT without /dev/net/tun, EBUSY where the name is taken.
 */
export function openTunDescriptor(name: string): TunDescriptor {
  const { ioctlNumber } = setupLibc();
  const tun = makeTun(name, IFF_VNET_HDR);
  // Without either the kernel hands over finished packets one by one, which is slower and as correct.
  const hasUdpSegmentation = ioctlNumber(tun.descriptor, TUNSETOFFLOAD, TUN_F_CSUM_TSO4_TSO6 | TUN_F_USO4_USO6) === 0;
  if (!hasUdpSegmentation) ioctlNumber(tun.descriptor, TUNSETOFFLOAD, TUN_F_CSUM_TSO4_TSO6);
  return { ...tun, hasUdpSegmentation };
}

/** Makes a TUN device that carries finished packets one by one, with nothing around them. @throws {SystemError} as above */
export function openPlainTunDescriptor(name: string): number {
  return makeTun(name, 0).descriptor;
}

function makeTun(name: string, moreFlags: number): { descriptor: number; name: string } {
  const text = utf8(name);
  if (text.length === 0 || text.length >= IFNAMSIZ) {
    throw new RangeError(`Cannot name a device "${name}": 1 to 15 bytes`);
  }
  const descriptor = openDescriptor("/dev/net/tun", O_RDWR | O_NONBLOCK);
  const request = new Uint8Array(IFREQ_LENGTH);
  request.set(text);
  new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TUN | IFF_NO_PI | moreFlags, true);
  if (setupLibc().ioctl(descriptor, TUNSETIFF, request) < 0) {
    const errno = lastErrno();
    closeDescriptor(descriptor);
    // A pattern is the kernel's business, not the person's.
    throw new SystemError(name.includes("%") ? "make a tunnel device" : `make the tunnel device ${name}`, errno);
  }
  return { descriptor, name: new TextDecoder().decode(request.subarray(0, request.indexOf(0))) };
}
