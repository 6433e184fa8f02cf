import { equal } from "node:assert/strict";
import { type NatBehaviours, searchAgainAt, searchRole } from "../../src/nat/mod.ts";

const OPEN: NatBehaviours = { mapping: "endpointIndependent", filtering: "endpointIndependent" };
const RESTRICTED: NatBehaviours = { mapping: "endpointIndependent", filtering: "addressAndPortDependent" };
const UNSURE: NatBehaviours = { mapping: "endpointIndependent", filtering: null };
const HARD: NatBehaviours = { mapping: "addressAndPortDependent", filtering: "addressAndPortDependent" };
const UNKNOWN: NatBehaviours = { mapping: null, filtering: null };

Deno.test("searchRole has the hard end open sockets and the easy one guess", () => {
  equal(searchRole(HARD, RESTRICTED), "openSockets");
  equal(searchRole(RESTRICTED, HARD), "guessPorts");
  equal(searchRole(HARD, UNSURE), "openSockets");
});

Deno.test("searchRole sees no use in a search where the ordinary ways lead through, or none does", () => {
  const pairs: [NatBehaviours, NatBehaviours][] = [[RESTRICTED, RESTRICTED], [HARD, OPEN], [HARD, HARD], [OPEN, OPEN]];
  for (const [one, other] of pairs) {
    equal(searchRole(one, other), null);
    equal(searchRole(other, one), null);
  }
});

Deno.test("searchRole begins nothing on an unknown NAT", () => {
  for (const other of [OPEN, RESTRICTED, HARD, UNKNOWN]) {
    equal(searchRole(UNKNOWN, other), null);
    equal(searchRole(other, UNKNOWN), null);
  }
});

Deno.test("searchAgainAt waits longer after each search that found nothing, and never more than six hours", () => {
  const minutes = [0, 1, 2, 3, 20].map((failures) => searchAgainAt(0, failures) / 60_000);
  equal(minutes.join(), "1,10,20,40,360");
});
