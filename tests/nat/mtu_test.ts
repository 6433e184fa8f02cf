import { deepEqual, equal, ok } from "node:assert/strict";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { BASE_LENGTH, CONFIRM_EVERY_MS, type MtuEffect, type MtuEvent, MtuSearch } from "../../src/nat/mtu.ts";

const LONGEST = 1_429;

/** A search over a path that carries datagrams up to a limit. */
class PathWithLimit {
  now = 0;
  /** Longest datagram that gets through. */
  limit: number;
  loss = 0;
  rttMs: number;
  /** Lengths of probes with their times. */
  readonly probes: { at: number; length: number }[] = [];
  readonly told: { at: number; what: string }[] = [];
  readonly search: MtuSearch;
  readonly #random: Random;
  #answers: { at: number; probeId: bigint; length: number }[] = [];

  constructor(limit: number, { rttMs = 40, seed = 1 } = {}) {
    this.limit = limit;
    this.rttMs = rttMs;
    this.#random = seededRandom(seed);
    this.search = new MtuSearch(LONGEST, seededRandom(seed + 1), 0);
    this.step({ on: "tick" });
  }

  step(event: MtuEvent): MtuEffect[] {
    const effects = this.search.step(event, this.now, this.rttMs);
    for (const effect of effects) {
      if (effect.do === "limit") this.told.push({ at: this.now, what: `limit ${effect.length}` });
      else if (effect.do === "narrow") {
        this.told.push({ at: this.now, what: effect.isNarrow ? "narrow" : "wide" });
      } else this.#send(effect);
    }
    return effects;
  }

