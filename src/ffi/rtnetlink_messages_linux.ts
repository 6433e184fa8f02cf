/**
 * What rtnetlink messages hold (linux/{if_link,if_addr,rtnetlink}.h), without the socket. Addresses and prefixes are
 * text: `10.1.2.3`, `10.1.0.0/16`, `fd00::1/96`.
 *
 * @module
 */
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../base/ip.ts";
import {
  attributeText,
  attributeU32,
  type NetlinkMessage,
  NetlinkWriter,
  parseAttributes,
  viewOf,
} from "./netlink_linux.ts";
import { SOCKET } from "./posix_linux.ts";

const IFLA = {
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  TXQLEN: 13,
  LINKINFO: 18,
  NET_NS_FD: 28,
  GSO_MAX_SIZE: 41,
  GRO_MAX_SIZE: 58,
};
const INFO_KIND = 1;
const INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const IFA = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 };
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, TABLE: 15 };
const IFF_UP = 1;
const IFF_LOOPBACK = 8;
const IFF_RUNNING = 0x40;
const IFA_F_TEMPORARY = 1;
const IFA_F_NODAD = 2;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
const RT_TABLE_MAIN = 254;
/**
 * Marks our routes, so that removing one never takes another program's with the same prefix: the kernel compares it.
 * Any number from 5 on that no routing daemon uses (rtnetlink(7), /etc/iproute2/rt_protos) will do.
 */
const RTPROT_BURI = 183;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
/** Names longer than IFNAMSIZ - 1 are refused by the kernel. */
const MAX_NAME_LENGTH = 15;

/** A network interface. */
export interface Link {
  /** Number within its network namespace. */
  index: number;
  /** At most 15 bytes. */
  name: string;
  /** `tun`, `veth`, `bridge` …; `""` for hardware. */
  kind: string;
  /** Bytes. */
  mtu: number;
  /** Packets. */
  txQueueLength: number;
  /** Largest segmentation-offload packet given to the device, in bytes; 0 where the kernel does not say. */
  gsoMaxSize: number;
  /** Switched on by an administrator. */
  isUp: boolean;
  /** Switched on and with a carrier. */
  isRunning: boolean;
  /** The loopback interface. */
  isLoopback: boolean;
}

/** What can be changed of a link; absent = left as it is. */
export interface LinkChange {
  /** Switch it on or off. */
  isUp?: boolean;
  /** Bytes. */
  mtu?: number;
  /** Packets. */
  txQueueLength?: number;
  /** Bytes; keep below 65,536 minus what the tunnel adds. */
  gsoMaxSize?: number;
  /** Bytes. */
  groMaxSize?: number;
  /** Index of the bridge it becomes a port of. */
  master?: number;
}

/** An address of an interface. */
export interface LinkAddress {
  /** Index of the interface. */
  linkIndex: number;
  /** `10.1.2.3` or RFC 5952. */
  address: string;
  /** Bits of its subnet. */
  prefixLength: number;
  /** 0 = global, 200 = site, 253 = link, 254 = host. */
  scope: number;
  /** Usable as a source: not deprecated, not waiting for duplicate address detection. */
  isUsable: boolean;
  /** A privacy address that will be gone soon (RFC 8981); for IPv4, a secondary one. */
  isTemporary: boolean;
}

/** A route of any table. */
export interface Route {
  /** `10.1.0.0/16`; `0.0.0.0/0` and `::/0` are the default routes. */
  destination: string;
  /** Index of the outgoing interface, null = none (blackhole, several next hops). */
  linkIndex: number | null;
  /** Next hop, null = on the link. */
  gateway: string | null;
  /** Preferred source address, null = the system chooses. */
  source: string | null;
  /** Smaller wins. */
  metric: number;
  /** 254 = main, 255 = local. */
  table: number;
  /** RTN_*: 1 = unicast, 2 = local, 3 = broadcast … */
  type: number;
}

/** A route to add or to remove, in the main table. */
export interface RouteSpec {
  /** Prefix with all host bits zero. */
  destination: string;
  /** Index of the outgoing interface. */
  linkIndex: number;
  /** Next hop, absent = on the link. */
  gateway?: string;
  /** Preferred source address. */
  source?: string;
  /** Absent = the kernel's default. */
  metric?: number;
}

