import assert from "node:assert/strict";
import { SystemError } from "../../src/ffi/errno.ts";
import { effectiveUid } from "../../src/ffi/identity_linux.ts";
import { NetworkNamespace } from "../../src/ffi/network_namespace_linux.ts";
import { type FirewallTable, Nftables } from "../../src/ffi/nftables_linux.ts";
import { needs } from "../support/needs.ts";

if (Deno.build.os === "linux") effectiveUid(); // Opens libc outside of any test: it stays open.

const TABLE: FirewallTable = {
  name: "t",
  chains: [
    {
      name: "post",
      type: "nat",
      hook: "postrouting",
      priority: 100,
      rules: [{ matches: [{ on: "outputInterface", name: "wan" }], verdict: "masquerade" }],
    },
    {
      name: "in",
      type: "filter",
      hook: "input",
      priority: 0,
      rules: [
        { matches: [{ on: "inputInterface", name: "wan" }, { on: "establishedOrRelated" }], verdict: "accept" },
        {
          matches: [
            { on: "sourceAddress", address: "203.0.113.9" },
            { on: "destinationAddress", address: "203.0.113.7" },
            { on: "protocol", number: 17 },
          ],
          verdict: "drop",
        },
      ],
    },
  ],
};

/** What the `nft` program makes of what is loaded, a line each. */
function listed(namespace: NetworkNamespace): string[] {
  const env = { PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin` };
  const { stdout } = namespace.run(() => new Deno.Command("nft", { args: ["list", "ruleset"], env }).outputSync());
  return new TextDecoder().decode(stdout).split("\n").map((line) => line.trim()).filter((line) => /^[a-z]/.test(line));
}

Deno.test(needs("replaceTable loads what the nft program reads as the same rules", "linux", "netns", "nft"), () => {
  using namespace = NetworkNamespace.create();
  using filter = namespace.run(() => new Nftables());
  filter.replaceTable(TABLE);
  assert.deepEqual(listed(namespace), [
    "table ip t {",
    "chain post {",
    "type nat hook postrouting priority srcnat; policy accept;",
    'oifname "wan" masquerade',
    "chain in {",
    "type filter hook input priority filter; policy accept;",
    'iifname "wan" ct state established,related accept',
    "ip saddr 203.0.113.9 ip daddr 203.0.113.7 meta l4proto udp drop",
  ]);
  filter.replaceTable({ name: "t", chains: [] });
  assert.deepEqual(listed(namespace), ["table ip t {"]);
  filter.removeTable("t");
  assert.deepEqual(listed(namespace), []);
});

Deno.test(needs("Nftables tells of what cannot be loaded, and changes nothing then", "linux", "netns", "nft"), () => {
  using namespace = NetworkNamespace.create();
  using filter = namespace.run(() => new Nftables());
  filter.replaceTable(TABLE);
  const before = listed(namespace);
  const [post] = TABLE.chains;
  const wrong = { name: "t", chains: [{ ...post!, hook: "input" as const, type: "filter" as const }] };
  assert.throws(() => filter.replaceTable(wrong), /^SystemError: Cannot load the packet filter t: .*\(E[A-Z]+\)$/);
  assert.deepEqual(listed(namespace), before);
  assert.throws(() => filter.removeTable("none"), (error) => error instanceof SystemError && error.code === "ENOENT");
  const badAddress = { on: "sourceAddress" as const, address: "fd00::1" };
  const rules = [{ matches: [badAddress], verdict: "drop" as const }];
  assert.throws(() => filter.replaceTable({ name: "t", chains: [{ ...post!, rules }] }), TypeError);
});
