/**
 * As much of HTTP/1.1 (RFC 9112) as it takes to ask a router one question on one connection.
 *
 * @module
 */
import { concat, utf8 } from "../../base/bytes.ts";
import { ProtocolError } from "../../base/errors.ts";
import type { GatewayUrl } from "./gateway_url.ts";

/** Longest answer that is read, head included. */
export const MAX_RESPONSE_LENGTH = 65_536;

const MAX_HEAD_LENGTH = 8192;
const MAX_HEADERS = 64;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: .*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):(.*)$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,6})(?:[ \t]*;.*)?$/;
const CRLF = [13, 10];

/** What is asked. */
export interface HttpRequest {
  /** Where. */
  url: GatewayUrl;
  /** GET, or POST with a body. */
  method: "GET" | "POST";
  /** Besides Host, Connection, User-Agent and Content-Length, which are added. */
  headers: Record<string, string>;
  /** `""` for none. */
  body: string;
}

/** What came back. */
export interface HttpResponse {
  /** Status code. */
  status: number;
  /** Bytes outside UTF-8 become U+FFFD: routers have names in all sorts of encodings, which matter to nobody here. */
  body: string;
}

/** Bytes of a request. */
export function encodeHttpRequest({ url, method, headers, body }: HttpRequest): Uint8Array<ArrayBuffer> {
  const content = utf8(body);
  const all = {
    Host: `${url.host}:${url.port}`,
    Connection: "close",
    "User-Agent": "Buri UPnP/1.1",
    ...headers,
    ...(method === "POST" ? { "Content-Length": String(content.length) } : {}),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return concat(utf8(`${method} ${url.target} HTTP/1.1\r\n${lines.join("")}\r\n`), content);
}

/** Whether `bytes` hold a whole answer; without a stated length it lasts until the connection is closed. @throws {ProtocolError} */
export function isWholeResponse(bytes: Uint8Array): boolean {
  const head = splitHead(bytes);
  const length = head === null ? null : contentLength(parseHeaders(head.lines.slice(1)));
  return head !== null && length !== null && bytes.length - head.length >= length;
}

/** Reads an answer that is whole, or ended with its connection. @throws {ProtocolError} */
export function decodeHttpResponse(bytes: Uint8Array): HttpResponse {
  const head = splitHead(bytes);
  if (head === null) throw new ProtocolError("HTTP answer ends early");
  const status = STATUS_LINE.exec(head.lines[0]!);
  if (status === null) throw new ProtocolError("HTTP answer without a status line");
  const headers = parseHeaders(head.lines.slice(1));
  const content = bytes.subarray(head.length);
  return { status: Number(status[1]), body: new TextDecoder().decode(bodyOf(headers, content)) };
}

function bodyOf(headers: Map<string, string>, content: Uint8Array): Uint8Array {
  const coding = headers.get("transfer-encoding");
  if (coding?.toLowerCase() === "chunked") return joinChunks(content);
  if (coding !== undefined) throw new ProtocolError("HTTP answer in an unknown coding");
  const length = contentLength(headers) ?? content.length;
  if (content.length < length) throw new ProtocolError("HTTP answer ends early");
  return content.subarray(0, length);
}

/** Status line and headers of a datagram or stream that begins like an HTTP answer; null while the head is not complete. */
export function splitHead(bytes: Uint8Array): { lines: string[]; length: number } | null {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HEAD_LENGTH));
  const end = text.indexOf("\r\n\r\n");
  if (end >= 0) return { lines: text.slice(0, end).split("\r\n"), length: end + 4 };
  if (bytes.length >= MAX_HEAD_LENGTH) throw new ProtocolError("HTTP head too long");
  return null;
}

/** Header lines by lower-case name; repeated ones joined by a comma (RFC 9110 section 5.3). @throws {ProtocolError} */
export function parseHeaders(lines: readonly string[]): Map<string, string> {
  if (lines.length > MAX_HEADERS) throw new ProtocolError("HTTP head with too many headers");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const match = HEADER_LINE.exec(line);
    if (match === null) throw new ProtocolError("HTTP head with a malformed header");
    const name = match[1]!.toLowerCase();
    const value = match[2]!.trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return headers;
}

function contentLength(headers: Map<string, string>): number | null {
  const text = headers.get("content-length");
  if (text === undefined || headers.has("transfer-encoding")) return null;
  if (!/^[0-9]{1,6}$/.test(text)) throw new ProtocolError("HTTP answer with a malformed length");
  return Number(text);
}

/** RFC 9112 section 7.1; trailers are ignored. */
function joinChunks(content: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0;;) {
    const lineEnd = content.indexOf(CRLF[1]!, at);
    const line = new TextDecoder("latin1").decode(content.subarray(at, Math.max(at, lineEnd - 1)));
    const size = CHUNK_LINE.exec(line);
    if (lineEnd < 1 || content[lineEnd - 1] !== CRLF[0] || size === null) {
      throw new ProtocolError("HTTP answer with a malformed chunk");
    }
    const start = lineEnd + 1;
    const end = start + parseInt(size[1]!, 16);
    if (end === start) return concat(...parts);
    parts.push(content.subarray(start, end));
    at = end + 2;
  }
}
