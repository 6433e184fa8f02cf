import { mappedIpv4, parseIpv4, parseIpv6 } from "../base/ip.ts";

/** An address of this machine. */
export interface InterfaceAddress {
  /** Name of the interface, such as `eth0`. */
  device: string;
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  address: Uint8Array;
}

/** All addresses of all interfaces that are up, in the order of the system. */
export function localAddresses(): InterfaceAddress[] {
  return Deno.networkInterfaces().flatMap(({ name, address }) => {
    const quad = parseIpv4(address);
    const bytes = quad === null ? parseIpv6(address.split("%")[0]!) : mappedIpv4(quad);
    return bytes === null ? [] : [{ device: name, address: bytes }];
  });
}
