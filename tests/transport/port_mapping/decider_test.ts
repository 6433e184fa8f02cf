import assert from "node:assert/strict";
import { mappedIpv4, parseIpv4, parseIpv6 } from "../../../src/base/ip.ts";
import { FIRST_WAIT_MS, GRACE_MS, LOOK_AGAIN_MS, MAX_WAIT_MS } from "../../../src/transport/port_mapping/decider.ts";
import type { MappingEvent } from "../../../src/transport/port_mapping/events.ts";
import { MAPPER_NAMES } from "../../../src/transport/port_mapping/types.ts";
import { Bench, GATEWAY, granted, PRESENT, REFUSED, SILENT } from "./decider_bench.ts";

Deno.test("MappingDecider asks by all protocols at once as soon as there is a gateway", () => {
  const bench = new Bench();
  assert.deepEqual(bench.wait(), ["lookUpGateway"]);
  assert.deepEqual(bench.tell({ on: "gateway", gateway: GATEWAY }), [
    "use pcp+natPmp+upnp",
    "probe pcp",
    "probe natPmp",
    "probe upnp",
  ]);
  assert.equal(bench.answers(), "asking asking asking");
});

Deno.test("MappingDecider looks for a gateway every minute while there is none", () => {
  const bench = new Bench();
  bench.wait();
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(bench.tell({ on: "gateway", gateway: null }), []);
    const before = bench.now;
    assert.deepEqual(bench.wait(), ["lookUpGateway"]);
    assert.equal(bench.now - before, LOOK_AGAIN_MS);
  }
  assert.equal(bench.answers(), "notAsked notAsked notAsked");
});

Deno.test("MappingDecider asks an IPv6 gateway by PCP alone", () => {
  const bench = new Bench();
  bench.wait();
  const gateway = { address: parseIpv6("fe80::1")!, localAddress: parseIpv6("2001:db8::2")!, zone: "eth0" };
  assert.deepEqual(bench.tell({ on: "gateway", gateway }), ["use pcp", "probe pcp"]);
  assert.equal(bench.answers(), "asking notAsked notAsked");
});

Deno.test("MappingDecider takes the best protocol at once, a lesser one when the better had time or said no", () => {
  const rows: [name: string, run: (bench: Bench) => string[], expected: string[]][] = [
    ["PCP first", (bench) => bench.probed("pcp", PRESENT), ["map pcp 4000 3600"]],
    ["NAT-PMP waits", (bench) => bench.probed("natPmp", PRESENT), []],
    ["NAT-PMP after PCP said no", (bench) => {
      bench.probed("natPmp", PRESENT);
      return bench.probed("pcp", REFUSED);
    }, ["map natPmp 4000 3600"]],
    ["NAT-PMP after the grace", (bench) => {
      bench.probed("natPmp", PRESENT);
      return bench.wait();
    }, ["map natPmp 4000 3600"]],
    ["UPnP after the grace, at its own answer", (bench) => {
      bench.now += GRACE_MS;
      return bench.probed("upnp", PRESENT);
    }, ["map upnp 4000 3600"]],
    ["NAT-PMP before UPnP", (bench) => {
      bench.probed("upnp", PRESENT);
      bench.probed("natPmp", PRESENT);
      return bench.wait();
    }, ["map natPmp 4000 3600"]],
    ["nothing before the grace is over", (bench) => {
      bench.probed("upnp", PRESENT);
      return bench.wait(GRACE_MS - 1);
    }, []],
  ];
  for (const [name, run, expected] of rows) assert.deepEqual(run(Bench.probing()), expected, name);
});

Deno.test("MappingDecider pauses ever longer where nothing answers, up to half an hour", () => {
  const bench = Bench.probing();
  const pauses: number[] = [];
  for (let round = 0; round < 10; round++) {
    for (const name of MAPPER_NAMES) bench.probed(name, SILENT);
    assert.equal(bench.decider.status(bench.now).failedRounds, round + 1);
    const since = bench.now;
    assert.deepEqual(bench.wait(), ["probe pcp", "probe natPmp", "probe upnp", "lookUpGateway"]);
    pauses.push(bench.now - since);
  }
  pauses.forEach((pause, round) => {
    const expected = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** round);
    assert.ok(pause >= expected * 0.75 && pause <= expected * 1.25, `${round}: ${pause}`);
  });
});

Deno.test("MappingDecider begins with a short pause again after a mapping that worked", () => {
  const bench = Bench.probing();
  for (let round = 0; round < 5; round++) {
    for (const name of MAPPER_NAMES) bench.probed(name, SILENT);
    bench.wait();
  }
  bench.probed("pcp", PRESENT);
  bench.mapped("pcp", granted());
  bench.verified(true);
  for (const name of ["natPmp", "upnp"] as const) bench.probed(name, SILENT);
  bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } });
  const since = bench.now;
  bench.mapped("pcp", REFUSED);
  bench.wait();
  assert.ok(bench.now - since <= FIRST_WAIT_MS * 1.25, `${bench.now - since}`);
});

