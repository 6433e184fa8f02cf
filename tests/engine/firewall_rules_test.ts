import assert from "node:assert/strict";
import { closedInputChains } from "../../src/engine/firewall_rules.ts";

const chain = (changes: Record<string, unknown> = {}) => ({
  chain: {
    family: "inet",
    table: "filter",
    name: "input",
    handle: 1,
    type: "filter",
    hook: "input",
    prio: 0,
    policy: "drop",
    ...changes,
  },
});
const rule = (...expr: unknown[]) => ({ rule: { family: "inet", table: "filter", chain: "input", handle: 2, expr } });
const from = (right: unknown, key = "iifname") => ({ match: { op: "==", left: { meta: { key } }, right } });
const list = (...entries: unknown[]) => JSON.stringify({ nftables: [{ metainfo: { version: "1.0.6" } }, ...entries] });

Deno.test("closedInputChains finds chains that drop, and from where they let in", () => {
  const json = list(
    chain(),
    rule(from("lo"), { accept: null }),
    rule(from({ set: ["buri0", "eth1"] }), { counter: {} }, { accept: null }),
    rule(from("eth0"), { drop: null }),
    rule({ match: { op: "==", left: { ct: { key: "state" } }, right: "established" } }, { accept: null }),
  );
  assert.deepEqual(closedInputChains(json), [{ name: "inet filter input", openFor: ["lo", "buri0", "eth1"] }]);
});

Deno.test("closedInputChains leaves out chains that let in, that see other packets, and what it cannot read", () => {
  const open = list(chain({ policy: "accept" }), chain({ hook: "output" }), chain({ family: "bridge" }), {
    chain: { family: "ip" },
  });
  for (const json of [open, "", "{", "null", "[]", list(), JSON.stringify({ nftables: [1] })]) {
    assert.deepEqual(closedInputChains(json), []);
  }
});