  /** Lets `ms` pass; with `hasTraffic` packets flow all the time. */
  run(ms: number, hasTraffic = false): void {
    const end = this.now + ms;
    let trafficAt = hasTraffic ? this.now : Infinity;
    for (;;) {
      this.#answers.sort((a, b) => a.at - b.at);
      const answerAt = this.#answers[0]?.at ?? Infinity;
      const next = Math.min(answerAt, trafficAt, this.search.nextWakeAt() ?? Infinity);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (next === answerAt) this.step({ on: "answered", ...this.#answers.shift()! });
      else if (next === trafficAt) {
        trafficAt += 1_000;
        this.step({ on: "traffic" });
      } else this.step({ on: "tick" });
    }
    this.now = end;
  }

  #send({ probeId, length }: MtuEffect & { do: "probe" }): void {
    this.probes.push({ at: this.now, length });
    if (length > this.limit || this.#random.unit() < this.loss) return;
    this.#answers.push({ at: this.now + this.rttMs, probeId, length });
  }
}

Deno.test("MtuSearch needs one probe where the longest datagram passes, and nothing more while idle", () => {
  const path = new PathWithLimit(1_472);
  path.run(3_600_000);
  deepEqual(path.probes, [{ at: 0, length: LONGEST }]);
  deepEqual(path.told, []);
  equal(path.search.limit, LONGEST);
});

Deno.test("MtuSearch holds packets to a limit within half a second, and knows it to 8 bytes soon after", () => {
  for (let limit = BASE_LENGTH; limit < LONGEST; limit += 7) {
    const path = new PathWithLimit(limit);
    path.run(3_000);
    ok(path.search.limit <= limit && path.search.limit > limit - 8, `${path.search.limit} for ${limit}`);
    ok(path.told[0]!.at <= 500, `${path.told[0]!.at} ms`);
    ok(path.probes.length < 60, `${path.probes.length} probes`);
    equal(path.search.isNarrow, false);
  }
});

Deno.test("MtuSearch never tells a limit that the path does not carry, whatever is lost", () => {
  for (let seed = 0; seed < 100; seed++) {
    const limit = BASE_LENGTH + seed * 2;
    const path = new PathWithLimit(limit, { seed });
    path.loss = 0.3;
    path.run(60_000, true);
    for (const { what } of path.told) {
      const told = Number(/limit (\d+)/.exec(what)?.[1] ?? 0);
      ok(told <= limit, `${what} on a path of ${limit}`);
    }
  }
});

Deno.test("MtuSearch does not take three losses in a hundred for a limit", () => {
  let limited = 0;
  for (let seed = 0; seed < 500; seed++) {
    const path = new PathWithLimit(1_472, { seed });
    path.loss = 0.03;
    path.run(1_000);
    if (path.told.length > 0) limited++;
  }
  equal(limited, 0);
});

Deno.test("MtuSearch waits for answers on slow paths", () => {
  const path = new PathWithLimit(1_472, { rttMs: 900 });
  path.run(20_000);
  deepEqual(path.told, []);
  equal(path.search.limit, LONGEST);
});

Deno.test("MtuSearch calls a path narrow that does not carry the base, and looks again every minute", () => {
  const path = new PathWithLimit(548);
  path.run(1_000);
  deepEqual(path.told.map(({ what }) => what), ["narrow", `limit ${BASE_LENGTH}`]);
  ok(path.told[0]!.at <= 500);
  const before = path.probes.length;
  path.run(300_000);
  ok(path.probes.length - before <= 5 * 14, `${path.probes.length - before} probes in five minutes`);
  path.limit = 1_472;
  path.run(61_000);
  deepEqual(path.told.slice(2).map(({ what }) => what), ["wide", `limit ${LONGEST}`]);
});

Deno.test("MtuSearch does not take a silent path for a narrow one, whenever the silence begins", () => {
  for (let offsetMs = 0; offsetMs < CONFIRM_EVERY_MS; offsetMs += 50) {
    const path = new PathWithLimit(1_472);
    path.run(30_000 + offsetMs, true);
    path.limit = 0;
    path.run(10_000, true);
    path.limit = 1_472;
    path.run(10_000, true);
    deepEqual(path.told, []);
  }
});

Deno.test("MtuSearch asks a narrow path that fell silent no more often than any narrow one", () => {
  const path = new PathWithLimit(548);
  path.run(1_000);
  path.limit = 0;
  const before = path.probes.length;
  path.run(300_000);
  ok(path.probes.length - before <= 5 * 14, `${path.probes.length - before} probes in five minutes`);
  equal(path.search.isNarrow, true);
});

Deno.test("MtuSearch notices within 7 s that a path in use carries less, and later that it carries more again", () => {
  const path = new PathWithLimit(1_472);
  path.run(30_500, true);
  path.limit = 1_272;
  const changedAt = path.now;
  path.run(20_000, true);
  equal(path.search.limit, 1_272);
  ok(path.told[0]!.at - changedAt <= CONFIRM_EVERY_MS + 2_000, `${path.told[0]!.at - changedAt} ms`);
  path.limit = 1_472;
  path.run(70_000, true);
  equal(path.search.limit, LONGEST);
});

Deno.test("MtuSearch makes sure of its limit only while packets flow", () => {
  const path = new PathWithLimit(1_472);
  path.run(60_000);
  equal(path.probes.length, 1);
  path.run(60_000, true);
  ok(path.probes.length >= 12 && path.probes.length <= 14, `${path.probes.length} probes`);
});

Deno.test("MtuSearch tries a limit again after a minute and then every ten minutes, however busy the path is", () => {
  const path = new PathWithLimit(1_272);
  path.run(3_600_000, true);
  const raises = path.probes.filter(({ length }) => length === LONGEST).map(({ at }) => at);
  const starts = raises.filter((at, index) => index === 0 || at - raises[index - 1]! > 10_000);
  ok(starts.length >= 6 && starts.length <= 8, `${starts.length} searches in an hour`);
  equal(path.search.limit, 1_272);
});

Deno.test("MtuSearch searches anew after a restart without lowering the limit before it is certain", () => {
  const path = new PathWithLimit(1_472);
  path.run(1_000);
  path.limit = 1_332;
  path.step({ on: "restart" });
  equal(path.search.limit, LONGEST);
  path.run(3_000);
  equal(path.search.limit, 1_332);
});

Deno.test("MtuSearch ignores answers to no probe of its own and lengths that it never sent", () => {
  const path = new PathWithLimit(548);
  const probeId = path.search.step({ on: "restart" }, 0, 40).find((effect) => effect.do === "probe")!;
  path.step({ on: "answered", probeId: 1n, length: LONGEST });
  path.step({ on: "answered", probeId: (probeId as { probeId: bigint }).probeId, length: LONGEST + 1 });
  path.run(1_000);
  equal(path.search.isNarrow, true);
});

Deno.test("MtuSearch believes an answer that comes after it has given up", () => {
  const slow = new PathWithLimit(548);
  slow.run(1_000);
  equal(slow.search.isNarrow, true);
  const [first] = slow.search.step({ on: "restart" }, slow.now, 40);
  slow.run(1_000);
  slow.limit = 1_472;
  slow.step({ on: "answered", probeId: (first as { probeId: bigint }).probeId, length: LONGEST });
  equal(slow.search.isNarrow, false);
  equal(slow.search.limit, LONGEST);
});
