import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import type { LocalAddress } from "../../src/device/addresses.ts";
import { type NetworkWatchOptions, watchOwnNetwork, watchSleep } from "../../src/engine/network_watch.ts";

function own(change: Partial<LocalAddress> = {}): LocalAddress {
  return {
    device: "eth0",
    deviceIndex: 2,
    deviceKind: "",
    address: "192.168.1.2",
    prefixLength: 24,
    scope: "global",
    isUsable: true,
    isTemporary: false,
    ...change,
  };
}

/** A machine whose network the test changes. */
class Machine {
  readonly clock = new FakeClock();
  addresses = [own()];
  routes = [{ destination: "0.0.0.0/0", device: "eth0" }];
  readonly told: { at: number; reason: string }[] = [];
  #event = () => {};
  isWatched = true;
  onClose = () => {};
  readonly watch;

  constructor() {
    const network: NetworkWatchOptions["network"] = {
      addresses: () => this.addresses,
      routes: () => this.routes,
      watch: (onChange) => {
        this.#event = onChange;
        return {
          close: () => {
            this.onClose();
            return Promise.resolve(void (this.isWatched = false));
          },
        };
      },
    };
    const onChange = (reason: string) => void this.told.push({ at: this.clock.now(), reason });
    this.watch = watchOwnNetwork({ network, clock: this.clock, onChange });
  }

  /** The system tells that something happened. */
  change(addresses: LocalAddress[], routes = this.routes): void {
    this.addresses = addresses;
    this.routes = routes;
    this.#event();
  }
}

Deno.test("watchOwnNetwork tells once of changes that come together, soon after the first", () => {
  const machine = new Machine();
  machine.change([], []);
  machine.clock.advance(50);
  machine.change([own({ address: "10.0.0.9" })], []);
  machine.clock.advance(50);
  machine.change([own({ address: "10.0.0.9" })], [{ destination: "0.0.0.0/0", device: "eth0" }]);
  machine.clock.advance(500);
  assert.deepEqual(machine.told, [{ at: 150, reason: "network" }]);
});

Deno.test("watchOwnNetwork leaves no timer when something changes while it ends", async () => {
  const machine = new Machine();
  machine.onClose = () => machine.change([own({ address: "10.0.0.9" })]);
  await machine.watch.close();
  assert.deepEqual([machine.isWatched, machine.clock.pendingCount], [false, 0]);
});

Deno.test("watchOwnNetwork tells of a network that was left for another which gives the same address", () => {
  const machine = new Machine();
  const before = machine.addresses;
  machine.change([]);
  machine.clock.advance(20);
  machine.change(before);
  machine.clock.advance(500);
  assert.equal(machine.told.length, 1);
  // A cable that was exchanged between two looks shows by its number alone.
  machine.change([own({ deviceIndex: 3 })]);
  machine.clock.advance(500);
  assert.equal(machine.told.length, 2);
});

Deno.test("watchOwnNetwork tells nothing of events after which all is as before, and of what is not the way out", () => {
  const machine = new Machine();
  machine.change([own()]);
  machine.change([own(), own({ device: "buri0", deviceIndex: 9, deviceKind: "tun", address: "10.77.0.1" })]);
  machine.change([own(), own({ address: "fe80::1", scope: "link" }), own({ address: "10.1.1.1", isUsable: false })]);
  machine.change([own()], [{ destination: "0.0.0.0/0", device: "eth0" }, { destination: "10.9.0.0/16", device: "x" }]);
  machine.clock.advance(5_000);
  assert.deepEqual(machine.told, []);
});

Deno.test("watchOwnNetwork is silent once it is closed", async () => {
  const machine = new Machine();
  machine.change([]);
  await machine.watch.close();
  machine.clock.advance(5_000);
  assert.deepEqual(machine.told, []);
  assert.equal(machine.isWatched, false);
  assert.equal(machine.clock.pendingCount, 0);
});

/** A clock whose wall time a test can move on its own, as sleep does. */
class SleepingClock extends FakeClock {
  sleptMs = 0;

  override wallMs(): number {
    return super.wallMs() + this.sleptMs;
  }
}

Deno.test("watchSleep tells within a second after the machine slept, and of no small step of the clock", () => {
  const clock = new SleepingClock();
  let wakes = 0;
  const cancel = watchSleep(clock, () => wakes++);
  clock.advance(10_000);
  clock.sleptMs += 2_000;
  clock.advance(10_000);
  assert.equal(wakes, 0);
  clock.sleptMs += 60_000;
  clock.advance(1_000);
  assert.equal(wakes, 1);
  clock.advance(60_000);
  assert.equal(wakes, 1);
  cancel();
  clock.sleptMs += 60_000;
  clock.advance(10_000);
  assert.equal(wakes, 1);
});
