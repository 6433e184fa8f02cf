import assert from "node:assert/strict";
import { systemClock } from "../../src/transport/system.ts";

Deno.test("systemClock fires once after the delay", async () => {
  const clock = systemClock();
  const begin = clock.now();
  await new Promise<void>((resolve) => clock.after(5, resolve));
  assert.ok(clock.now() - begin >= 4);
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 1000);
});

Deno.test("systemClock cancels, and does not take a very long delay for none", async () => {
  const clock = systemClock();
  let fired = 0;
  const cancels = [clock.after(1, () => fired++), clock.after(2 ** 40, () => fired++)];
  cancels[0]!();
  await new Promise<void>((resolve) => clock.after(5, resolve));
  cancels[1]!();
  assert.equal(fired, 0);
});
