import { UserError, type UserErrorOptions } from "../base/errors.ts";
import { SystemError } from "../ffi/errno.ts";
import { closeDescriptor } from "../ffi/posix_linux.ts";
import { openTunDescriptor } from "../ffi/tun_linux.ts";
import type { TunnelDevice } from "./tunnel_device.ts";

const REMEDIES: Record<string, UserErrorOptions> = {
  EPERM: { exitCode: 4, hint: "Run it as root, or in a user namespace of its own with /dev/net/tun at mode 0666." },
  EACCES: { exitCode: 4, hint: "Run it as root, or make /dev/net/tun accessible (udev's default is mode 0666)." },
  ENOENT: { hint: "Load the kernel's module with `modprobe tun`, or give the container /dev/net/tun." },
  ENODEV: { hint: "Load the kernel's module with `modprobe tun`." },
  EBUSY: { hint: "Another program uses a device of this name; choose another with --device." },
};

/** Makes a TUN device with segmentation offload. @throws {UserError} */
export function openTun(wantedName: string): TunnelDevice {
  try {
    const { descriptor, name, hasUdpSegmentation } = openTunDescriptor(wantedName);
    let isOpen = true;
    const close = () => {
      if (isOpen) closeDescriptor(descriptor);
      isOpen = false;
    };
    return { name, descriptor, hasUdpSegmentation, close };
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(error.message, { exitCode: 2, cause: error });
    if (!(error instanceof SystemError)) throw error;
    throw new UserError(error.message, { ...REMEDIES[error.code], cause: error });
  }
}
