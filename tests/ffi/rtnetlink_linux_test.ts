import assert from "node:assert/strict";
import { SystemError } from "../../src/ffi/errno.ts";
import { parseAttributes } from "../../src/ffi/netlink_linux.ts";
import { NetworkNamespace } from "../../src/ffi/network_namespace_linux.ts";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { RouteNetlink } from "../../src/ffi/rtnetlink_linux.ts";
import { linkChangeBody, parseRoute, routeBody } from "../../src/ffi/rtnetlink_messages_linux.ts";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { needs } from "../support/needs.ts";

// Opens libc outside of any test: it stays open, which the sanitizer would take for a leak.
if (Deno.build.os === "linux") effectiveUid();

/** Runs `test` inside a namespace that ends with it, with a veth pair `a`, `b` of which both ends stay inside. */
function inNamespace(test: (netlink: RouteNetlink, index: number) => void): () => void {
  return () => {
    using namespace = NetworkNamespace.create();
    using netlink = namespace.run(() => new RouteNetlink());
    netlink.addVeth("a", "b", namespace.descriptor);
    test(netlink, netlink.findLink("a")!.index);
  };
}

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof SystemError);
    assert.equal(error.code, code);
    return true;
  };
}

Deno.test("linkChangeBody names only what changes", () => {
  assert.equal(toHex(linkChangeBody(3, {})), "00000000" + "03000000" + "00000000" + "00000000");
  assert.equal(
    toHex(linkChangeBody(3, { isUp: true, mtu: 1400, gsoMaxSize: 61000 })),
    "00000000" + "03000000" + "01000000" + "01000000" + "0800" + "0400" + "78050000" + "0800" + "2900" + "48ee0000",
  );
});

Deno.test("routeBody puts addresses in network order and refuses what is no prefix", () => {
  const header = "02100000" + "feb70001" + "00000000";
  assert.equal(
    toHex(routeBody({ destination: "10.77.0.0/16", linkIndex: 2, gateway: "10.78.0.1" })),
    header + "0800" + "0100" + "0a4d0000" + "0800" + "0400" + "02000000" + "0800" + "0500" + "0a4e0001",
  );
  assert.throws(() => routeBody({ destination: "10.77.0.0", linkIndex: 2 }), TypeError);
  assert.throws(() => routeBody({ destination: "10.77.0.0/33", linkIndex: 2 }), TypeError);
  assert.throws(() => routeBody({ destination: "default", linkIndex: 2 }), TypeError);
});

Deno.test("parseAttributes stops at a length that does not fit", () => {
  const cut = fromHex("0800" + "0100" + "aabbccdd" + "ff00" + "0200" + "00");
  assert.deepEqual([...parseAttributes(cut).keys()], [1]);
  assert.equal(parseAttributes(fromHex("0300" + "0100")).size, 0);
});

Deno.test("parseRoute reads a default route without attributes", () => {
  const body = new Uint8Array(12);
  body[0] = 2;
  body[4] = 254;
  assert.equal(parseRoute({ type: 24, body }).destination, "0.0.0.0/0");
  assert.equal(parseRoute({ type: 24, body }).linkIndex, null);
});

Deno.test(
  needs("RouteNetlink changes what a link is and reads it back", "linux", "netns"),
  inNamespace((netlink, index) => {
    assert.equal(netlink.findLink("a")!.isUp, false);
    netlink.changeLink(index, { isUp: true, mtu: 1400, txQueueLength: 1500, gsoMaxSize: 61000 });
    const link = netlink.findLink("a")!;
    assert.equal(link.kind, "veth");
    assert.deepEqual(
      [link.isUp, link.mtu, link.txQueueLength, link.gsoMaxSize, link.isLoopback],
      [true, 1400, 1500, 61000, false],
    );
    assert.equal(netlink.findLink("lo")!.isLoopback, true);
    netlink.removeLink(index);
    assert.equal(netlink.findLink("a"), null);
  }),
);

