/**
 * Search for an Internet gateway device by SSDP (UPnP Device Architecture 1.1 section 1.3): text in datagrams, shaped like
 * an HTTP request and its answer.
 *
 * @module
 */
import { utf8 } from "../../base/bytes.ts";
import { ProtocolError } from "../../base/errors.ts";
import { parseHeaders, splitHead } from "./http.ts";

/** The port of SSDP. */
export const SSDP_PORT = 1900;

/** 239.255.255.250, as an unsigned 32-bit number. */
export const SSDP_GROUP = 0xeffffffa;

/** What an Internet gateway device answers to: version 2 ones to both (UPnP Device Architecture 1.1 section 1.3.2). */
export const GATEWAY_DEVICES: readonly string[] = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
];

/** Longest answer that is read. */
const MAX_LENGTH = 2048;

/** An answer to a search. */
export interface SearchAnswer {
  /** Where the device is described; not yet checked in any way. */
  location: string;
  /** Name and version of the software that answers; null where it does not say. */
  server: string | null;
}

/** Asks every device that is a `device` to answer within a second. */
export function encodeSearch(device: string): Uint8Array<ArrayBuffer> {
  const lines = ["HOST: 239.255.255.250:1900", 'MAN: "ssdp:discover"', "MX: 1", `ST: ${device}`];
  return utf8(`M-SEARCH * HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
}

/** Reads an answer of a gateway device. @throws {ProtocolError} for anything else */
export function decodeSearchAnswer(bytes: Uint8Array): SearchAnswer {
  if (bytes.length > MAX_LENGTH) throw new ProtocolError(`SSDP answer of ${bytes.length} bytes`);
  const head = splitHead(bytes);
  if (head === null || !/^HTTP\/1\.[01] 200(?: |$)/.test(head.lines[0]!)) throw new ProtocolError("no SSDP answer");
  const headers = parseHeaders(head.lines.slice(1));
  const location = headers.get("location");
  if (!GATEWAY_DEVICES.includes(headers.get("st") ?? "") || location === undefined) {
    throw new ProtocolError("SSDP answer of something that is no gateway");
  }
  return { location, server: headers.get("server") ?? null };
}
