/**
 * Calls of UPnP actions (UPnP Device Architecture 1.1 section 3.2).
 *
 * @module
 */
import { ProtocolError } from "../../base/errors.ts";
import type { GatewayUrl } from "./gateway_url.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { childText, findElements, parseXml } from "./xml.ts";

const ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/";
const ENCODING = "http://schemas.xmlsoap.org/soap/encoding/";

/** Values of ours need no escaping, and must never come to need it unseen. */
const PLAIN = /^[\w.: -]*$/;

/** Error codes on which something depends (WANIPConnection:2 section 2.5). */
export const UPNP_ERROR = {
  invalidAction: 401,
  notImplemented: 602,
  noSuchEntry: 714,
  conflict: 718,
  samePortRequired: 724,
  onlyPermanentLease: 725,
} as const;

/** An action that the gateway refused. */
export class UpnpFault extends Error {
  /** Survives minification, unlike the class name. */
  override readonly name = "UpnpFault";
  /** UPnP error code. */
  readonly code: number;

  /** `description` is the gateway's own word. */
  constructor(code: number, description: string) {
    super(`error ${code}${description === "" ? "" : ` (${description.slice(0, 100)})`}`);
    this.code = code;
  }
}

/** What is called. */
export interface UpnpCall {
  /** Where. */
  control: GatewayUrl;
  /** URN of the service. */
  service: string;
  /** Name of the action. */
  action: string;
  /** Arguments, in the order that the service prescribes. */
  args: readonly (readonly [name: string, value: string | number])[];
}

/** The HTTP request that calls an action. @throws {RangeError} on a value that would need escaping: a bug of ours */
export function encodeCall({ control, service, action, args }: UpnpCall): HttpRequest {
  const fields = args.map(([name, value]) => {
    if (!PLAIN.test(String(value))) throw new RangeError(`Cannot send "${value}" as ${name}`);
    return `<${name}>${value}</${name}>`;
  });
  const body = `<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="${ENVELOPE}" s:encodingStyle="${ENCODING}"><s:Body>` +
    `<u:${action} xmlns:u="${service}">${fields.join("")}</u:${action}></s:Body></s:Envelope>\r\n`;
  const headers = { "Content-Type": 'text/xml; charset="utf-8"', SOAPAction: `"${service}#${action}"` };
  return { url: control, method: "POST", headers, body };
}

/** What an action returned, by argument. @throws {UpnpFault} when it was refused @throws {ProtocolError} */
export function decodeCallAnswer(response: HttpResponse, action: string): Map<string, string> {
  if (response.status !== 200 && response.status !== 500) throw new ProtocolError(`HTTP status ${response.status}`);
  const body = parseXml(response.body).children.find((child) => child.name === "Body");
  const answer = body?.children[0];
  if (answer?.name === "Fault") throw readFault(answer);
  if (response.status !== 200 || answer?.name !== `${action}Response`) {
    throw new ProtocolError(`no answer to ${action}`);
  }
  return new Map(answer.children.map((child) => [child.name, child.text]));
}

function readFault(fault: Parameters<typeof findElements>[0]): UpnpFault {
  const error = findElements(fault, "UPnPError")[0];
  const code = error === undefined ? "" : childText(error, "errorCode") ?? "";
  if (error === undefined || !/^[0-9]{1,3}$/.test(code)) throw new ProtocolError("SOAP fault without an error code");
  return new UpnpFault(Number(code), childText(error, "errorDescription") ?? "");
}
