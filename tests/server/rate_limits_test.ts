import assert from "node:assert/strict";
import { parseEndpoint } from "../../src/base/ip.ts";
import {
  EventWindow,
  PasswordTries,
  retrySpreadSeconds,
  sourceOf,
  UnauthenticatedConnections,
} from "../../src/server/rate_limits.ts";

function attempt(clientId: number, nameKey: string, source: string) {
  return { clientId, nameKey, source };
}

/** How many of `count` failing attempts at one moment are looked at. */
function lookedAt(tries: PasswordTries, count: number, now: number, make: (n: number) => ReturnType<typeof attempt>) {
  let looked = 0;
  for (let n = 0; n < count; n++) {
    if (!tries.mayTry(make(n), now)) continue;
    looked++;
    tries.failed(make(n), now);
  }
  return looked;
}

Deno.test("sourceOf takes an IPv6 /64 for one source and an IPv4 address for another", () => {
  const source = (text: string) => sourceOf(parseEndpoint(text)!);
  assert.equal(source("[2001:db8:1:2::1]:1"), source("[2001:db8:1:2:ffff::9]:2"));
  assert.notEqual(source("[2001:db8:1:2::1]:1"), source("[2001:db8:1:3::1]:1"));
  assert.equal(source("192.0.2.1:1"), source("192.0.2.1:2"));
  assert.notEqual(source("192.0.2.1:1"), source("192.0.2.2:1"));
});

Deno.test("PasswordTries looks at 5 failures a minute of one account at one network", () => {
  const tries = new PasswordTries();
  assert.equal(lookedAt(tries, 50, 0, () => attempt(1, "home", "a")), 5);
  assert.ok(tries.mayTry(attempt(1, "work", "a"), 0));
  assert.ok(tries.mayTry(attempt(2, "home", "a"), 0));
  assert.ok(!tries.mayTry(attempt(1, "home", "a"), 59_999));
  assert.ok(tries.mayTry(attempt(1, "home", "a"), 60_000));
});

Deno.test("PasswordTries looks at 20 failures a minute of one source, whatever accounts it uses", () => {
  const tries = new PasswordTries();
  assert.equal(lookedAt(tries, 200, 0, (n) => attempt(n, `net${n}`, "a")), 20);
  assert.ok(tries.mayTry(attempt(1, "home", "b"), 0));
});

Deno.test("PasswordTries looks at 100 failures a minute at one network, wherever they come from", () => {
  const tries = new PasswordTries();
  assert.equal(lookedAt(tries, 10_000, 0, (n) => attempt(n, "home", `source ${n}`)), 100);
  assert.ok(tries.mayTry(attempt(1, "work", "source 1"), 0));
});

Deno.test("EventWindow lets no stretch of its length hold more than the limit", () => {
  const window = new EventWindow(3, 1000);
  const seen: number[] = [];
  for (let now = 0; now < 10_000; now += 70) {
    if (!window.hasRoom("k", now)) continue;
    window.add("k", now);
    seen.push(now);
  }
  assert.ok(seen.length >= 27);
  for (const start of seen) assert.ok(seen.filter((time) => time >= start && time < start + 1000).length <= 3);
});

Deno.test("EventWindow forgets keys whose events are over", () => {
  const window = new EventWindow(3, 1000);
  for (let n = 0; n < 500; n++) window.add(`key ${n}`, 5000);
  window.add("late", 7000);
  assert.equal(window.size, 1);
});

Deno.test("UnauthenticatedConnections admits 20 of a source and 1000 in all", () => {
  const connections = new UnauthenticatedConnections();
  const admitted = (source: string) =>
    Array.from({ length: 30 }, () => connections.admit(source)).filter(Boolean).length;
  assert.equal(admitted("a"), 20);
  connections.release("a");
  assert.equal(admitted("a"), 1);
  let total = 20;
  for (let n = 0; n < 100; n++) total += admitted(`source ${n}`);
  assert.equal(total, 1000);
  for (let n = 0; n < 20; n++) connections.release("a");
  assert.equal(admitted("z"), 20);
});

Deno.test("retrySpreadSeconds spreads a herd out and lets a single client come back at once", () => {
  assert.deepEqual([1, 20, 21, 200, 600, 601, 1e6].map(retrySpreadSeconds), [1, 1, 2, 10, 30, 30, 30]);
});
