import assert from "node:assert/strict";
import { parseCidr4 } from "../../src/base/ip.ts";
import { describeClash, findRouteClashes } from "../../src/device/routes.ts";

const pool = parseCidr4("10.77.0.0/16")!;

function clash(destination: string, device = "eth0"): string {
  return findRouteClashes(pool, [{ destination, device }], "buri0").map(({ effect }) => effect).join();
}

Deno.test("findRouteClashes tells routes inside the pool from routes around it", () => {
  assert.equal(clash("10.77.3.0/24"), "hides");
  assert.equal(clash("10.77.255.255/32"), "hides");
  assert.equal(clash("10.77.0.0/16"), "hides");
  assert.equal(clash("10.0.0.0/8"), "hidden");
});

Deno.test("findRouteClashes leaves alone neighbours, default routes, IPv6 and the own device", () => {
  assert.equal(clash("10.76.0.0/16"), "");
  assert.equal(clash("10.78.0.0/15"), "");
  assert.equal(clash("0.0.0.0/0"), "");
  assert.equal(clash("0.0.0.0/1"), "");
  assert.equal(clash("fd00::/8"), "");
  assert.equal(clash("10.77.0.0/16", "buri0"), "");
});

Deno.test("describeClash says who loses what", () => {
  const sentences = ["10.77.3.0/24", "10.0.0.0/8"].map((destination) =>
    describeClash(pool, findRouteClashes(pool, [{ destination, device: "eth0" }], null)[0]!)
  );
  assert.deepEqual(sentences, [
    "addresses of 10.77.0.0/16 within 10.77.3.0/24 are reached by eth0 instead",
    "addresses of 10.0.0.0/8 (eth0) within 10.77.0.0/16 are out of reach",
  ]);
});
