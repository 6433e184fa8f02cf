import assert from "node:assert/strict";
import { formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { isOwnAddress, type OverlayRanges, ownCandidates, usableCandidates } from "../../src/engine/candidates.ts";
import { CANDIDATE_KIND } from "../../src/protocol/mod.ts";

const overlay: OverlayRanges = {
  pool: { base: 0x0a070000, bits: 16 },
  prefix6: Uint8Array.of(0xfd, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0),
};

const usable = { device: "eth0", deviceKind: "", isUsable: true, isTemporary: false };

const own = (...addresses: string[]) =>
  ownCandidates(addresses.map((address) => ({ ...usable, address })), 42, overlay)
    .map(({ kind, endpoint }) => `${kind} ${formatEndpoint(endpoint)}`);

const of = (...endpoints: string[]) =>
  endpoints.map((text) => ({ kind: CANDIDATE_KIND.observed as number, endpoint: parseEndpoint(text)! }));

const kept = (allowsLoopback: boolean, ...endpoints: string[]) =>
  usableCandidates(of(...endpoints), overlay, allowsLoopback).map(({ endpoint }) => formatEndpoint(endpoint));

Deno.test("ownCandidates tells private and public addresses of both families with the socket's port", () => {
  assert.deepEqual(own("192.168.1.5", "203.0.113.9", "2001:db8::1", "fd99::1"), [
    "1 192.168.1.5:42",
    "1 203.0.113.9:42",
    "2 [2001:db8::1]:42",
    "1 [fd99::1]:42",
  ]);
});

Deno.test("ownCandidates leaves out loopback, link-local and overlay addresses", () => {
  assert.deepEqual(own("127.0.0.1", "::1", "169.254.1.1", "fe80::1", "10.7.1.2", "fd01:203:405::1"), []);
});

Deno.test("ownCandidates leaves out tunnels, bridges of containers and addresses not in use", () => {
  const address = "192.168.1.5";
  for (const change of [{ deviceKind: "tun" }, { device: "docker0" }, { device: "br-12ab" }, { isUsable: false }]) {
    assert.deepEqual(ownCandidates([{ ...usable, address, ...change }], 42, overlay), []);
  }
});

Deno.test("usableCandidates leaves out what a hostile peer could aim us at", () => {
  assert.deepEqual(
    kept(
      false,
      "10.7.0.1:5",
      "[fd01:203:405::1]:5",
      "0.0.0.0:5",
      "224.0.0.1:5",
      "255.255.255.255:5",
      "[ff02::1]:5",
      "[fe80::1]:5",
      "[::]:5",
      "1.2.3.4:0",
      "127.0.0.1:5",
      "[::1]:5",
      "8.8.8.8:5",
    ),
    ["8.8.8.8:5"],
  );
});

Deno.test("usableCandidates keeps loopback where the server is on this machine, too", () => {
  assert.deepEqual(kept(true, "127.0.0.1:5", "[::1]:5"), ["127.0.0.1:5", "[::1]:5"]);
});

Deno.test("isOwnAddress knows the usable addresses of this machine, whatever device they are on, and loopback", () => {
  const addresses = [
    { ...usable, address: "192.168.1.2" },
    { ...usable, device: "wg0", deviceKind: "tun", address: "2001:db8::7" },
    { ...usable, address: "10.1.1.1", isUsable: false },
  ];
  const isOwn = (text: string) => isOwnAddress(parseEndpoint(text)!, addresses);
  assert.deepEqual(["192.168.1.2:9", "[2001:db8::7]:9", "127.0.0.1:9", "[::1]:9"].map(isOwn), [true, true, true, true]);
  assert.deepEqual(["192.168.1.3:9", "10.1.1.1:9"].map(isOwn), [false, false]);
});

Deno.test("usableCandidates keeps each endpoint once, and 16 in all", () => {
  assert.equal(kept(false, ...Array.from({ length: 30 }, (_, n) => `1.2.3.${n}:5`)).length, 16);
  assert.deepEqual(kept(false, "1.2.3.4:5", "1.2.3.4:5"), ["1.2.3.4:5"]);
});

Deno.test("usableCandidates takes a kind it does not know for an observed endpoint", () => {
  assert.deepEqual(
    usableCandidates([{ kind: 99, endpoint: parseEndpoint("1.2.3.4:5")! }], overlay, false).map(({ kind }) => kind),
    ["observed"],
  );
});
