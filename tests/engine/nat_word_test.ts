import assert from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import { parseEndpoint } from "../../src/base/ip.ts";
import type { OwnNat } from "../../src/engine/nat_watch.ts";
import { decodeNatWord, encodeNatWord } from "../../src/engine/nat_word.ts";

const OWN: OwnNat = {
  isTranslated: true,
  mapping: "addressAndPortDependent",
  filtering: null,
  keepsPort: false,
  portStep: null,
  observed: parseEndpoint("203.0.113.9:5001")!,
  hasHairpin: null,
  ports: null,
};

Deno.test("encodeNatWord tells of a NAT what decodeNatWord reads", () => {
  assert.deepEqual(decodeNatWord(encodeNatWord(OWN, null, false)), {
    mapping: "addressAndPortDependent",
    filtering: null,
    endpoint: OWN.observed,
    isSearching: false,
    ports: null,
  });
  const ports = { last: 20041, step: -2, low: 20000, high: 20063 };
  const word = decodeNatWord(encodeNatWord(OWN, ports, true));
  assert.deepEqual(word.ports, ports);
  assert.deepEqual([word.isSearching, word.endpoint.port], [true, 20041]);
});

Deno.test("decodeNatWord takes values that it does not know for unknown, and refuses what is cut short", () => {
  const body = encodeNatWord({ ...OWN, observed: null }, null, false);
  body[0] = 77;
  assert.equal(decodeNatWord(body).mapping, null);
  assert.throws(() => decodeNatWord(body.subarray(1)), ProtocolError);
});
