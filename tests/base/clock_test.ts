import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";

Deno.test("FakeClock moves both clocks together and only when told to", () => {
  const clock = new FakeClock(1000);
  assert.deepEqual([clock.now(), clock.wallMs()], [0, 1000]);
  clock.advance(250);
  assert.deepEqual([clock.now(), clock.wallMs()], [250, 1250]);
});

Deno.test("FakeClock runs timers at their due time, equal ones in order of arming", () => {
  const clock = new FakeClock();
  const ran: string[] = [];
  const arm = (name: string, ms: number) => clock.after(ms, () => ran.push(`${name}@${clock.now()}`));
  arm("late", 30);
  arm("first", 10);
  arm("second", 10);
  clock.advance(29);
  assert.deepEqual(ran, ["first@10", "second@10"]);
  clock.advance(1);
  assert.deepEqual(ran, ["first@10", "second@10", "late@30"]);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("FakeClock runs timers that are armed while it advances", () => {
  const clock = new FakeClock();
  const ran: number[] = [];
  const again = () => {
    ran.push(clock.now());
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.advance(35);
  assert.deepEqual(ran, [10, 20, 30]);
  assert.equal(clock.pendingCount, 1);
});

Deno.test("FakeClock never runs a cancelled timer, even one due at the same moment", () => {
  const clock = new FakeClock();
  const ran: string[] = [];
  clock.after(10, () => {
    ran.push("first");
    cancel();
  });
  const cancel = clock.after(10, () => ran.push("second"));
  clock.advance(20);
  cancel();
  assert.deepEqual(ran, ["first"]);
});

Deno.test("FakeClock treats a negative delay as none", () => {
  const clock = new FakeClock();
  clock.advance(5);
  let ranAt = -1;
  clock.after(-100, () => ranAt = clock.now());
  clock.advance(0);
  assert.equal(ranAt, 5);
});
