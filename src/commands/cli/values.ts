import { UserError } from "../../base/errors.ts";
import { parseCidr4, parseIpv4, parseIpv6 } from "../../base/ip.ts";
import type { LogLevel } from "../../base/log.ts";
import { type HttpProxy, parseProxy } from "../../transport/http_proxy.ts";

/** `HOST:PORT` or `[IPV6]:PORT`. Throws `UserError` with exit code 2. */
export function parseHostPort(option: string, text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, Math.max(0, colon));
  const bracketed = /^\[(.*)\]$/.exec(host)?.[1];
  const isHost = bracketed === undefined ? /^[^\s:[\]/#]+$/.test(host) : parseIpv6(bracketed) !== null;
  if (!isHost) throw wrong(option, text, "HOST:PORT, such as 203.0.113.5:12975");
  return { host: bracketed ?? host, port: parsePort(option, text.slice(colon + 1)) };
}

/** `host` and `port` in one word, IPv6 in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An IP address, as it is. @throws {UserError} exit 2 */
export function parseAddress(option: string, text: string): string {
  if (parseIpv4(text) === null && parseIpv6(text) === null) throw wrong(option, text, "a literal IPv4 or IPv6 address");
  return text;
}

/** 0 to 65535. Throws `UserError` with exit code 2. */
export function parsePort(option: string, text: string): number {
  const port = parseWhole(text);
  if (port === null || port > 65535) throw wrong(option, text, "a port from 0 to 65535");
  return port;
}

/** 0 to `most`. Throws `UserError` with exit code 2. */
export function parseCount(option: string, text: string, most: number): number {
  const count = parseWhole(text);
  if (count === null || count > most) throw wrong(option, text, `a number from 0 to ${most}`);
  return count;
}

/** 0.01 to 3600 seconds, as whole milliseconds. Throws `UserError` with exit code 2. */
export function parseSeconds(option: string, text: string): number {
  const ms = /^\d{1,4}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * 1000) : 0;
  if (ms < 10 || ms > 3_600_000) throw wrong(option, text, "seconds from 0.01 to 3600");
  return ms;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const MAX_DURATION_MS = 10 * 365 * 86_400_000;

/** `30m`, `2h`, `7d` and the like, up to ten years, as milliseconds. Throws `UserError` with exit code 2. */
export function parseDuration(option: string, text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  if (ms < 1000 || ms > MAX_DURATION_MS) throw wrong(option, text, "a time such as 30m, 2h or 7d, at most ten years");
  return ms;
}

/** `1`, `2` or both with a comma between. Throws `UserError` with exit code 2. */
export function parseSuites(option: string, text: string): number[] {
  const suites = text.split(",");
  const isKnown = suites.every((suite) => suite === "1" || suite === "2") && new Set(suites).size === suites.length;
  if (!isKnown) throw wrong(option, text, "1, 2 or 1,2");
  return suites.map(Number).sort();
}

/** `1` or `2`. Throws `UserError` with exit code 2. */
export function parseSuite(option: string, text: string): 1 | 2 {
  if (text === "1") return 1;
  if (text === "2") return 2;
  throw wrong(option, text, "1 or 2");
}

/** A CIDR block, as it was typed. Throws `UserError` with exit code 2. */
export function checkCidr(option: string, text: string): string {
  if (parseCidr4(text) === null) throw wrong(option, text, "a block of addresses, such as 10.77.0.0/16");
  return text;
}

/** `http://[user:password@]host[:port]`, or `none`, which is null. Throws `UserError` with exit code 2. */
export function parseProxyOption(option: string, text: string): HttpProxy | null {
  if (text === "none") return null;
  const proxy = parseProxy(text);
  // What was typed may hold a password.
  if (proxy === null) throw wrong(option, "…", "http://user:password@host:port, or none");
  return proxy;
}

/** Throws `UserError` with exit code 2. */
export function parseLogLevel(option: string, text: string): LogLevel {
  switch (text) {
    case "debug":
    case "info":
    case "warn":
    case "error":
    case "silent":
      return text;
    default:
      throw wrong(option, text, "debug, info, warn, error or silent");
  }
}

function parseWhole(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function wrong(option: string, text: string, expected: string): UserError {
  return new UserError(`Cannot use ${option} ${text}: it takes ${expected}`, { exitCode: 2 });
}

/** `on` or `off`. @throws {UserError} exit 2 */
export function parseSwitch(text: string): boolean {
  if (text === "on" || text === "off") return text === "on";
  throw new UserError(`Cannot use ${JSON.stringify(text)}: it is on or off`, { exitCode: 2 });
}
