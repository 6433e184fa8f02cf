import assert from "node:assert/strict";
import fc from "fast-check";
import { equalBytes, fromHex, toHex } from "../../src/base/bytes.ts";
import {
  cidr4Contains,
  type Endpoint,
  endpointKey,
  equalEndpoint,
  formatCidr4,
  formatEndpoint,
  formatIpv4,
  formatIpv6,
  ipv4Of,
  mappedIpv4,
  parseCidr4,
  parseEndpoint,
  parseIpv4,
  parseIpv6,
} from "../../src/base/ip.ts";

const anyIpv4 = fc.nat(0xffff_ffff);
const anyIpv6 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Mostly zeros, so that runs and mapped addresses occur.
  fc.array(fc.constantFrom(0, 0, 0, 0xff, 1), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
  anyIpv4.map(mappedIpv4),
);

Deno.test("parseIpv4 reads four decimal numbers as an unsigned number", () => {
  assert.equal(parseIpv4("0.0.0.0"), 0);
  assert.equal(parseIpv4("25.1.2.3"), 0x19010203);
  assert.equal(parseIpv4("255.255.255.255"), 0xffff_ffff);
});

Deno.test("parseIpv4 refuses what lenient parsers let through", () => {
  const refused = [
    ...["", "1", "1.2.3", "1.2.3.4.5", "1..2.3", ".1.2.3", "1.2.3.", "256.1.1.1", "01.2.3.4", "0x10.1.1.1"],
    ...[" 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1.2.3.4e0", "1.2.3.-4", "+1.2.3.4", "١.2.3.4", "1.2.3.4/8"],
  ];
  for (const text of refused) assert.equal(parseIpv4(text), null, JSON.stringify(text));
});

Deno.test("formatIpv4 writes what parseIpv4 reads, for any address", () => {
  fc.assert(fc.property(anyIpv4, (address) => parseIpv4(formatIpv4(address)) === address));
});

