import assert from "node:assert/strict";
import { parseEndpoint } from "../../src/base/ip.ts";
import {
  readSocketAddress,
  sameSocketAddress,
  SOCKET_ADDRESS_LENGTH,
  writeSocketAddress,
} from "../../src/ffi/socket_address_linux.ts";

function view(): DataView {
  return new DataView(new Uint8Array(64).fill(0xff).buffer);
}

Deno.test("writeSocketAddress writes struct sockaddr_in6 for a socket of both families", () => {
  const at = view();
  assert.ok(writeSocketAddress(at, 0, parseEndpoint("192.0.2.7:258")!, "dual"));
  const expected = [10, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7, 0, 0, 0, 0];
  assert.deepEqual([...new Uint8Array(at.buffer, 0, SOCKET_ADDRESS_LENGTH)], expected);
});

Deno.test("writeSocketAddress writes struct sockaddr_in for a socket of IPv4, which cannot reach IPv6", () => {
  const at = view();
  assert.ok(writeSocketAddress(at, 0, parseEndpoint("192.0.2.7:258")!, "ipv4"));
  assert.deepEqual([...new Uint8Array(at.buffer, 0, 16)], [2, 0, 1, 2, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(writeSocketAddress(at, 0, parseEndpoint("[2001:db8::1]:5")!, "ipv4"), false);
});

Deno.test("readSocketAddress takes back what was written", () => {
  const at = view();
  for (const [text, families] of [["192.0.2.7:65535", ["dual", "ipv4"]], ["[2001:db8::9]:1", ["dual"]]] as const) {
    for (const family of families) {
      const endpoint = parseEndpoint(text)!;
      writeSocketAddress(at, 4, endpoint, family);
      assert.deepEqual(readSocketAddress(at, 4, family), endpoint);
    }
  }
});

Deno.test("sameSocketAddress tells addresses and ports apart, and overlooks flow labels", () => {
  const texts = ["192.0.2.7:5", "192.0.2.8:5", "192.0.2.7:6", "[2001:db8::9]:5", "[2001:db9::9]:5", "[2001:db8::8]:5"];
  for (const family of ["dual", "ipv4"] as const) {
    const usable = texts.filter((text) => family === "dual" || !text.startsWith("["));
    for (const a of usable) {
      for (const b of usable) {
        const at = view();
        writeSocketAddress(at, 0, parseEndpoint(a)!, family);
        writeSocketAddress(at, 28, parseEndpoint(b)!, family);
        if (family === "dual") at.setUint32(4, 0x12345);
        assert.equal(sameSocketAddress(at, 0, 28), a === b, `${a} and ${b}`);
      }
    }
  }
});