Deno.test("MappingDecider ends a pause when the gateway announces itself, or another gateway is there", () => {
  const silent = () => {
    const bench = Bench.probing();
    for (const name of MAPPER_NAMES) bench.probed(name, SILENT);
    return bench;
  };
  const announced = silent();
  announced.tell({ on: "announced" });
  assert.deepEqual(announced.wait(1000), ["probe pcp", "probe natPmp", "probe upnp", "lookUpGateway"]);
  const moved = silent();
  const gateway = { ...GATEWAY, localAddress: mappedIpv4(parseIpv4("192.168.1.3")!) };
  assert.equal(moved.tell({ on: "gateway", gateway }).length, 4);
  assert.equal(moved.decider.status(moved.now).failedRounds, 0);
});

Deno.test("MappingDecider leaves everything as it is when the network changed but the gateway did not", () => {
  const bench = Bench.holding();
  assert.deepEqual(bench.tell({ on: "networkChanged" }), ["lookUpGateway"]);
  assert.deepEqual(bench.tell({ on: "gateway", gateway: { ...GATEWAY } }), []);
});

Deno.test("MappingDecider takes a mapping back and begins anew when gateway or address change", () => {
  for (
    const [name, gateway] of [
      ["address", { ...GATEWAY, localAddress: mappedIpv4(1) }],
      ["gateway", { ...GATEWAY, address: mappedIpv4(1) }],
      ["interface", { ...GATEWAY, zone: "eth1" }],
    ] as const
  ) {
    const effects = Bench.holding().tell({ on: "gateway", gateway });
    assert.deepEqual(effects.slice(0, 2), ["tell none", "use pcp+natPmp+upnp"], name);
  }
  const bench = Bench.holding();
  assert.deepEqual(bench.tell({ on: "gateway", gateway: null }), ["tell none", "use none"]);
  assert.equal(bench.decider.status(bench.now).mapping, null);
});

Deno.test("MappingDecider turns to the next protocol when one refuses or falls silent, deleting what may be there", () => {
  const bench = Bench.probing();
  for (const name of MAPPER_NAMES) bench.probed(name, PRESENT);
  assert.deepEqual(bench.mapped("pcp", REFUSED), ["map natPmp 4000 3600"]);
  assert.deepEqual(bench.mapped("natPmp", SILENT), ["unmap natPmp", "map upnp 4000 3600"]);
  assert.deepEqual(bench.mapped("upnp", REFUSED), []);
  assert.equal(bench.answers(), "refused silent refused");
  assert.equal(bench.decider.status(bench.now).answers.pcp.reason, "not authorized");
});

Deno.test("MappingDecider deletes at the end what it has or asked for, and then is deaf", () => {
  assert.deepEqual(Bench.holding().tell({ on: "stop" }), ["unmap pcp", "tell none"]);
  const asking = Bench.probing();
  asking.probed("pcp", PRESENT);
  assert.deepEqual(asking.tell({ on: "stop" }), ["unmap pcp"]);
  assert.deepEqual(asking.mapped("pcp", granted()), []);
  assert.equal(asking.decider.nextWakeAt(), null);
  assert.deepEqual(Bench.probing().tell({ on: "stop" }), []);
});

Deno.test("MappingDecider ignores every event that makes no sense in its state", () => {
  const states: Record<string, () => Bench> = {
    unconnected: () => {
      const bench = new Bench();
      bench.wait();
      return bench;
    },
    probing: Bench.probing,
    mapping: () => {
      const bench = Bench.probing();
      bench.probed("pcp", PRESENT);
      return bench;
    },
    holding: Bench.holding,
    waiting: () => {
      const bench = Bench.probing();
      for (const name of MAPPER_NAMES) bench.probed(name, REFUSED);
      return bench;
    },
  };
  const senseless: MappingEvent[] = [
    { on: "tick" },
    { on: "mapped", by: "upnp", outcome: granted() },
    { on: "checked", by: "upnp", outcome: { ok: true, value: false } },
    { on: "verified", test: 99, isReachable: false },
  ];
  for (const [name, make] of Object.entries(states)) {
    // Only while probing is the answer to a probe what is waited for.
    const late: MappingEvent[] = name === "probing" ? [] : [{ on: "probed", by: "pcp", outcome: SILENT }];
    for (const event of [...senseless, ...late]) {
      const bench = make();
      const before = bench.answers();
      assert.deepEqual(bench.tell(event), [], `${name}: ${JSON.stringify(event)}`);
      assert.equal(bench.answers(), before, name);
    }
  }
});

Deno.test("MappingDecider shows what the gateway said of itself", () => {
  const bench = Bench.probing();
  const value = { externalAddress: mappedIpv4(parseIpv4("100.64.1.2")!), model: "My router" };
  bench.probed("natPmp", { ok: true, value });
  const { answers, gateway } = bench.decider.status(bench.now);
  assert.deepEqual(answers.natPmp, {
    answer: "present",
    reason: null,
    externalAddress: "100.64.1.2",
    model: "My router",
  });
  assert.deepEqual(gateway, GATEWAY.address);
});
