import assert from "node:assert/strict";
import { BETTER_EVERY_MS, Climb, Ladder, NEXT_RUNG_MS, rungName, rungsOf } from "../../src/engine/ladder.ts";

const RUNGS = rungsOf(12975, null, true);
const [TCP, TLS, , PROXY] = RUNGS as [typeof RUNGS[0], typeof RUNGS[0], typeof RUNGS[0], typeof RUNGS[0]];
const names = (rungs: readonly (typeof TCP)[]) => rungs.map(rungName);

Deno.test("rungsOf goes from TCP over TLS to the proxy, with the port of the web unless the server told another", () => {
  assert.deepEqual(names(RUNGS), ["tcp:12975", "tls:443", "tls:12975", "proxy:443", "proxy:12975"]);
  assert.deepEqual(names(rungsOf(12975, 8443, false)), ["tcp:12975", "tls:8443", "tls:12975"]);
  assert.deepEqual(names(rungsOf(12975, 0, true)), ["tcp:12975", "tls:12975", "proxy:12975"]);
  assert.deepEqual(names(rungsOf(443, null, false)), ["tcp:443", "tls:443"]);
});

Deno.test("Climb tries the next rung after 3 s, beside the one that has not answered", () => {
  const climb = new Climb([TCP, TLS], 1000);
  assert.deepEqual(climb.next(1000), TCP);
  assert.equal(climb.next(1000 + NEXT_RUNG_MS - 1), null);
  assert.equal(climb.wakeAt, 1000 + NEXT_RUNG_MS);
  assert.deepEqual(climb.next(1000 + NEXT_RUNG_MS), TLS);
  assert.equal(climb.wakeAt, null);
  climb.failed(5000);
  assert(!climb.hasFailed, "one of them may still open");
  climb.failed(6000);
  assert(climb.hasFailed);
});

Deno.test("Climb tries the next rung at once when all before it were refused, and only then", () => {
  const climb = new Climb([TCP, TLS, PROXY], 0);
  climb.next(0);
  climb.failed(20);
  assert.deepEqual(climb.next(20), TLS);
  assert.deepEqual(climb.next(20 + NEXT_RUNG_MS), PROXY);
  const beside = new Climb([TCP, TLS, PROXY], 0);
  beside.next(0);
  beside.next(NEXT_RUNG_MS);
  beside.failed(NEXT_RUNG_MS + 10);
  assert.equal(beside.next(NEXT_RUNG_MS + 10), null);
});

Deno.test("Ladder tries the rung first that worked last, then the others from the best", () => {
  const ladder = new Ladder(RUNGS, null);
  assert.deepEqual(names(ladder.order), names(RUNGS));
  ladder.worked(TLS, 0);
  assert.deepEqual(names(ladder.order), ["tls:443", "tcp:12975", "tls:12975", "proxy:443", "proxy:12975"]);
  assert.deepEqual(names(new Ladder(RUNGS, "proxy:443").order)[0], "proxy:443");
  assert.deepEqual(names(new Ladder(RUNGS, "tls:9").order), names(RUNGS), "a rung that is gone is not tried");
});

Deno.test("Ladder looks for better rungs every 3 min while it is on a lower one, sooner in another network", () => {
  const ladder = new Ladder(RUNGS, null);
  ladder.worked(TCP, 0);
  assert.equal(ladder.betterAt, null);
  ladder.addressChanged(10);
  assert.equal(ladder.betterAt, null, "nothing is better than the best");
  ladder.worked(PROXY, 1000);
  assert.deepEqual(names(ladder.better), ["tcp:12975", "tls:443", "tls:12975"]);
  assert.equal(ladder.betterAt, 1000 + BETTER_EVERY_MS);
  ladder.addressChanged(5000);
  assert.equal(ladder.betterAt, 7000);
  ladder.triesBetter(7000);
  assert.equal(ladder.betterAt, 7000 + BETTER_EVERY_MS);
  ladder.worked(TCP, 8000);
  assert.deepEqual([ladder.betterAt, ladder.better], [null, []]);
});

Deno.test("Ladder takes the server's word on where TLS is spoken", () => {
  const ladder = new Ladder(RUNGS, null);
  ladder.worked(TCP, 0);
  ladder.setRungs(rungsOf(12975, 8443, false));
  assert.deepEqual(names(ladder.order), ["tcp:12975", "tls:8443", "tls:12975"]);
  ladder.worked({ way: "tls", port: 8443 }, 0);
  assert.notEqual(ladder.betterAt, null);
  ladder.setRungs(rungsOf(8443, 0, false).slice(1));
  assert.equal(ladder.betterAt, null);
});
