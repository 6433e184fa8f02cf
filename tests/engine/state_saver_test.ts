import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { UserError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import { requireSaved, StateSaver } from "../../src/engine/state_saver.ts";
import { ControlError } from "../../src/ipc/mod.ts";

class Disk {
  isFull = false;
  readonly written: string[] = [];

  write(what: string): void {
    if (this.isFull) throw new UserError("Cannot save pins.json: no space left on device", { hint: "Make room." });
    this.written.push(what);
  }
}

Deno.test("StateSaver saves at once where it can", () => {
  const disk = new Disk();
  const clock = new FakeClock();
  const saver = new StateSaver({ clock, log: silentLogger });
  saver.save("pins", () => disk.write("pins 1"));
  assert.deepEqual([disk.written, saver.problem, clock.pendingCount], [["pins 1"], null, 0]);
});

Deno.test("StateSaver keeps what a full disk refuses, says so, and saves the newest of it when there is room", () => {
  const disk = new Disk();
  const clock = new FakeClock();
  const saver = new StateSaver({ clock, log: silentLogger });
  disk.isFull = true;
  saver.save("pins", () => disk.write("pins 1"));
  saver.save("pins", () => disk.write("pins 2"));
  saver.save("secrets", () => disk.write("secrets 1"));
  assert.match(saver.problem ?? "", /^Cannot save pins.json: no space left on device; it is lost when .* Make room\.$/);
  clock.advance(60_000);
  assert.deepEqual(disk.written, []);
  disk.isFull = false;
  clock.advance(10_000);
  assert.deepEqual([disk.written, saver.problem], [["pins 2", "secrets 1"], null]);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("StateSaver tries once more at its end, and leaves no timer", () => {
  const disk = new Disk();
  const clock = new FakeClock();
  for (const isFull of [false, true]) {
    const saver = new StateSaver({ clock, log: silentLogger });
    disk.isFull = true;
    saver.save("pins", () => disk.write("pins 1"));
    disk.isFull = isFull;
    saver.stop();
    assert.equal(clock.pendingCount, 0);
  }
  assert.deepEqual(disk.written, ["pins 1"]);
});

Deno.test("requireSaved refuses with the reason", () => {
  const disk = new Disk();
  requireSaved(() => disk.write("settings"));
  disk.isFull = true;
  const isRefusal = (error: unknown) => error instanceof ControlError && error.code === "cannotSave";
  assert.throws(() => requireSaved(() => disk.write("settings")), isRefusal);
});
