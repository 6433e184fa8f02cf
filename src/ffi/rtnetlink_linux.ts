/**
 * Links, addresses and routes of Linux over rtnetlink (rtnetlink(7)): what `ip` does, without `ip`.
 *
 * @module
 */
import { NetlinkSocket, NLM } from "./netlink_linux.ts";
import {
  addressBody,
  addressHeader,
  bridgeBody,
  type Link,
  type LinkAddress,
  type LinkChange,
  linkChangeBody,
  linkHeader,
  parseAddress,
  parseLink,
  parseRoute,
  type Route,
  routeBody,
  routeHeader,
  type RouteSpec,
  vethBody,
} from "./rtnetlink_messages_linux.ts";

const NETLINK_ROUTE = 0;
const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
};

/** Network configuration of the namespace in which the thread was when this was made. All calls are synchronous. */
export class RouteNetlink implements Disposable {
  readonly #socket: NetlinkSocket;

  /** @throws {SystemError} where netlink does not exist. */
  constructor() {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE);
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }

  /** All interfaces. */
  links(): Link[] {
    return this.#socket.dump("list the interfaces", RTM.GETLINK, linkHeader(0)).map(parseLink);
  }

  /** The interface of that name, null = there is none. */
  findLink(name: string): Link | null {
    return this.links().find((link) => link.name === name) ?? null;
  }

  /** Changes an interface. @throws {SystemError} ENODEV, EPERM, EINVAL … */
  changeLink(index: number, change: LinkChange): void {
    const body = linkChangeBody(index, change);
    this.#socket.change(`change interface ${index} (${describe(change)})`, RTM.NEWLINK, 0, body);
  }

  /** Makes a pair of virtual Ethernet interfaces; the second is born in the namespace behind `peerNamespace`. */
  addVeth(name: string, peerName: string, peerNamespace: number): void {
    const body = vethBody(name, peerName, peerNamespace);
    this.#socket.change(`add interface ${name}`, RTM.NEWLINK, NLM.CREATE | NLM.EXCL, body);
  }

  /** Makes a bridge. */
  addBridge(name: string): void {
    this.#socket.change(`add interface ${name}`, RTM.NEWLINK, NLM.CREATE | NLM.EXCL, bridgeBody(name));
  }

  /** Removes an interface, with its addresses and routes. */
  removeLink(index: number): void {
    this.#socket.change(`remove interface ${index}`, RTM.DELLINK, 0, linkHeader(index));
  }

  /** All addresses of all interfaces. */
  addresses(): LinkAddress[] {
    return this.#socket.dump("list the addresses", RTM.GETADDR, addressHeader(0, 0, 0)).map(parseAddress);
  }

  /**
   * Gives an address such as `10.1.2.3/16` to an interface; `peer` makes it point-to-point.
   * IPv6 skips duplicate address detection: on a tunnel nobody can answer it, and it costs a second.
   * @throws {SystemError} EEXIST when the interface has it already
   */
  addAddress(index: number, prefix: string, peer?: string): void {
    const body = addressBody(index, prefix, peer);
    const call = `add address ${prefix} to interface ${index}`;
    this.#socket.change(call, RTM.NEWADDR, NLM.CREATE | NLM.EXCL, body);
  }

  /** Takes an address away. @throws {SystemError} EADDRNOTAVAIL when the interface does not have it */
  removeAddress(index: number, prefix: string, peer?: string): void {
    const call = `remove address ${prefix} from interface ${index}`;
    this.#socket.change(call, RTM.DELADDR, 0, addressBody(index, prefix, peer));
  }

  /** All routes of all tables. */
  routes(): Route[] {
    return this.#socket.dump("list the routes", RTM.GETROUTE, routeHeader(0, 0, 0)).map(parseRoute);
  }

  /** Adds a route. @throws {SystemError} EEXIST, ENETUNREACH when the gateway is not on a link … */
  addRoute(route: RouteSpec): void {
    const call = `add route ${route.destination}`;
    this.#socket.change(call, RTM.NEWROUTE, NLM.CREATE | NLM.EXCL, routeBody(route));
  }

  /** Removes a route. @throws {SystemError} ESRCH when there is no such route */
  removeRoute(route: RouteSpec): void {
    this.#socket.change(`remove route ${route.destination}`, RTM.DELROUTE, 0, routeBody(route));
  }
}

function describe(change: LinkChange): string {
  return Object.entries(change).map(([key, value]) => `${key} ${value}`).join(", ");
}