/** `struct ifinfomsg`; family, pad and type are 0 for all we ask. */
export function linkHeader(index: number, change: { flags?: number; mask?: number } = {}): Uint8Array<ArrayBuffer> {
  return new NetlinkWriter().fields([4, 0], [4, index], [4, change.flags ?? 0], [4, change.mask ?? 0]).finish();
}

/** Body of a request to change a link. */
export function linkChangeBody(index: number, change: LinkChange): Uint8Array<ArrayBuffer> {
  const flags = change.isUp === undefined ? {} : { flags: change.isUp ? IFF_UP : 0, mask: IFF_UP };
  const writer = new NetlinkWriter(linkHeader(index, flags));
  const numbers: [number, number | undefined][] = [
    [IFLA.MTU, change.mtu],
    [IFLA.TXQLEN, change.txQueueLength],
    [IFLA.GSO_MAX_SIZE, change.gsoMaxSize],
    [IFLA.GRO_MAX_SIZE, change.groMaxSize],
    [IFLA.MASTER, change.master],
  ];
  for (const [type, value] of numbers) if (value !== undefined) writer.u32(type, value);
  return writer.finish();
}

/** Body of a request for a pair of virtual Ethernet interfaces; `peerNamespace` is a descriptor. */
export function vethBody(name: string, peerName: string, peerNamespace: number): Uint8Array<ArrayBuffer> {
  const peer = new NetlinkWriter(linkHeader(0)).text(IFLA.IFNAME, checkName(peerName));
  peer.u32(IFLA.NET_NS_FD, peerNamespace);
  return newLinkBody(name, "veth", (data) => data.bytes(VETH_INFO_PEER, peer.finish()));
}

/** Body of a request for a bridge. */
export function bridgeBody(name: string): Uint8Array<ArrayBuffer> {
  return newLinkBody(name, "bridge", () => {});
}

