import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { type Endpoint, equalEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { MappingLifetime } from "../../src/engine/mapping_lifetime.ts";
import { DISCOVER_FLAG } from "../../src/protocol/mod.ts";
import { settle } from "../support/turns.ts";

const FIRST = parseEndpoint("203.0.113.10:12975")!;
const SECOND = parseEndpoint("203.0.113.10:12976")!;

/** A NAT that filters by port, and a server behind it that answers from its other socket. */
class Rig {
  readonly clock = new FakeClock();
  readonly intervals: number[] = [];
  lifetimeMs: number;
  filters = true;
  isServerUp = true;
  openSockets = 0;
  readonly lifetime: MappingLifetime;
  #counter = 0n;

  constructor(lifetimeMs: number) {
    this.lifetimeMs = lifetimeMs;
    this.lifetime = new MappingLifetime({
      clock: this.clock,
      log: silentLogger,
      discovery: {
        first: FIRST,
        second: SECOND,
        ask: (flags) => {
          assert.equal(flags, DISCOVER_FLAG.answerFromOtherSocket);
          return { counter: ++this.#counter, datagram: new Uint8Array(64).fill(Number(this.#counter & 255n)) };
        },
        open: (bytes) => ({ counter: BigInt(bytes[0]!), endpoint: FIRST, socket: 1 }),
      },
      openSocket: (_to, receive) => this.#open(receive),
      onInterval: (ms) => void this.intervals.push(ms),
    });
  }

  /** What goes out to one of the server's sockets lets in from there only. */
  #open(receive: (bytes: Uint8Array) => void) {
    this.openSockets++;
    let openedAt = -Infinity;
    let isClosed = false;
    return {
      send: (bytes: Uint8Array, to: Endpoint) => {
        const now = this.clock.now();
        if (equalEndpoint(to, FIRST)) openedAt = now;
        else if (this.isServerUp && (!this.filters || now - openedAt < this.lifetimeMs)) {
          openedAt = now;
          queueMicrotask(() => isClosed ? undefined : receive(bytes));
        }
      },
      close: () => {
        if (!isClosed) this.openSockets--;
        isClosed = true;
      },
    };
  }

  /** Lets time pass in steps that leave room for what is awaited. */
  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100);
      await settle();
    }
  }
}

Deno.test("MappingLifetime finds an interval that the NAT bears, and comes close to what it would bear", async () => {
  for (const [lifetimeMs, least] of [[15_000, 8_000], [30_000, 20_000], [60_000, 32_000]] as const) {
    const rig = new Rig(lifetimeMs);
    await rig.run(400_000);
    const found = rig.intervals.at(-1)!;
    assert.ok(found < lifetimeMs && found >= least, `${found} for ${lifetimeMs}: ${rig.intervals}`);
    assert.ok(rig.intervals.every((interval) => interval < lifetimeMs), `${rig.intervals}`);
    assert.equal(rig.openSockets, 0);
    rig.lifetime.stop();
  }
});

Deno.test("MappingLifetime concludes nothing where anything is let in, or the server is silent", async () => {
  const open = new Rig(15_000);
  open.filters = false;
  await open.run(120_000);
  assert.deepEqual(open.intervals, []);
  open.lifetime.stop();
  const silent = new Rig(15_000);
  silent.isServerUp = false;
  await silent.run(120_000);
  assert.deepEqual(silent.intervals, []);
  silent.lifetime.stop();
});

Deno.test("MappingLifetime does not take a server that is gone for a mapping that is", async () => {
  const rig = new Rig(300_000);
  await rig.run(12_000);
  rig.isServerUp = false;
  await rig.run(60_000);
  assert.deepEqual(rig.intervals, []);
  rig.lifetime.stop();
});

Deno.test("MappingLifetime goes back to what is safe on a loss and in another network", async () => {
  const rig = new Rig(300_000);
  await rig.run(60_000);
  assert.ok(rig.intervals.at(-1)! >= 20_000);
  rig.lifetime.lost();
  assert.equal(rig.intervals.at(-1), 8_000);
  rig.lifetime.networkChanged();
  assert.equal(rig.intervals.at(-1), 12_000);
  assert.equal(rig.openSockets, 0);
  rig.lifetime.stop();
  assert.equal(rig.clock.pendingCount, 0);
});
