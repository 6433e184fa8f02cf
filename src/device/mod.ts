/**
 * Tunnel devices: where the system's own network stack meets the tunnels. One file per system, and one that needs none.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { openTun } from "./tun_linux.ts";
import type { TunnelDevice } from "./tunnel_device.ts";

export type { TunnelDevice } from "./tunnel_device.ts";
export { type MemoryDevice, openMemoryDevice } from "./memory.ts";

/**
 * Makes a tunnel device with this name; a `%d` in it becomes the first free number.
 *
 * @throws {UserError} with exit code 4 where one is not permitted to, 1 for all other reasons.
 */
export function openTunnelDevice(name = "buri%d"): TunnelDevice {
  if (Deno.build.os === "linux") return openTun(name);
  throw new UserError(`Cannot open a tunnel device: there is none for ${Deno.build.os} yet`, {
    hint: "Run Buri on Linux.",
  });
}