function newLinkBody(name: string, kind: string, fill: (data: NetlinkWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = new NetlinkWriter(linkHeader(0)).text(IFLA.IFNAME, checkName(name));
  return writer.nested(IFLA.LINKINFO, (info) => info.text(INFO_KIND, kind).nested(INFO_DATA, fill)).finish();
}

/** `struct ifaddrmsg` with scope global. */
export function addressHeader(family: number, prefixLength: number, index: number): Uint8Array<ArrayBuffer> {
  return new NetlinkWriter().fields([1, family], [1, prefixLength], [1, 0], [1, 0], [4, index]).finish();
}

/** Body of a request to add or remove an address. @throws {TypeError} when it is none */
export function addressBody(index: number, prefix: string, peer: string | undefined): Uint8Array<ArrayBuffer> {
  const { family, bytes, length } = parsePrefix(prefix);
  const writer = new NetlinkWriter(addressHeader(family, length, index));
  writer.bytes(IFA.LOCAL, bytes).bytes(IFA.ADDRESS, peer === undefined ? bytes : parseAddressText(peer).bytes);
  if (family === SOCKET.AF_INET6) writer.u32(IFA.FLAGS, IFA_F_NODAD);
  return writer.finish();
}

/** `struct rtmsg` of one of our routes in the main table. */
export function routeHeader(family: number, prefixLength: number, scope: number): Uint8Array<ArrayBuffer> {
  return new NetlinkWriter().fields(
    [1, family],
    [1, prefixLength],
    [2, 0],
    [1, RT_TABLE_MAIN],
    [1, RTPROT_BURI],
    [1, scope],
    [1, RTN_UNICAST],
    [4, 0],
  ).finish();
}

/** Body of a request to add or remove a route. @throws {TypeError} when an address is none */
export function routeBody(route: RouteSpec): Uint8Array<ArrayBuffer> {
  const { family, bytes, length } = parsePrefix(route.destination);
  const scope = route.gateway === undefined && family === SOCKET.AF_INET ? RT_SCOPE_LINK : 0;
  const writer = new NetlinkWriter(routeHeader(family, length, scope));
  if (length > 0) writer.bytes(RTA.DST, bytes);
  writer.u32(RTA.OIF, route.linkIndex);
  if (route.gateway !== undefined) writer.bytes(RTA.GATEWAY, parseAddressText(route.gateway).bytes);
  if (route.source !== undefined) writer.bytes(RTA.PREFSRC, parseAddressText(route.source).bytes);
  if (route.metric !== undefined) writer.u32(RTA.PRIORITY, route.metric);
  return writer.finish();
}

/** One entry of the list of links. */
export function parseLink({ body }: NetlinkMessage): Link {
  const view = viewOf(body);
  const attributes = parseAttributes(body.slice(16));
  const info = attributes.get(IFLA.LINKINFO);
  const flags = view.getUint32(8, true);
  return {
    index: view.getInt32(4, true),
    name: attributeText(attributes, IFLA.IFNAME) ?? "",
    kind: info === undefined ? "" : attributeText(parseAttributes(info), INFO_KIND) ?? "",
    mtu: attributeU32(attributes, IFLA.MTU) ?? 0,
    txQueueLength: attributeU32(attributes, IFLA.TXQLEN) ?? 0,
    gsoMaxSize: attributeU32(attributes, IFLA.GSO_MAX_SIZE) ?? 0,
    isUp: (flags & IFF_UP) !== 0,
    isRunning: (flags & IFF_RUNNING) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
  };
}

/** One entry of the list of addresses. */
export function parseAddress({ body }: NetlinkMessage): LinkAddress {
  const view = viewOf(body);
  const attributes = parseAttributes(body.slice(8));
  const flags = attributeU32(attributes, IFA.FLAGS) ?? view.getUint8(2);
  // On point-to-point links IFA_ADDRESS is the other end; IPv6 has no IFA_LOCAL otherwise (linux/if_addr.h).
  const address = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  return {
    linkIndex: view.getUint32(4, true),
    address: formatAddress(address),
    prefixLength: view.getUint8(1),
    scope: view.getUint8(3),
    isUsable: (flags & (IFA_F_DEPRECATED | IFA_F_TENTATIVE)) === 0,
    isTemporary: (flags & IFA_F_TEMPORARY) !== 0,
  };
}

/** One entry of the list of routes. */
export function parseRoute({ body }: NetlinkMessage): Route {
  const view = viewOf(body);
  const attributes = parseAttributes(body.slice(12));
  const unspecified = view.getUint8(0) === SOCKET.AF_INET6 ? "::" : "0.0.0.0";
  const destination = attributes.get(RTA.DST);
  const gateway = attributes.get(RTA.GATEWAY);
  const source = attributes.get(RTA.PREFSRC);
  return {
    destination: `${destination === undefined ? unspecified : formatAddress(destination)}/${view.getUint8(1)}`,
    linkIndex: attributeU32(attributes, RTA.OIF) ?? null,
    gateway: gateway === undefined ? null : formatAddress(gateway),
    source: source === undefined ? null : formatAddress(source),
    metric: attributeU32(attributes, RTA.PRIORITY) ?? 0,
    table: attributeU32(attributes, RTA.TABLE) ?? view.getUint8(4),
    type: view.getUint8(7),
  };
}

function formatAddress(bytes: Uint8Array<ArrayBuffer> | undefined): string {
  if (bytes?.length === 4) return formatIpv4(viewOf(bytes).getUint32(0));
  return bytes?.length === 16 ? formatIpv6(bytes) : "";
}

/** Address family and bytes in network order. @throws {TypeError} when it is no address */
function parseAddressText(text: string): { family: number; bytes: Uint8Array } {
  const quad = parseIpv4(text);
  if (quad !== null) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, quad);
    return { family: SOCKET.AF_INET, bytes };
  }
  const bytes = parseIpv6(text);
  if (bytes === null) throw new TypeError(`Cannot read the address "${text}": neither IPv4 nor IPv6`);
  return { family: SOCKET.AF_INET6, bytes };
}

function parsePrefix(text: string): { family: number; bytes: Uint8Array; length: number } {
  const [address = "", bits = ""] = text.split("/");
  const { family, bytes } = parseAddressText(address);
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (!(length <= bytes.length * 8)) throw new TypeError(`Cannot read the prefix "${text}": no length after the slash`);
  return { family, bytes, length };
}

function checkName(name: string): string {
  if (name === "" || name.length > MAX_NAME_LENGTH) {
    throw new TypeError(`Cannot name an interface "${name}": 1 to ${MAX_NAME_LENGTH} characters`);
  }
  return name;
}
