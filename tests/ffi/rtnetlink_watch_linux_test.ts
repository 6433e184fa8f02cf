import assert from "node:assert/strict";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { NetworkNamespace } from "../../src/ffi/network_namespace_linux.ts";
import { RouteNetlink } from "../../src/ffi/rtnetlink_linux.ts";
import { watchNetwork } from "../../src/ffi/rtnetlink_watch_linux.ts";
import { needs } from "../support/needs.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

Deno.test(
  needs("watchNetwork tells of links, addresses and routes, and of nothing once closed", "linux", "netns"),
  async () => {
    using namespace = NetworkNamespace.create();
    using netlink = namespace.run(() => new RouteNetlink());
    let changes = 0;
    let changed = Promise.withResolvers<void>();
    const watch = namespace.run(() =>
      watchNetwork(() => {
        changes++;
        changed.resolve();
      })
    );
    const index = netlink.findLink("lo")!.index;
    const steps = [
      () => netlink.addVeth("a", "b", namespace.descriptor),
      () => netlink.changeLink(index, { isUp: true }),
      () => netlink.addAddress(index, "10.77.1.2/32"),
      () => netlink.addRoute({ destination: "10.78.0.0/16", linkIndex: index }),
      () => netlink.removeRoute({ destination: "10.78.0.0/16", linkIndex: index }),
    ];
    for (const step of steps) {
      changed = Promise.withResolvers();
      step();
      await changed.promise;
    }
    assert(changes >= steps.length);
    await watch.close();
    const before = changes;
    netlink.removeAddress(index, "10.77.1.2/32");
    assert.equal(changes, before);
  },
);
