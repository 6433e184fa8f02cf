import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { parseEndpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Pings } from "../../src/engine/pings.ts";
import type { Tunnel } from "../../src/engine/tunnel.ts";
import { innerFrames } from "../../src/protocol/mod.ts";
import { settle } from "../support/turns.ts";

const link = { path: "relay", transport: "udp", endpoint: "1.2.3.4:5", rttMs: 1, suite: 2 };
const told: string[] = [];
const tunnel = {
  facts: { localSpi: 300 },
  link: () => link,
  tell: ({ on }: { on: string }) => told.push(on),
} as unknown as Tunnel;
const never = new AbortController().signal;

function rig(): { clock: FakeClock; pings: Pings; probes: bigint[]; answer: (probeId: bigint, rttMs: number) => void } {
  const clock = new FakeClock();
  const probes: bigint[] = [];
  const dataPlane = {
    sendFrame: (_spi: number, _to: unknown, _type: number, payload: Uint8Array) =>
      void probes.push(innerFrames.probe.decode(payload).probeId),
  };
  const pings = new Pings({ dataPlane, clock, random: seededRandom(3) });
  const from = parseEndpoint("1.2.3.4:5")!;
  const answer = (probeId: bigint, rttMs: number) =>
    pings.takeEvent({ on: "probeAnswer", localSpi: 300, from, probeId, rttMs, seenAs: from });
  return { clock, pings, probes, answer };
}

Deno.test("Pings tells the round trip and the path of its own probe", async () => {
  const { pings, probes, answer, clock } = rig();
  const ping = pings.ping(() => tunnel, 1_000, never);
  answer(probes[0]! + 1n, 99);
  answer(probes[0]!, 12);
  assert.deepEqual(await ping, { rttMs: 12, path: "relay", transport: "udp", endpoint: "1.2.3.4:5" });
  assert.equal(clock.pendingCount, 0);
  assert.deepEqual(told, ["traffic"]);
});

Deno.test("Pings tells of no answer after the timeout, and still of the path", async () => {
  const { pings, clock } = rig();
  const ping = pings.ping(() => tunnel, 1_000, never);
  clock.advance(1_000);
  assert.deepEqual(await ping, { rttMs: null, path: "relay", transport: "udp", endpoint: "1.2.3.4:5" });
});

Deno.test("Pings waits for a tunnel within the timeout", async () => {
  const { pings, clock, probes, answer } = rig();
  let found: Tunnel | null = null;
  const ping = pings.ping(() => found, 1_000, never);
  clock.advance(500);
  await settle();
  found = tunnel;
  clock.advance(20);
  await settle();
  answer(probes[0]!, 5);
  assert.equal((await ping).rttMs, 5);
});

Deno.test("Pings has nothing to tell where there is no tunnel in time", async () => {
  const { pings, clock } = rig();
  const ping = pings.ping(() => null, 100, never);
  for (let step = 0; step < 6; step++) {
    clock.advance(20);
    await settle();
  }
  assert.deepEqual(await ping, { rttMs: null, path: null, transport: null, endpoint: null });
});

Deno.test("Pings ends at once when it is told to", async () => {
  const { pings, clock } = rig();
  const stop = new AbortController();
  const waiting = [pings.ping(() => null, 10_000, stop.signal), pings.ping(() => tunnel, 10_000, stop.signal)];
  await settle();
  stop.abort();
  for (const { rttMs } of await Promise.all(waiting)) assert.equal(rttMs, null);
  assert.equal(clock.pendingCount, 0);
});
