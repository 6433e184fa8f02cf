import { ProtocolError } from "../base/errors.ts";
import { type Cidr4, cidr4Contains, formatCidr4, formatIpv4, parseCidr4 } from "../base/ip.ts";
import type { ControlMessageOf } from "../protocol/mod.ts";

/** A wider pool would take over too much of the machine's address space. */
const MIN_POOL_BITS = 8;

/** First byte of fd00::/8 (RFC 4193). */
const ULA_FIRST_BYTE = 0xfd;

/** Where virtual IPv4 addresses may come from: private ones (RFC 1918) and the two blocks Hamachi used. */
const POOL_HOMES: readonly Cidr4[] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "5.0.0.0/8", "25.0.0.0/8"]
  .map((text) => parseCidr4(text)!);

/**
 * Refuses what a server may not ask for (docs/PROTOCOL.md, section 6.1): its word decides which addresses this machine sends
 * into the tunnel, so a hostile one could otherwise take over the traffic to any place on the Internet.
 *
 * @throws {ProtocolError} naming what is wrong
 */
export function checkWelcome(welcome: ControlMessageOf<"welcome">): Cidr4 {
  const pool = parseCidr4(`${formatIpv4(welcome.poolBase)}/${welcome.poolBits}`);
  if (pool === null) throw new ProtocolError("the server's address pool is no prefix");
  if (pool.bits < MIN_POOL_BITS) throw new ProtocolError(`the server's address pool ${formatCidr4(pool)} is too wide`);
  const hasHome = POOL_HOMES.some((home) => cidr4Contains(home, pool.base) || cidr4Contains(pool, home.base));
  if (!hasHome) throw new ProtocolError(`the server's address pool ${formatCidr4(pool)} holds public addresses`);
  if (!cidr4Contains(pool, welcome.address)) {
    throw new ProtocolError(`the address ${formatIpv4(welcome.address)} is not of the server's own pool`);
  }
  if (welcome.prefix6[0] !== ULA_FIRST_BYTE) throw new ProtocolError("the server's IPv6 prefix is not of fd00::/8");
  return pool;
}