Deno.test(
  needs("RouteNetlink adds, lists and removes addresses of both families", "linux", "netns"),
  inNamespace((netlink, index) => {
    netlink.addAddress(index, "10.77.1.2/16");
    netlink.addAddress(index, "fd77::a4d:102/96");
    netlink.addAddress(index, "203.0.113.9/32", "203.0.113.1");
    const own = netlink.addresses().filter((address) => address.linkIndex === index);
    assert.deepEqual(own.map((address) => `${address.address}/${address.prefixLength}`).sort(), [
      "10.77.1.2/16",
      "203.0.113.9/32",
      "fd77::a4d:102/96",
    ]);
    assert(own.every((address) => address.isUsable && address.scope === 0));
    assert.throws(() => netlink.addAddress(index, "10.77.1.2/16"), failsWith("EEXIST"));
    netlink.removeAddress(index, "10.77.1.2/16");
    netlink.removeAddress(index, "203.0.113.9/32", "203.0.113.1");
    netlink.removeAddress(index, "fd77::a4d:102/96");
    assert.deepEqual(netlink.addresses().filter((address) => address.linkIndex === index), []);
    assert.throws(() => netlink.removeAddress(index, "10.77.1.2/16"), failsWith("EADDRNOTAVAIL"));
  }),
);

Deno.test(
  needs("RouteNetlink adds, lists and removes routes of both families", "linux", "netns"),
  inNamespace((netlink, index) => {
    netlink.addAddress(index, "192.168.1.2/24");
    netlink.changeLink(index, { isUp: true });
    netlink.changeLink(netlink.findLink("b")!.index, { isUp: true });
    const routes = [
      { destination: "10.77.0.0/16", linkIndex: index, source: "192.168.1.2", metric: 5 },
      { destination: "0.0.0.0/0", linkIndex: index, gateway: "192.168.1.1" },
      { destination: "fd77::/96", linkIndex: index, metric: 7 },
    ];
    for (const route of routes) netlink.addRoute(route);
    for (const { destination, gateway = null, source = null, metric } of routes) {
      const found = netlink.routes().find((route) => route.destination === destination && route.table === 254);
      assert(found, destination);
      assert.deepEqual([found.linkIndex, found.gateway, found.source], [index, gateway, source]);
      if (metric !== undefined) assert.equal(found.metric, metric);
    }
    assert.throws(() => netlink.addRoute(routes[0]!), failsWith("EEXIST"));
    for (const route of routes) netlink.removeRoute(route);
    const left = netlink.routes().map((route) => route.destination);
    assert(routes.every((route) => !left.includes(route.destination)), left.join());
    assert.throws(() => netlink.removeRoute(routes[0]!), failsWith("ESRCH"));
  }),
);

Deno.test(
  needs("RouteNetlink says in an error what was asked for and what the kernel answered", "linux", "netns"),
  inNamespace((netlink, index) => {
    const gateway = { destination: "10.9.0.0/16", linkIndex: index, gateway: "10.8.0.1" };
    netlink.changeLink(index, { isUp: true });
    assert.throws(
      () => netlink.addRoute(gateway),
      /^SystemError: Cannot add route 10\.9\.0\.0\/16: .+ \(ENETUNREACH\)$/,
    );
    assert.throws(() => netlink.changeLink(4711, { mtu: 1400 }), /change interface 4711 \(mtu 1400\).*\(ENODEV\)/);
    assert.throws(() => netlink.addVeth("a-name-much-too-long", "b", 0), TypeError);
  }),
);

Deno.test(needs("NetworkNamespace.run keeps sockets inside and puts the thread back", "linux", "netns"), () => {
  using namespace = NetworkNamespace.create();
  const outside = Deno.readLinkSync("/proc/thread-self/ns/net");
  const inside = namespace.run(() => Deno.readLinkSync("/proc/thread-self/ns/net"));
  assert.equal(inside, `net:[${namespace.id}]`);
  assert.throws(() =>
    namespace.run(() => {
      throw new Error("inner");
    }), /inner/);
  assert.equal(Deno.readLinkSync("/proc/thread-self/ns/net"), outside);
  assert.notEqual(inside, outside);
});
