/**
 * The parts of an Internet gateway device that map ports (UPnP IGD WANIPConnection:1 and :2, WANPPPConnection:1).
 *
 * @module
 */
import { ProtocolError } from "../../base/errors.ts";
import { parseIpv4 } from "../../base/ip.ts";
import { type GatewayUrl, parseGatewayUrl, resolveGatewayUrl } from "./gateway_url.ts";
import { childText, findElements, parseXml, type XmlElement } from "./xml.ts";

/** Versions of services that Buri knows, the ones to prefer first. */
const SERVICE_TYPES: readonly string[] = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/** A router has one connection to the outside, or a few; more would only keep us busy. */
const MAX_SERVICES = 4;

/** A service that maps ports. */
export interface WanService {
  /** One of the three URNs. */
  type: string;
  /** Where its actions are called; on the gateway itself. */
  control: GatewayUrl;
  /** Whether it can choose a free port by itself (AddAnyPortMapping, WANIPConnection:2 section 2.5.17). */
  canChoosePort: boolean;
}

/** A device description. */
export interface GatewayDevice {
  /** As its maker calls it; from outside, to be shown only through `safe()`. */
  model: string | null;
  /** At least one, the best first. */
  services: WanService[];
}

/** Reads the description found at `location`. @throws {ProtocolError} where it names no service on the gateway itself */
export function decodeDescription(text: string, location: GatewayUrl): GatewayDevice {
  const root = parseXml(text);
  if (root.name !== "root") throw new ProtocolError("no device description");
  const base = baseUrl(root, location);
  const services = findElements(root, "service").flatMap((service) => readService(service, base));
  if (services.length === 0) throw new ProtocolError("no service that maps ports in the device description");
  services.sort((a, b) => SERVICE_TYPES.indexOf(a.type) - SERVICE_TYPES.indexOf(b.type));
  return { model: modelOf(root), services: services.slice(0, MAX_SERVICES) };
}

/** UPnP 1.0 lets a description say to what its URLs are relative. */
function baseUrl(root: XmlElement, location: GatewayUrl): GatewayUrl {
  const text = childText(root, "URLBase");
  if (text === null || text === "") return location;
  const base = parseGatewayUrl(text, parseIpv4(location.host) ?? -1);
  if (base === null) throw new ProtocolError("device description with a base on another host");
  return base;
}

function readService(service: XmlElement, base: GatewayUrl): WanService[] {
  const type = childText(service, "serviceType") ?? "";
  if (!SERVICE_TYPES.includes(type)) return [];
  const control = resolveGatewayUrl(childText(service, "controlURL") ?? "", base);
  return control === null ? [] : [{ type, control, canChoosePort: type.endsWith("WANIPConnection:2") }];
}

function modelOf(root: XmlElement): string | null {
  const device = root.children.find((child) => child.name === "device");
  if (device === undefined) return null;
  return childText(device, "modelName") ?? childText(device, "friendlyName");
}
