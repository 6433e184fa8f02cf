import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { CALM, ChaosModel, type ChaosSettings, type Departure, flipBit } from "../../src/lab/chaos_model.ts";
import { buildPacket, hasRightSums } from "../support/packets.ts";

/** What becomes of `count` packets of `length` bytes, one each `everyMs`. */
function run(settings: Partial<ChaosSettings>, { count = 10_000, length = 1_000, everyMs = 1, seed = 1 } = {}) {
  const model = new ChaosModel(seededRandom(seed));
  const whole = { ...CALM, ...settings };
  return Array.from({ length: count }, (_, index) => ({
    enteredAt: index * everyMs,
    left: model.take(length, index * everyMs, whole),
  }));
}

const flat = (runs: ReturnType<typeof run>): (Departure & { enteredAt: number })[] =>
  runs.flatMap(({ enteredAt, left }) => left.map((each) => ({ ...each, enteredAt })));
const near = (share: number, wanted: number) => ok(Math.abs(share - wanted) < wanted * 0.15 + 0.002, `${share}`);

Deno.test("ChaosModel lets every packet through at once while the line is calm", () => {
  const left = flat(run({}));
  equal(left.length, 10_000);
  ok(left.every(({ at, enteredAt, flip }) => at === enteredAt && flip === null));
});

Deno.test("ChaosModel loses, repeats and damages the shares it is told", () => {
  const runs = run({ loss: 0.2, duplicate: 0.1, corrupt: 0.05 });
  const alive = runs.filter(({ left }) => left.length > 0);
  near(1 - alive.length / runs.length, 0.2);
  near(alive.filter(({ left }) => left.length === 2).length / alive.length, 0.1);
  const left = flat(runs);
  near(left.filter(({ flip }) => flip !== null).length / left.length, 0.05);
});

Deno.test("ChaosModel delays within the jitter and keeps the order", () => {
  const left = flat(run({ delayMs: 40, jitterMs: 20 }));
  ok(left.every(({ at, enteredAt }) => at >= enteredAt + 40 && at <= enteredAt + 60));
  ok(left.every(({ at }, index) => index === 0 || at >= left[index - 1]!.at));
  const mean = left.reduce((sum, { at, enteredAt }) => sum + at - enteredAt, 0) / left.length;
  ok(mean > 50, `${mean} ms: a packet waits for those before it`);
});

Deno.test("ChaosModel holds back the share of packets that others are to overtake", () => {
  const left = flat(run({ reorder: 0.1, delayMs: 5 }, { everyMs: 0.1 }));
  const late = left.filter(({ at, enteredAt }) => at > enteredAt + 5.001);
  near(late.length / left.length, 0.1);
  ok(late.every(({ at, enteredAt }) => at - enteredAt >= 7 && at - enteredAt <= 35));
});

Deno.test("ChaosModel keeps to the rate, and loses what would wait too long", () => {
  // 1,000 bytes each millisecond are 8,000 kbit/s.
  const runs = run({ rateKbit: 4_000 });
  const left = flat(runs);
  near(left.length / runs.length, 0.5);
  const seconds = (left.at(-1)!.at - left[0]!.at) / 1_000;
  near(left.length * 8 / seconds, 4_000);
  ok(left.every(({ at, enteredAt }) => at - enteredAt <= 203));
  equal(flat(run({ rateKbit: 9_000 })).length, 10_000);
});

Deno.test("ChaosModel swallows packets over the longest without a word", () => {
  equal(flat(run({ maxLength: 1_000 }, { length: 1_000, count: 10 })).length, 10);
  equal(flat(run({ maxLength: 1_000 }, { length: 1_001, count: 10 })).length, 0);
});

Deno.test("ChaosModel repeats itself for the same seed, and not for another", () => {
  const faults = { loss: 0.1, jitterMs: 30, reorder: 0.05, duplicate: 0.05, corrupt: 0.05 };
  deepEqual(run(faults, { seed: 7 }), run(faults, { seed: 7 }));
  notDeepEqual(run(faults, { seed: 7 }), run(faults, { seed: 8 }));
});

Deno.test("flipBit changes one bit of the content, which UDP over IPv4 does not notice", () => {
  for (const protocol of ["udp", "tcp"] as const) {
    const fields = { source: 0x0a000001, destination: 0x0a000002, protocol, payload: new Uint8Array(64) };
    for (let where = 0; where < 1; where += 0.013) {
      const before = buildPacket(fields);
      const packet = buildPacket(fields);
      flipBit(packet, where);
      const changed = [...packet.keys()].filter((at) => packet[at] !== before[at] && (protocol === "tcp" || at >= 28));
      equal(changed.length, 1);
      ok(changed[0]! >= 28);
      const bits = packet[changed[0]!]! ^ before[changed[0]!]!;
      equal(bits & (bits - 1), 0, "one bit");
      if (protocol === "udp") deepEqual(packet.slice(26, 28), new Uint8Array(2), "no checksum");
      else equal(hasRightSums(packet), false);
    }
  }
  const empty = buildPacket({ source: 1, destination: 2, protocol: "udp" });
  flipBit(empty, 0.5);
  deepEqual(empty, buildPacket({ source: 1, destination: 2, protocol: "udp" }));
});
