import { parseIpv4 } from "../../base/ip.ts";

const ABSOLUTE = /^http:\/\/([0-9.]{7,15})(?::([1-9][0-9]{0,4}))?(\/.*)?$/i;
/** No spaces and no control characters: a target goes into a request line as it is. */
const TARGET = /^\/[\x21-\x7e]{0,1023}$/;
const DEFAULT_PORT = 80;

/** An HTTP address on the gateway. */
export interface GatewayUrl {
  /** Dotted quad of the gateway, never a name. */
  host: string;
  /** TCP port. */
  port: number;
  /** Path and query; begins with a slash. */
  target: string;
}

/**
 * Reads a URL that names the gateway itself: `http`, the gateway's literal IPv4 address (unsigned 32-bit number), no user,
 * no fragment. Null for anything else: whoever answers a search could otherwise have us talk to any host.
 */
export function parseGatewayUrl(text: string, gateway: number): GatewayUrl | null {
  const match = ABSOLUTE.exec(text);
  if (match === null) return null;
  const [, host = "", port, target = "/"] = match;
  const portNumber = port === undefined ? DEFAULT_PORT : Number(port);
  if (parseIpv4(host) !== gateway || portNumber > 65535) return null;
  return isTarget(target) ? { host, port: portNumber, target } : null;
}

/** Reads a URL that may be relative to `base`; null under the same rules as {@linkcode parseGatewayUrl}. */
export function resolveGatewayUrl(text: string, base: GatewayUrl): GatewayUrl | null {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) return parseGatewayUrl(text, parseIpv4(base.host) ?? -1);
  // `//host/path` would name another host.
  if (text === "" || text.startsWith("//")) return null;
  const folder = base.target.split("?")[0]!.replace(/[^/]*$/, "");
  const target = text.startsWith("/") ? text : folder + text;
  return isTarget(target) ? { ...base, target } : null;
}

function isTarget(text: string): boolean {
  return TARGET.test(text) && !text.includes("#");
}
