/**
 * Through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6), with Basic credentials (RFC 7617) where they are given.
 *
 * @module
 */
import { concat, utf8 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { type BufferedStream, withFirst } from "./stream.ts";

/** Where a proxy is and what it wants to hear. */
export interface HttpProxy {
  /** Name or literal address; an IPv6 one without brackets. */
  hostname: string;
  /** TCP port. */
  port: number;
  /** `user:password`; null = none. */
  credentials: string | null;
}

/** What a proxy answers at most before the connection is through, and how long its status line may be in a message. */
const MAX_HEAD_LENGTH = 16_384;
const MAX_REASON_LENGTH = 80;

/** The port of `http://` addresses is 80, but whoever leaves it out for a proxy means this. */
const DEFAULT_PORT = 3128;

/** Reads `http://[user:password@]host[:port]`, or the same without `http://`. Null for anything else. */
export function parseProxy(text: string): HttpProxy | null {
  const url = parseUrl(text.includes("://") ? text : `http://${text}`);
  if (url === null || url.protocol !== "http:" || url.hostname === "") return null;
  const isBare = url.pathname === "/" && url.search === "" && url.hash === "";
  if (!isBare) return null;
  // The port 80 of the scheme is dropped by the parser when it is written out.
  const port = url.port !== "" ? Number(url.port) : /:80\/?$/.test(text) ? 80 : DEFAULT_PORT;
  const credentials = decodeCredentials(url);
  if (credentials === undefined) return null;
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port, credentials };
}

/**
 * The proxy that the environment names for `host`, in the variables that other programs read: HTTPS_PROXY, ALL_PROXY and
 * their small forms, unless NO_PROXY excepts the host. Null = none, or one of a kind we do not speak.
 */
export function proxyFromEnvironment(variable: (name: string) => string | undefined, host: string): HttpProxy | null {
  const find = (name: string) => variable(name.toLowerCase()) || variable(name) || "";
  const text = find("HTTPS_PROXY") || find("ALL_PROXY");
  if (text === "" || isExcepted(find("NO_PROXY"), host)) return null;
  return parseProxy(text);
}

/**
 * Asks the proxy at the other end of `stream` for a connection to `host:port`; what is read from then on is the target's.
 *
 * @throws {ProtocolError} when it refuses, with its status, or answers no HTTP
 */
export async function connectThroughProxy(
  stream: BufferedStream,
  { credentials }: HttpProxy,
  { hostname, port }: { hostname: string; port: number },
): Promise<BufferedStream> {
  const target = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const lines = [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
  if (credentials !== null) lines.push(`Proxy-Authorization: Basic ${utf8(credentials).toBase64()}`);
  await stream.write(utf8(`${lines.join("\r\n")}\r\n\r\n`));
  const { head, rest } = await readHead(stream);
  const status = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?/.exec(head);
  if (status === null) throw new ProtocolError("what should be a proxy answers no HTTP");
  if (!status[1]!.startsWith("2")) {
    throw new ProtocolError(
      `the proxy refuses: ${`${status[1]} ${status[2] ?? ""}`.trim().slice(0, MAX_REASON_LENGTH)}`,
    );
  }
  return withFirst(stream, rest);
}

async function readHead(stream: BufferedStream): Promise<{ head: string; rest: Uint8Array }> {
  let held = new Uint8Array();
  for (;;) {
    const chunk = await stream.read();
    if (chunk === null) throw new ProtocolError("the proxy closed the connection");
    held = concat(held, chunk);
    const end = endOfHead(held);
    if (end >= 0) return { head: latin1(held.subarray(0, end)), rest: held.slice(end) };
    if (held.length > MAX_HEAD_LENGTH) throw new ProtocolError("the proxy's answer is too long");
  }
}

/** Behind the empty line; -1 = not there yet. */
function endOfHead(bytes: Uint8Array): number {
  for (let at = 3; at < bytes.length; at++) {
    const isEnd = bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10 && bytes[at - 3] === 13;
    if (isEnd) return at + 1;
  }
  return -1;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Undefined = not decodable. */
function decodeCredentials({ username, password }: URL): string | null | undefined {
  if (username === "" && password === "") return null;
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

/** A list of names with commas: each stands for itself and for what lies below it, `*` for all. */
function isExcepted(list: string, host: string): boolean {
  const name = host.toLowerCase();
  return list.toLowerCase().split(",").map((entry) => entry.trim().replace(/^\*?\./, "")).some((entry) =>
    entry === "*" || entry !== "" && (name === entry || name.endsWith(`.${entry}`))
  );
}
