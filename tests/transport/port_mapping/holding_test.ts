import assert from "node:assert/strict";
import { CHECK_AGAIN_MS, CHECK_EVERY_MS, TEST_AGAIN_MS } from "../../../src/transport/port_mapping/holding.ts";
import { MAPPER_NAMES } from "../../../src/transport/port_mapping/types.ts";
import { Bench, granted, PRESENT, REFUSED, SILENT } from "./decider_bench.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

Deno.test("MappingDecider tells of a mapping only after it was tried from outside", () => {
  const bench = Bench.probing();
  bench.probed("pcp", PRESENT);
  assert.deepEqual(bench.mapped("pcp", granted()), ["verify 45.0.0.2:4000"]);
  assert.equal(bench.decider.status(bench.now).mapping!.test, "running");
  assert.deepEqual(bench.verified(true), ["tell 45.0.0.2:4000"]);
  assert.equal(bench.decider.status(bench.now).mapping!.test, "reachable");
});

Deno.test("MappingDecider tries a mapping twice, then deletes it and turns to the next protocol", () => {
  const bench = Bench.probing();
  for (const name of MAPPER_NAMES) bench.probed(name, PRESENT);
  const seen: string[] = [];
  for (const name of MAPPER_NAMES) {
    bench.mapped(name, granted());
    assert.deepEqual(bench.verified(false), []);
    const before = bench.now;
    assert.deepEqual(bench.wait(), ["verify 45.0.0.2:4000"]);
    assert.equal(bench.now - before, TEST_AGAIN_MS);
    seen.push(...bench.verified(false));
  }
  assert.deepEqual(seen, ["unmap pcp", "map natPmp 4000 3600", "unmap natPmp", "map upnp 4000 3600", "unmap upnp"]);
  assert.equal(bench.answers(), "useless useless useless");
});

Deno.test("MappingDecider forgives one failed test", () => {
  const bench = Bench.probing();
  bench.probed("pcp", PRESENT);
  bench.mapped("pcp", granted());
  bench.verified(false);
  bench.wait();
  assert.deepEqual(bench.verified(true), ["tell 45.0.0.2:4000"]);
});

Deno.test("MappingDecider tells of a mapping that could not be tried, and tries again after a minute", () => {
  const bench = Bench.probing();
  bench.probed("pcp", PRESENT);
  bench.mapped("pcp", granted());
  assert.deepEqual(bench.verified(null), ["tell 45.0.0.2:4000"]);
  assert.equal(bench.decider.status(bench.now).mapping!.test, "unknown");
  bench.now += MINUTE;
  assert.deepEqual(bench.wait(), ["verify 45.0.0.2:4000"]);
  bench.verified(false);
  bench.wait();
  assert.deepEqual(bench.verified(false), ["unmap pcp", "tell none"]);
});

Deno.test("MappingDecider pays no attention to the outcome of a test of an earlier mapping", () => {
  const bench = Bench.holding();
  assert.deepEqual(bench.tell({ on: "verified", test: 0, isReachable: false }), []);
  bench.now += TEST_AGAIN_MS;
  assert.deepEqual(bench.wait(0), []);
});

Deno.test("MappingDecider renews between 1/2 and 5/8 of the lifetime, asks for the same port, and tests again", () => {
  const bench = Bench.holding(1200);
  for (let n = 1; n <= 3; n++) {
    const since = bench.now;
    let effects: string[] = [];
    while (!effects.some((effect) => effect.startsWith("map"))) {
      effects = bench.wait();
      if (effects.includes("check pcp")) bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: true } });
    }
    assert.deepEqual(effects, ["map pcp 4000 3600"]);
    assert.ok(bench.now - since >= 600_000 && bench.now - since <= 750_000, `${bench.now - since}`);
    assert.deepEqual(bench.mapped("pcp", granted(1200)), ["verify 45.0.0.2:4000"]);
    assert.deepEqual(bench.verified(true), [], "the owner knows it already");
    assert.equal(bench.decider.status(bench.now).mapping!.renewals, n);
  }
});

Deno.test("MappingDecider takes a lifetime of a day for an hour, and renews no sooner than after 4 s", () => {
  for (const [lifetimeS, atLeast, atMost] of [[86_400, HOUR / 2, HOUR * 5 / 8], [6, 4000, 4000]] as const) {
    const bench = Bench.holding(lifetimeS);
    while (!bench.wait().includes("map pcp 4000 3600")) {
      bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: true } });
    }
    assert.ok(bench.now >= atLeast && bench.now <= atMost, `${lifetimeS}: ${bench.now}`);
  }
});

