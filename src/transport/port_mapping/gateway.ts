import { linuxGateway } from "./gateway_linux.ts";
import type { Gateway } from "./types.ts";

/**
 * The default gateway for one address family and our address on the way to it; null = there is none, or Buri cannot tell on
 * this system. Rejects when the system refuses to say.
 */
export function systemGateway(family: 4 | 6): Promise<Gateway | null> {
  return Promise.try(() => Deno.build.os === "linux" ? linuxGateway(family) : null);
}
