import { ByteReader, equalBytes, toHex } from "./bytes.ts";

/** A UDP or TCP address of the underlay. */
export interface Endpoint {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
  address: Uint8Array;
  /** 1-65535; 0 only where one listens, for "any". */
  port: number;
}

/** An IPv4 prefix: `base` has no bit set beyond the first `bits`. */
export interface Cidr4 {
  /** The first address, as an unsigned 32-bit number. */
  base: number;
  /** Length of the prefix, 0-32. */
  bits: number;
}

const DECIMAL = /^(?:0|[1-9][0-9]{0,4})$/;
const HEX_GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Digits only, no leading zero, at most `max`; null otherwise. */
function parseDecimal(text: string, max: number): number | null {
  if (!DECIMAL.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}

/** Exactly four decimal numbers 0-255 without leading zeros, as an unsigned 32-bit number; null for anything else. */
export function parseIpv4(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let address = 0;
  for (const part of parts) {
    const byte = parseDecimal(part, 255);
    if (byte === null) return null;
    address = address * 256 + byte;
  }
  return address;
}

/** Dotted quad of an unsigned 32-bit number. */
export function formatIpv4(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join(".");
}

/** RFC 4291 section 2.2, without a zone, as 16 bytes; null for anything else. */
export function parseIpv6(text: string): Uint8Array<ArrayBuffer> | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  head.forEach((group, index) => view.setUint16(index * 2, group));
  tail.forEach((group, index) => view.setUint16((8 - tail.length + index) * 2, group));
  return bytes;
}

/** Sixteen-bit groups of one side of `::`; a dotted quad may stand only where the address ends. */
function parseGroups(text: string, endsAddress: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const words = text.split(":");
  for (const [index, word] of words.entries()) {
    if (HEX_GROUP.test(word)) {
      groups.push(parseInt(word, 16));
      continue;
    }
    const quad = endsAddress && index === words.length - 1 ? parseIpv4(word) : null;
    if (quad === null) return null;
    groups.push(quad >>> 16, quad & 0xffff);
  }
  return groups;
}

/** RFC 5952: lower case, the longest run of zero groups as `::`, IPv4-mapped addresses with a dotted quad. */
export function formatIpv6(address: Uint8Array): string {
  const quad = mappedQuad(address);
  if (quad !== null) return `::ffff:${formatIpv4(quad)}`;
  const groups = Array.from({ length: 8 }, (_, index) => (address[index * 2]! << 8) | address[index * 2 + 1]!);
  const run = longestZeroRun(groups);
  const words = groups.map((group) => group.toString(16));
  if (run.length < 2) return words.join(":");
  return `${words.slice(0, run.start).join(":")}::${words.slice(run.start + run.length).join(":")}`;
}

/** The first of the longest runs of zeros. */
function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

/** `a.b.c.d/bits` with no bit set behind the prefix; null for anything else. */
export function parseCidr4(text: string): Cidr4 | null {
  const [address = "", length = "", ...more] = text.split("/");
  const base = parseIpv4(address);
  const bits = parseDecimal(length, 32);
  if (base === null || bits === null || more.length > 0) return null;
  return cidr4Base(base, bits) === base ? { base, bits } : null;
}

/** `a.b.c.d/bits`. */
export function formatCidr4(cidr: Cidr4): string {
  return `${formatIpv4(cidr.base)}/${cidr.bits}`;
}

/** Whether `address` lies in `cidr`. */
export function cidr4Contains(cidr: Cidr4, address: number): boolean {
  return cidr4Base(address, cidr.bits) === cidr.base;
}

/** `address` with all bits behind the first `bits` cleared. */
function cidr4Base(address: number, bits: number): number {
  const size = 2 ** (32 - bits);
  return address - (address % size);
}

/** The 16-byte form of an IPv4 address (RFC 4291 section 2.5.5.2). */
export function mappedIpv4(address: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  bytes.fill(0xff, 10, 12);
  new DataView(bytes.buffer).setUint32(12, address);
  return bytes;
}

/** The IPv4 address inside `endpoint`; null when it is an IPv6 one. */
export function ipv4Of(endpoint: Endpoint): number | null {
  return mappedQuad(endpoint.address);
}

function mappedQuad(address: Uint8Array): number | null {
  const isMapped = address.length === 16 && address[10] === 0xff && address[11] === 0xff &&
    address.subarray(0, 10).every((byte) => byte === 0);
  return isMapped ? new ByteReader(address.subarray(12)).u32() : null;
}

/** `1.2.3.4:5` or `[2001:db8::1]:5`, port 0-65535 (0 is "any" where one listens); null for anything else. */
export function parseEndpoint(text: string): Endpoint | null {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return null;
  const port = parseDecimal(text.slice(colon + 1), 65535);
  const host = text.slice(0, colon);
  if (port === null) return null;
  if (host.startsWith("[") && host.endsWith("]")) {
    const address = parseIpv6(host.slice(1, -1));
    return address === null ? null : { address, port };
  }
  const address = parseIpv4(host);
  return address === null ? null : { address: mappedIpv4(address), port };
}

/** The text that {@linkcode parseEndpoint} reads; an IPv4-mapped address is written as IPv4. */
export function formatEndpoint(endpoint: Endpoint): string {
  const address = ipv4Of(endpoint);
  const host = address === null ? `[${formatIpv6(endpoint.address)}]` : formatIpv4(address);
  return `${host}:${endpoint.port}`;
}

/** A key for maps: equal for equal endpoints only. */
export function endpointKey(endpoint: Endpoint): string {
  return `${toHex(endpoint.address)}:${endpoint.port}`;
}

/** Whether both name the same address and port. */
export function equalEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && equalBytes(a.address, b.address);
}
