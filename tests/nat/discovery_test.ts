import { deepEqual, equal } from "node:assert/strict";
import { classifyNat, type NatEvidence, type NatVerdict } from "../../src/nat/mod.ts";
import { at } from "./path_simulation.ts";

const LOCAL = "192.168.1.5:41000";
const [S1A, S1B, S2A] = ["198.51.100.1:12975", "198.51.100.1:12976", "198.51.100.2:12975"];

/** `server observed` pairs. */
function judge(pairs: string[], rest: Partial<NatEvidence> = {}): NatVerdict {
  const observations = pairs.map((pair) => {
    const [server, observed] = pair.split(" ");
    return { server: at(server!), observed: at(observed!) };
  });
  return classifyNat({ local: [at(LOCAL)], observations, ...rest });
}

Deno.test("classifyNat tells mappings apart, in the words of RFC 4787", () => {
  const cases: [string[], NatVerdict["mapping"]][] = [
    [[], null],
    [[`${S1A} 203.0.113.9:41000`], null],
    [[`${S1A} 203.0.113.9:41000`, `${S1A} 203.0.113.9:41001`], null],
    [[`${S1A} 203.0.113.9:41000`, `${S1B} 203.0.113.9:41000`], "endpointIndependent"],
    [[`${S1A} 203.0.113.9:41000`, `${S1B} 203.0.113.9:41000`, `${S2A} 203.0.113.9:41000`], "endpointIndependent"],
    [[`${S1A} 203.0.113.9:5001`, `${S1B} 203.0.113.9:5002`], "addressAndPortDependent"],
    [[`${S1A} 203.0.113.9:5001`, `${S1B} 203.0.113.8:5001`], "addressAndPortDependent"],
    [[`${S1A} 203.0.113.9:5001`, `${S1B} 203.0.113.9:5001`, `${S2A} 203.0.113.9:5002`], "addressDependent"],
    [[`${S1A} 203.0.113.9:5001`, `${S2A} 203.0.113.9:5002`], "addressAndPortDependent"],
    [[`${S1A} 203.0.113.9:5001`, `${S2A} 203.0.113.9:5001`], "endpointIndependent"],
  ];
  for (const [pairs, expected] of cases) equal(judge(pairs).mapping, expected, pairs.join(", "));
});

Deno.test("classifyNat sees no NAT where the outside sees our own endpoint", () => {
  equal(judge([`${S1A} ${LOCAL}`]).isTranslated, false);
  equal(judge([`${S1A} 203.0.113.9:41000`]).isTranslated, true);
  equal(judge([]).isTranslated, null);
});

Deno.test("classifyNat says whether the port is kept", () => {
  equal(judge([`${S1A} 203.0.113.9:41000`]).keepsPort, true);
  equal(judge([`${S1A} 203.0.113.9:5001`]).keepsPort, false);
  equal(judge([`${S1A} 203.0.113.9:5001`], { local: [] }).keepsPort, null);
});

Deno.test("classifyNat finds a constant step between ports, and no step in two samples or in noise", () => {
  const ports = (...numbers: number[]) =>
    judge(numbers.map((port, n) => `198.51.100.1:${1000 + n} 203.0.113.9:${port}`));
  equal(ports(20001, 20002, 20003, 20004).portStep, 1);
  equal(ports(20001, 20003, 20005).portStep, 2);
  equal(ports(20001, 20002).portStep, null);
  equal(ports(20001, 20002, 20004).portStep, null);
  equal(ports(41000, 41000, 41000).portStep, null);
});

Deno.test("classifyNat tells filters apart by who may answer", () => {
  const filtering = (answered: NonNullable<NatEvidence["answered"]>) => judge([], { answered }).filtering;
  deepEqual(
    [
      filtering({}),
      filtering({ fromOtherPort: false }),
      filtering({ fromOtherPort: true }),
      filtering({ fromOtherPort: true, fromOtherAddress: false }),
      filtering({ fromOtherAddress: true }),
    ],
    [null, "addressAndPortDependent", null, "addressDependent", "endpointIndependent"],
  );
});
