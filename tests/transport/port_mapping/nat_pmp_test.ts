import assert from "node:assert/strict";
import { concat, fromHex, toHex } from "../../../src/base/bytes.ts";
import { ProtocolError } from "../../../src/base/errors.ts";
import { parseIpv4 } from "../../../src/base/ip.ts";
import {
  decodeNatPmpResponse,
  encodeNatPmpAddressRequest,
  encodeNatPmpMapRequest,
  natPmpResultWords,
} from "../../../src/transport/port_mapping/nat_pmp.ts";

/** What miniupnpd 2.3.1 sent. */
const ADDRESS = "0080" + "0000" + "00000001" + "2d000002";
const MAPPED = "0081" + "0000" + "00000001" + "0fa0" + "0fa1" + "00000e10";

Deno.test("encodeNatPmpAddressRequest is two bytes", () => {
  assert.equal(toHex(encodeNatPmpAddressRequest()), "0000");
});

Deno.test("encodeNatPmpMapRequest lays a request out as RFC 6886 section 3.3 says", () => {
  const wanted = { internalPort: 4000, externalPort: 4001, lifetimeS: 3600 };
  assert.equal(toHex(encodeNatPmpMapRequest("udp", wanted)), "0001" + "0000" + "0fa0" + "0fa1" + "00000e10");
  assert.equal(toHex(encodeNatPmpMapRequest("tcp", wanted)), "0002" + "0000" + "0fa0" + "0fa1" + "00000e10");
});

Deno.test("decodeNatPmpResponse reads what miniupnpd sends", () => {
  const rest = { result: 0, epochS: 1 };
  assert.deepEqual(decodeNatPmpResponse(fromHex(ADDRESS)), {
    ...rest,
    about: "address",
    address: parseIpv4("45.0.0.2"),
  });
  const grant = { internalPort: 4000, externalPort: 4001, lifetimeS: 3600 };
  assert.deepEqual(decodeNatPmpResponse(fromHex(MAPPED)), { ...rest, about: "udp", grant });
  assert.deepEqual(decodeNatPmpResponse(fromHex(MAPPED.replace(/^0081/, "0082"))), { ...rest, about: "tcp", grant });
});

Deno.test("decodeNatPmpResponse reads errors, also those that end with the epoch", () => {
  assert.deepEqual(decodeNatPmpResponse(fromHex("0080" + "0003" + "00000001" + "00000000")), {
    about: "address",
    result: 3,
    epochS: 1,
    address: null,
  });
  assert.deepEqual(decodeNatPmpResponse(fromHex("0081" + "0004" + "00000001")), {
    about: "udp",
    result: 4,
    epochS: 1,
    grant: null,
  });
});

Deno.test("decodeNatPmpResponse takes an answer of a PCP-only gateway for the word that NAT-PMP is not spoken", () => {
  const response = decodeNatPmpResponse(fromHex("0280" + "0001" + "00".repeat(20)));
  assert.deepEqual([response.about, natPmpResultWords(response.result)], ["address", "unsupported version"]);
});

Deno.test("decodeNatPmpResponse refuses what is cut short, too long, a request or about something else", () => {
  for (const hex of [ADDRESS, MAPPED]) {
    const bytes = fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeNatPmpResponse(bytes.slice(0, length)), ProtocolError, `${length} bytes`);
    }
    assert.throws(() => decodeNatPmpResponse(concat(bytes, new Uint8Array(1))), /trailing bytes/);
  }
  assert.throws(() => decodeNatPmpResponse(encodeNatPmpAddressRequest()), /request where an answer/);
  assert.throws(() => decodeNatPmpResponse(fromHex("0083" + "0000" + "00000001")), /opcode 131 was not asked for/);
  assert.throws(() => decodeNatPmpResponse(fromHex("0280" + "0000" + "00".repeat(20))), /NAT-PMP version 2/);
});

Deno.test("natPmpResultWords names every code of RFC 6886 section 3.5 and admits to others", () => {
  assert.deepEqual([2, 5, 6].map(natPmpResultWords), ["not authorized", "unsupported opcode", "result code 6"]);
});
