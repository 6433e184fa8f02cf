/**
 * The overlay addresses a server hands out: a random /16 of 10/8, unless the operator names a pool, and beside it an IPv6
 * ULA /96 (RFC 4193) whose last 32 bits are the IPv4 address. Both are drawn once, when the data folder is made.
 *
 * @module
 */
import { concat } from "../base/bytes.ts";
import { UserError } from "../base/errors.ts";
import type { Cidr4 } from "../base/ip.ts";
import { formatCidr4, parseCidr4 } from "../base/ip.ts";
import type { Random } from "../base/random.ts";
import type { StoreTransaction } from "./store.ts";

/** A freed address rests this long: a peer may still hold the former owner's key under it. */
export const ADDRESS_REST_MS: number = 90 * 24 * 3600 * 1000;

/** Bits of the smallest and of the largest pool. */
const MIN_POOL_BITS = 8;
const MAX_POOL_BITS = 24;

/** How often chance may name a taken address before the pool is counted through. */
const MAX_DRAWS = 32;

/** What a server hands out addresses from. */
export interface AddressPlan {
  /** IPv4 pool, 8 to 24 bits. */
  pool: Cidr4;
  /** First 12 bytes of every overlay IPv6 address. */
  prefix6: Uint8Array;
}

/** What a draw needs to know about the addresses of a pool. */
export interface AddressUse {
  /** Whether the address has an account, or had one less than {@linkcode ADDRESS_REST_MS} ago. */
  isTaken(virtualAddress: number): Promise<boolean>;
  /** All of them. */
  taken(): Promise<ReadonlySet<number>>;
}

/** A new server's addresses: `pool` when the operator named one. */
export function drawAddressPlan(random: Random, pool: Cidr4 | null): AddressPlan {
  const base = 10 * 2 ** 24 + random.below(256) * 2 ** 16;
  return { pool: pool ?? { base, bits: 16 }, prefix6: drawPrefix6(random) };
}

/** RFC 4193 section 3.2: fd, a random 40-bit global id; the subnet id and the next 32 bits stay zero. */
function drawPrefix6(random: Random): Uint8Array {
  return concat(Uint8Array.of(0xfd), random.bytes(5), new Uint8Array(6));
}

/** Reads `--pool`. @throws {UserError} (exit 2) for text that is no prefix of 8 to 24 bits within unicast space. */
export function parsePool(text: string): Cidr4 {
  const pool = parseCidr4(text);
  const firstByte = pool === null ? 0 : pool.base >>> 24;
  const isUsable = pool !== null && pool.bits >= MIN_POOL_BITS && pool.bits <= MAX_POOL_BITS &&
    firstByte !== 0 && firstByte !== 127 && firstByte < 224;
  if (isUsable) return pool;
  throw new UserError(`Cannot use ${text} as an address pool: not a unicast prefix of 8 to 24 bits`, {
    exitCode: 2,
    hint: "Name one such as 10.77.0.0/16.",
  });
}

/**
 * The plan of a store, drawn at its first start. Another pool than the one it has is refused once there are accounts:
 * clients send to the pool of their server, and an account keeps its address for life.
 *
 * @param wanted what the operator named, null = whatever it is
 * @throws {UserError}
 */
export async function settleAddressPlan(
  transaction: StoreTransaction,
  random: Random,
  wanted: Cidr4 | null,
): Promise<AddressPlan> {
  const present = await transaction.addressPlan();
  if (present !== null && (wanted === null || formatCidr4(present.pool) === formatCidr4(wanted))) return present;
  if (present !== null && await transaction.hasAccounts()) {
    throw new UserError(`Cannot change the address pool: accounts have addresses of ${formatCidr4(present.pool)}`, {
      hint: "Leave --pool away, or begin with another data folder.",
    });
  }
  const plan = present === null ? drawAddressPlan(random, wanted) : { ...present, pool: wanted! };
  await transaction.setAddressPlan(plan);
  return plan;
}

/** Whether an address may be handed out: some systems take a last byte of 0 or 255 for a network or a broadcast. */
function isUsable(virtualAddress: number): boolean {
  const lastByte = virtualAddress & 0xff;
  return lastByte !== 0 && lastByte !== 255;
}

/** A random free address; null when the pool is used up. */
export async function drawAddress(pool: Cidr4, use: AddressUse, random: Random): Promise<number | null> {
  const size = 2 ** (32 - pool.bits);
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const candidate = pool.base + random.below(size);
    if (isUsable(candidate) && !await use.isTaken(candidate)) return candidate;
  }
  return firstFreeFrom(pool, random.below(size), await use.taken());
}

function firstFreeFrom(pool: Cidr4, start: number, taken: ReadonlySet<number>): number | null {
  const size = 2 ** (32 - pool.bits);
  for (let step = 0; step < size; step++) {
    const candidate = pool.base + (start + step) % size;
    if (isUsable(candidate) && !taken.has(candidate)) return candidate;
  }
  return null;
}
