import type { Gateway } from "./types.ts";

/**
 * The default gateway for one address family and our address on the way to it; null = there is none, or this system has no
 * way to tell yet. Rejects when the system refuses to say.
 */
export async function systemGateway(family: 4 | 6): Promise<Gateway | null> {
  if (Deno.build.os !== "linux") return null;
  // Loads the bindings of Linux nowhere else.
  const { linuxGateway } = await import("./gateway_linux.ts");
  return linuxGateway(family);
}
