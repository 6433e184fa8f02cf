import assert from "node:assert/strict";
import { concat, fromHex, toHex } from "../../../src/base/bytes.ts";
import { ProtocolError } from "../../../src/base/errors.ts";
import { mappedIpv4, parseIpv4, parseIpv6 } from "../../../src/base/ip.ts";
import {
  decodePcpResponse,
  encodePcpAnnounce,
  encodePcpMap,
  IP_PROTOCOL,
  type PcpMapping,
  pcpResultWords,
} from "../../../src/transport/port_mapping/pcp.ts";

const CLIENT = mappedIpv4(parseIpv4("192.168.7.2")!);
const CLIENT_HEX = "00000000000000000000ffff" + "c0a80702";
const NONCE_HEX = "000102030405060708090a0b";
/** What miniupnpd 2.3.1 sent in answer to ANNOUNCE and to MAP (lifetime 20 s, epoch 1 s, 45.0.0.2:4000). */
const ANNOUNCED = "0280000000000000" + "00000001" + "00".repeat(12);
const MAPPED = "0281000000000014" + "00000001" + "00".repeat(12) +
  NONCE_HEX + "11000000" + "0fa0" + "0fa0" + "00000000000000000000ffff" + "2d000002";

const MAPPING: PcpMapping = {
  nonce: fromHex(NONCE_HEX),
  protocol: IP_PROTOCOL.udp,
  internalPort: 4000,
  external: { address: mappedIpv4(parseIpv4("45.0.0.2")!), port: 4000 },
};

Deno.test("encodePcpAnnounce is a header alone", () => {
  assert.equal(toHex(encodePcpAnnounce(CLIENT)), "02000000" + "00000000" + CLIENT_HEX);
});

Deno.test("encodePcpMap lays a request out as RFC 6887 sections 7.1 and 11.1 say", () => {
  const wanted = { ...MAPPING, external: { address: mappedIpv4(0), port: 4001 } };
  assert.equal(
    toHex(encodePcpMap(CLIENT, 3600, wanted)),
    "02010000" + "00000e10" + CLIENT_HEX + NONCE_HEX + "11000000" + "0fa0" + "0fa1" +
      "00000000000000000000ffff00000000",
  );
});

Deno.test("encodePcpMap carries IPv6 addresses and TCP as they are", () => {
  const client = parseIpv6("2001:db8::2")!;
  const wanted = { ...MAPPING, protocol: IP_PROTOCOL.tcp, external: { address: new Uint8Array(16), port: 0 } };
  assert.equal(
    toHex(encodePcpMap(client, 0, wanted)),
    "02010000" + "00000000" + "20010db8000000000000000000000002" + NONCE_HEX + "06000000" + "0fa0" + "0000" +
      "00".repeat(16),
  );
});

Deno.test("decodePcpResponse reads what miniupnpd sends", () => {
  const rest = { result: 0, epochS: 1 };
  assert.deepEqual(decodePcpResponse(fromHex(ANNOUNCED)), { ...rest, opcode: "announce", lifetimeS: 0, mapping: null });
  assert.deepEqual(decodePcpResponse(fromHex(MAPPED)), { ...rest, opcode: "map", lifetimeS: 20, mapping: MAPPING });
});

Deno.test("decodePcpResponse leaves options behind a mapping alone", () => {
  const option = fromHex("01000010" + "00".repeat(16));
  assert.deepEqual(decodePcpResponse(concat(fromHex(MAPPED), option)).mapping, MAPPING);
});

Deno.test("decodePcpResponse reads errors, also those that end with the header", () => {
  const refused = MAPPED.replace("0281000000000014", "0281000200000708");
  assert.deepEqual(decodePcpResponse(fromHex(refused)), {
    opcode: "map",
    result: 2,
    lifetimeS: 1800,
    epochS: 1,
    mapping: MAPPING,
  });
  assert.equal(decodePcpResponse(fromHex(refused.slice(0, 48))).mapping, null);
});

Deno.test("decodePcpResponse takes an answer in another version for the word that this one is not spoken", () => {
  // RFC 6886 section 3.5: what a NAT-PMP gateway answers.
  const { opcode, result, mapping } = decodePcpResponse(fromHex("0081" + "0001" + "00000309"));
  assert.deepEqual([opcode, pcpResultWords(result), mapping], ["map", "unsupported version", null]);
});

Deno.test("decodePcpResponse refuses what is cut short, too long, odd, a request or about something else", () => {
  const bytes = fromHex(MAPPED);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodePcpResponse(bytes.slice(0, length)), ProtocolError, `${length} bytes`);
  }
  assert.throws(() => decodePcpResponse(concat(bytes, new Uint8Array(1100))), /PCP message of 1160 bytes/);
  assert.throws(() => decodePcpResponse(concat(bytes, new Uint8Array(3))), /PCP message of 63 bytes/);
  assert.throws(() => decodePcpResponse(encodePcpMap(CLIENT, 3600, MAPPING)), /request where an answer/);
  assert.throws(() => decodePcpResponse(fromHex(MAPPED.replace(/^0281/, "0282"))), /opcode 2 was not asked for/);
  assert.throws(() => decodePcpResponse(fromHex("0381" + "0002" + "00".repeat(20))), /PCP version 3/);
});

Deno.test("pcpResultWords names every code of RFC 6887 section 7.4 and admits to others", () => {
  assert.deepEqual([2, 8, 13, 14].map(pcpResultWords), [
    "not authorized",
    "no resources",
    "excessive remote peers",
    "result code 14",
  ]);
});