Deno.test("MappingDecider asks for the port it was given, not for the one it asked for first", () => {
  const bench = Bench.probing();
  bench.probed("pcp", PRESENT);
  bench.mapped("pcp", granted(3600, "45.0.0.2:4100"));
  bench.verified(true);
  assert.deepEqual(bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } }), [
    "map pcp 4100 3600",
  ]);
});

Deno.test("MappingDecider counts failed tests in a row only", () => {
  const bench = Bench.holding();
  for (let n = 0; n < 3; n++) {
    bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } });
    bench.mapped("pcp", granted());
    assert.deepEqual(bench.verified(false), []);
    bench.wait();
    assert.deepEqual(bench.verified(true), []);
  }
});

Deno.test("MappingDecider follows the gateway to another endpoint once that works", () => {
  const bench = Bench.holding();
  bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } });
  assert.deepEqual(bench.mapped("pcp", granted(3600, "45.0.0.9:4100")), ["verify 45.0.0.9:4100"]);
  assert.deepEqual(bench.verified(true), ["tell 45.0.0.9:4100"]);
});

Deno.test("MappingDecider asks ever sooner when renewals are not answered, and gives up when the mapping ends", () => {
  const bench = Bench.holding(120);
  const attempts: number[] = [];
  for (;;) {
    const effects = bench.wait();
    if (effects.includes("check pcp")) bench.tell({ on: "checked", by: "pcp", outcome: SILENT });
    if (!effects.includes("map pcp 4000 3600")) continue;
    attempts.push(bench.now);
    const dropped = bench.mapped("pcp", SILENT);
    if (dropped.length === 0) continue;
    assert.deepEqual(dropped, ["unmap pcp", "tell none"]);
    break;
  }
  const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
  assert.ok(attempts.length >= 3 && gaps.every((gap) => gap >= 4000), `${attempts}`);
  assert.ok(attempts[0]! >= 60_000 && attempts.at(-1)! <= 120_000, `${attempts}`);
});

Deno.test("MappingDecider drops a mapping whose renewal is refused", () => {
  const bench = Bench.holding();
  bench.probed("natPmp", PRESENT);
  bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } });
  assert.deepEqual(bench.mapped("pcp", REFUSED), ["unmap pcp", "tell none", "map natPmp 4000 3600"]);
});

Deno.test("MappingDecider checks each minute, looks the gateway up as well, and maps anew what is gone", () => {
  const bench = Bench.holding();
  assert.deepEqual(bench.wait(), ["lookUpGateway", "check pcp"]);
  assert.equal(bench.now, CHECK_EVERY_MS);
  assert.deepEqual(bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: true } }), []);
  assert.deepEqual(bench.wait(), ["lookUpGateway", "check pcp"]);
  assert.deepEqual(bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } }), [
    "map pcp 4000 3600",
  ]);
  assert.deepEqual(bench.mapped("pcp", granted()), ["verify 45.0.0.2:4000"]);
});

Deno.test("MappingDecider keeps asking a gateway that restarts: after a check without an answer, and for a lost mapping", () => {
  const bench = Bench.holding();
  bench.wait();
  bench.tell({ on: "checked", by: "pcp", outcome: SILENT });
  const since = bench.now;
  assert.deepEqual(bench.wait(), ["lookUpGateway", "check pcp"]);
  assert.equal(bench.now - since, CHECK_AGAIN_MS);
  bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: false } });
  for (let n = 0; n < 3; n++) {
    assert.deepEqual(bench.mapped("pcp", SILENT), []);
    assert.deepEqual(bench.wait(), ["map pcp 4000 3600"]);
  }
  assert.equal(bench.now - since, CHECK_AGAIN_MS * 4);
});

Deno.test("MappingDecider checks a lasting mapping and never renews it", () => {
  const bench = Bench.holding(null);
  for (let minute = 1; minute <= 200; minute++) {
    assert.deepEqual(bench.wait(), ["lookUpGateway", "check pcp"]);
    bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: true } });
  }
  assert.equal(bench.decider.status(bench.now).mapping!.endsInMs, null);
});

Deno.test("MappingDecider checks within a second of an announcement, however many there are", () => {
  const bench = Bench.holding();
  bench.now = 30_000;
  for (let n = 0; n < 100; n++) assert.deepEqual(bench.tell({ on: "announced" }), []);
  assert.deepEqual(bench.wait(), ["lookUpGateway", "check pcp"]);
  assert.ok(bench.now < 31_000, `${bench.now}`);
  bench.tell({ on: "checked", by: "pcp", outcome: { ok: true, value: true } });
  const since = bench.now;
  for (let n = 0; n < 100; n++) bench.tell({ on: "announced" });
  bench.wait();
  assert.ok(bench.now - since >= 2000, "a flood of forged ones costs one check in two seconds");
});