Deno.test("parseIpv6 reads the forms of RFC 4291 section 2.2", () => {
  const cases = [
    ["ABCD:EF01:2345:6789:abcd:ef01:2345:6789", "abcdef0123456789abcdef0123456789"],
    ["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["fe80::", "fe800000000000000000000000000000"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::ffff:129.144.52.38", "00000000000000000000ffff81903426"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
  ] as const;
  for (const [text, hex] of cases) assert.equal(toHex(parseIpv6(text)!), hex, text);
});

Deno.test("parseIpv6 refuses what is not exactly one address", () => {
  const refused = [
    ...["", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4::5:6:7:8", "12345::", "g::"],
    ...["::1%eth0", " ::1", "::1 ", "[::1]", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1.2.3.4", "1.2.3.4::", "::1.2.3"],
    ...["1.2.3.4:1:2:3:4:5:6", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4", "::-1"],
  ];
  for (const text of refused) assert.equal(parseIpv6(text), null, JSON.stringify(text));
});

Deno.test("formatIpv6 follows RFC 5952", () => {
  const cases = [
    ["20010db8000000000000000000000001", "2001:db8::1"], // 4.1: no leading zeros
    ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"], // 4.2.2: not for a single group
    ["20010000000000010000000000000001", "2001:0:0:1::1"], // 4.2.3: the longest run
    ["20010db8000000000001000000000001", "2001:db8::1:0:0:1"], // 4.2.3: the first of equal runs
    ["00000000000000000000000000000000", "::"],
    ["ABCD0000000000000000000000000000", "abcd::"], // 4.3: lower case
    ["00000000000000000000ffffc0000201", "::ffff:192.0.2.1"], // 5: a dotted quad
  ] as const;
  for (const [hex, text] of cases) assert.equal(formatIpv6(fromHex(hex)), text);
});

Deno.test("formatIpv6 writes what parseIpv6 reads, for any address", () => {
  fc.assert(fc.property(anyIpv6, (address) => equalBytes(parseIpv6(formatIpv6(address))!, address)));
});

Deno.test("parseCidr4 reads a prefix and formatCidr4 writes it", () => {
  for (const text of ["0.0.0.0/0", "25.0.0.0/8", "10.128.0.0/9", "255.255.255.255/32"]) {
    assert.equal(formatCidr4(parseCidr4(text)!), text);
  }
});

Deno.test("parseCidr4 refuses set bits behind the prefix and malformed lengths", () => {
  const refused = [
    ...["25.0.0.1/8", "128.0.0.0/0", "10.0.0.0/33", "10.0.0.0", "10.0.0.0/", "10.0.0.0/08"],
    ...["10.0.0.0/8/8", "/8", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/ 8"],
  ];
  for (const text of refused) assert.equal(parseCidr4(text), null, text);
});

Deno.test("cidr4Contains ends exactly at the edges of the prefix", () => {
  const cidr = parseCidr4("192.168.4.0/22")!;
  const inside = (text: string) => cidr4Contains(cidr, parseIpv4(text)!);
  assert.deepEqual(["192.168.4.0", "192.168.7.255"].map(inside), [true, true]);
  assert.deepEqual(["192.168.3.255", "192.168.8.0"].map(inside), [false, false]);
  assert.equal(cidr4Contains(parseCidr4("0.0.0.0/0")!, 0xffff_ffff), true);
});

Deno.test("parseEndpoint reads IPv4 as a mapped address and IPv6 in brackets", () => {
  assert.deepEqual(parseEndpoint("1.2.3.4:5"), { address: fromHex("00000000000000000000ffff01020304"), port: 5 });
  assert.deepEqual(parseEndpoint("[2001:db8::1]:65535"), { address: parseIpv6("2001:db8::1"), port: 65535 });
  assert.equal(parseEndpoint("0.0.0.0:0")?.port, 0);
});

Deno.test("parseEndpoint refuses missing brackets, ports out of range and names", () => {
  const refused = [
    ...["1.2.3.4", "1.2.3.4:", ":5", "1.2.3.4:65536", "1.2.3.4:05", "1.2.3.4:-1", "1.2.3.4:5 ", "::1:5", "[::1]"],
    ...["[::1]5", "[1.2.3.4]:5", "[::1:5", "::1]:5", "[[::1]]:5", "example.org:5", "1.2.3.4:5:6"],
  ];
  for (const text of refused) assert.equal(parseEndpoint(text), null, text);
});

Deno.test("formatEndpoint writes what parseEndpoint reads, for any endpoint", () => {
  fc.assert(fc.property(anyIpv6, fc.nat(65535), (address, port) => {
    const endpoint = { address, port };
    return equalEndpoint(parseEndpoint(formatEndpoint(endpoint))!, endpoint);
  }));
  assert.equal(formatEndpoint({ address: mappedIpv4(0x01020304), port: 5 }), "1.2.3.4:5");
  assert.equal(formatEndpoint({ address: parseIpv6("fe80::1")!, port: 5 }), "[fe80::1]:5");
});

Deno.test("equalEndpoint and endpointKey agree: same address and same port", () => {
  const endpoints = ["1.2.3.4:5", "[::ffff:1.2.3.4]:5", "1.2.3.4:50", "1.2.3.45:5", "[::102:304]:5"]
    .map((text) => parseEndpoint(text)!);
  const [a, ...others] = endpoints as [Endpoint, ...Endpoint[]];
  assert.deepEqual(others.map((b) => equalEndpoint(a, b)), [true, false, false, false]);
  assert.deepEqual(others.map((b) => endpointKey(a) === endpointKey(b)), [true, false, false, false]);
});

Deno.test("ipv4Of tells IPv4 from IPv6", () => {
  assert.equal(ipv4Of(parseEndpoint("255.2.3.4:5")!), 0xff020304);
  assert.equal(ipv4Of(parseEndpoint("[::1.2.3.4]:5")!), null);
  assert.equal(ipv4Of(parseEndpoint("[1::ffff:1.2.3.4]:5")!), null);
});
