import assert from "node:assert/strict";
import { formatIpv6, mappedIpv4, parseIpv4 } from "../../../src/base/ip.ts";
import { NetworkNamespace } from "../../../src/ffi/network_namespace_linux.ts";
import { RouteNetlink } from "../../../src/ffi/rtnetlink_linux.ts";
import type { Link, LinkAddress, Route } from "../../../src/ffi/rtnetlink_messages_linux.ts";
import { findGateway, linuxGateway, type NetworkState } from "../../../src/transport/port_mapping/gateway_linux.ts";
import type { Gateway } from "../../../src/transport/port_mapping/types.ts";
import "../../support/load_native.ts";
import { needs } from "../../support/needs.ts";

function link(index: number, name: string, isRunning = true): Link {
  const sizes = { mtu: 1500, txQueueLength: 1000, gsoMaxSize: 65536 };
  return { index, name, kind: "", ...sizes, isUp: true, isRunning, isLoopback: false };
}

function address(linkIndex: number, prefix: string, more: Partial<LinkAddress> = {}): LinkAddress {
  const [address = "", length] = prefix.split("/");
  return { linkIndex, address, prefixLength: Number(length), scope: 0, isUsable: true, isTemporary: false, ...more };
}

function route(linkIndex: number, gateway: string | null, more: Partial<Route> = {}): Route {
  const destination = "0.0.0.0/0";
  return { destination, linkIndex, gateway, source: null, metric: 0, table: 254, type: 1, ...more };
}

/** A laptop on Ethernet (2) and Wi-Fi (3) with a VPN (4). */
const STATE: NetworkState = {
  links: [link(2, "eth0"), link(3, "wlan0"), link(4, "tun0")],
  addresses: [
    address(2, "10.9.0.5/24"),
    address(2, "192.168.1.2/24"),
    address(3, "192.168.2.7/24"),
    address(4, "10.8.0.2/24"),
    address(2, "fe80::5/64", { scope: 253 }),
    address(2, "2001:db8::7777/64", { isTemporary: true }),
    address(2, "2001:db8::1111/64", { isUsable: false }),
    address(2, "2001:db8::2/64"),
  ],
  routes: [
    route(3, "192.168.2.1", { metric: 600 }),
    route(4, null, { metric: 50 }),
    route(2, "192.168.1.1", { metric: 100 }),
    route(2, "192.168.1.77", { metric: 1, table: 100 }),
    route(2, "192.168.1.78", { metric: 1, type: 7 }),
    route(2, "192.168.1.79", { metric: 1, destination: "0.0.0.0/1" }),
    route(2, "fe80::1", { metric: 1024, destination: "::/0" }),
  ],
};

function words(gateway: Gateway | null): string | null {
  if (gateway === null) return null;
  return `${formatIpv6(gateway.address)} ${formatIpv6(gateway.localAddress)} ${gateway.zone}`;
}

Deno.test("findGateway takes the best default route with a next hop, and our address in its subnet", () => {
  assert.equal(words(findGateway(STATE, 4)), "::ffff:192.168.1.1 ::ffff:192.168.1.2 null");
});

Deno.test("findGateway passes over an interface without a carrier", () => {
  const links = [link(2, "eth0", false), ...STATE.links.slice(1)];
  assert.equal(words(findGateway({ ...STATE, links }, 4)), "::ffff:192.168.2.1 ::ffff:192.168.2.7 null");
});

Deno.test("findGateway takes the source that the route prefers", () => {
  const routes = [route(2, "192.168.1.1", { source: "10.9.0.5" })];
  assert.equal(words(findGateway({ ...STATE, routes }, 4)), "::ffff:192.168.1.1 ::ffff:10.9.0.5 null");
});

Deno.test("findGateway finds an IPv6 gateway with its zone and our lasting address", () => {
  assert.equal(words(findGateway(STATE, 6)), "fe80::1 2001:db8::2 eth0");
});

Deno.test("findGateway finds none without a default route, its interface or an address of ours", () => {
  assert.equal(findGateway({ ...STATE, routes: [] }, 4), null);
  assert.equal(findGateway({ ...STATE, links: [] }, 4), null);
  assert.equal(findGateway({ ...STATE, addresses: [] }, 4), null);
});

Deno.test(needs("linuxGateway reads the routes of the kernel", "linux", "netns"), async () => {
  using namespace = NetworkNamespace.create();
  using netlink = namespace.run(() => new RouteNetlink());
  netlink.addVeth("a", "b", namespace.descriptor);
  for (const name of ["a", "b"]) netlink.changeLink(netlink.findLink(name)!.index, { isUp: true });
  // The kernel notices the carrier a moment later.
  while (!netlink.findLink("a")!.isRunning) await new Promise((resolve) => setTimeout(resolve, 1));
  const { index } = netlink.findLink("a")!;
  assert.equal(namespace.run(() => linuxGateway(4)), null);
  netlink.addAddress(index, "192.168.1.2/24");
  netlink.addRoute({ destination: "0.0.0.0/0", linkIndex: index, gateway: "192.168.1.1" });
  assert.deepEqual(namespace.run(() => linuxGateway(4)), {
    address: mappedIpv4(parseIpv4("192.168.1.1")!),
    localAddress: mappedIpv4(parseIpv4("192.168.1.2")!),
    zone: null,
  });
  netlink.addAddress(index, "2001:db8::2/64");
  netlink.addRoute({ destination: "::/0", linkIndex: index, gateway: "2001:db8::1" });
  assert.equal(words(namespace.run(() => linuxGateway(6))), "2001:db8::1 2001:db8::2 a");
});
