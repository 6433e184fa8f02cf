import { deepEqual, equal } from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import {
  MAX_SEEN,
  PathBook,
  type PathEffect,
  type PathKind,
  ROUND_OFFSETS_MS,
  SAFE_KEEPALIVE_MS,
} from "../../src/nat/mod.ts";
import { at, PathSimulation } from "./path_simulation.ts";

const LAN = "192.168.1.5:4000";
const OUTSIDE = "203.0.113.5:4000";
const OTHER = "203.0.113.5:4001";
const RELAY = "198.51.100.1:17771";
const STREAM = "127.0.0.1:40000";

/** A tunnel with keys that knows a relay and one or more endpoints of its peer. */
function tunnel(kinds: Record<string, PathKind>, seed = 1): PathSimulation {
  const world = new PathSimulation(seed);
  const candidates = Object.entries(kinds).map(([text, kind]) => ({ kind, endpoint: at(text) }));
  world.step({ on: "candidates", candidates: candidates.filter(({ kind }) => kind !== "relay") });
  for (const { kind, endpoint } of candidates) if (kind === "relay") world.step({ on: "relayBound", endpoint });
  world.step({ on: "keysInstalled" });
  return world;
}

Deno.test("ROUND_OFFSETS_MS is a burst, then pauses that grow by half, within 5 s", () => {
  deepEqual(ROUND_OFFSETS_MS, [0, 50, 100, 350, 725, 1288, 2131, 3397]);
});

Deno.test("PathBook punches until there are keys, then probes, each by the schedule of a round", () => {
  const world = new PathSimulation();
  world.step({ on: "candidates", candidates: [{ kind: "observed", endpoint: at(OUTSIDE) }] });
  world.run(200);
  deepEqual(world.times(`punch ${OUTSIDE}`), [0, 50, 100]);
  world.step({ on: "keysInstalled" });
  world.run(10_000);
  deepEqual(world.times(`probe ${OUTSIDE}`), ROUND_OFFSETS_MS.map((offset) => 200 + offset));
  equal(world.inUse, null);
});

Deno.test("PathBook sends no PUNCH to a relay", () => {
  const world = new PathSimulation();
  world.step({ on: "relayBound", endpoint: at(RELAY) });
  world.run(5000);
  deepEqual(world.log, []);
});

Deno.test("PathBook uses the relay as soon as it answers and moves to the direct path when that does", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 30 });
  const direct = world.link(OUTSIDE, { isUp: false });
  world.run(300);
  equal(world.inUse, RELAY);
  deepEqual(world.times(`use ${RELAY}`), [50 + 30], "the link was not there for the first probe");
  direct.isUp = true;
  world.run(100);
  equal(world.inUse, OUTSIDE);
  deepEqual(world.times(`use ${OUTSIDE}`), [350 + 20]);
});

Deno.test("PathBook takes no relay for the peer, though the peer's packets come through it before it is known to be bound", () => {
  const world = tunnel({ [OUTSIDE]: "observed" });
  const direct = world.link(OUTSIDE, { isUp: false });
  world.link(RELAY);
  world.step({ on: "seen", endpoint: at(RELAY), isAuthentic: true });
  world.run(300);
  equal(world.inUse, RELAY);
  world.step({ on: "relayBound", endpoint: at(RELAY) });
  deepEqual([world.inUse, world.book.current?.kind], [RELAY, "relay"]);
  equal(world.times(`use ${RELAY}`).length, 2, "whoever was told that it is direct is told again");
  direct.isUp = true;
  world.run(25_000);
  equal(world.inUse, OUTSIDE, "a relay is left for a direct path");
});

Deno.test("PathBook prefers a slow direct path to a fast relay", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 5 });
  world.link(OUTSIDE, { rttMs: 180 });
  world.run(1000);
  equal(world.inUse, OUTSIDE);
});

Deno.test("PathBook changes between equal paths only for a gain of 10 % and 2 ms", () => {
  const cases: [number, number, string][] = [
    [20, 17, LAN],
    [20, 19, OUTSIDE],
    [100, 92, OUTSIDE],
    [100, 89, LAN],
    [3, 1.5, OUTSIDE],
    [4, 1.5, LAN],
  ];
  for (const [first, second, expected] of cases) {
    const world = tunnel({ [OUTSIDE]: "observed" });
    world.link(OUTSIDE, { rttMs: first });
    world.run(500);
    equal(world.inUse, OUTSIDE);
    world.link(LAN, { rttMs: second });
    const candidates = [{ kind: "observed" as const, endpoint: at(OUTSIDE) }, {
      kind: "local" as const,
      endpoint: at(LAN),
    }];
    world.step({ on: "candidates", candidates });
    world.run(500);
    equal(world.inUse, expected, `${first} ms against ${second} ms`);
  }
});

Deno.test("PathBook probes the path in use every 500 ms while packets flow, and while idle as often as the NAT needs", () => {
  const world = tunnel({ [OUTSIDE]: "observed" });
  world.link(OUTSIDE);
  world.run(1000);
  world.traffic(100);
  const start = world.now;
  world.run(5000);
  const active = world.times(`probe ${OUTSIDE}`, start);
  deepEqual(active.slice(0, 4).map((time) => time - active[0]!), [0, 500, 1000, 1500]);
  world.traffic(null);
  world.run(11_000);
  const idleFrom = world.now;
  world.run(60_000);
  const idle = world.times(`probe ${OUTSIDE}`, idleFrom);
  equal(idle.length, 5);
  equal(idle[1]! - idle[0]!, SAFE_KEEPALIVE_MS);
  world.step({ on: "keepaliveWanted", everyMs: 25_000 });
  const longerFrom = world.now;
  world.run(80_000);
  const longer = world.times(`probe ${OUTSIDE}`, longerFrom);
  equal(longer[1]! - longer[0]!, 25_000);
  world.step({ on: "keepaliveWanted", everyMs: 8_000 });
  const shorterFrom = world.now;
  world.run(8_000);
  equal(world.times(`probe ${OUTSIDE}`, shorterFrom).length, 1, "at once, not after what was planned");
});

Deno.test("PathBook leaves a dead path within 2 s and takes the relay, then finds the direct one again", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 30 });
  const direct = world.link(OUTSIDE);
  world.traffic(50);
  world.run(10_123);
  equal(world.inUse, OUTSIDE);
  direct.isUp = false;
  const brokenAt = world.now;
  world.run(2100);
  equal(world.inUse, RELAY);
  const took = world.times(`use ${RELAY}`, brokenAt)[0]! - brokenAt;
  equal(took >= 1500 && took <= 2020, true, `${took} ms`);
  equal(world.times("askForPunch", brokenAt).length, 1);
  world.run(8000);
  direct.isUp = true;
  world.run(20_000);
  equal(world.inUse, OUTSIDE);
});

Deno.test("PathBook asks standby paths whether they live before it needs them", () => {
  const other = "198.51.100.2:17771";
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay", [other]: "relay" });
  const relay = world.link(RELAY, { rttMs: 5 });
  world.link(other, { rttMs: 90 });
  const direct = world.link(OUTSIDE);
  world.traffic(50);
  world.run(5000);
  direct.isUp = false;
  relay.isUp = false;
  const brokenAt = world.now;
  world.run(2500);
  equal(world.inUse, other, "the nearer relay died unnoticed at the same time");
  equal(world.times(`use ${other}`, brokenAt)[0]! - brokenAt < 2400, true);
});

Deno.test("PathBook keeps a path that loses a third of its packets", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" }, seed);
    world.link(RELAY, { rttMs: 30, loss: 0.35 });
    world.link(OUTSIDE, { rttMs: 40, loss: 0.35 });
    world.traffic(50);
    world.run(10_000);
    equal(world.inUse, OUTSIDE, `seed ${seed}`);
    const settled = world.now;
    world.run(300_000);
    const moves = world.log.filter(({ at, what }) => at >= settled && what.startsWith("use"));
    deepEqual(moves, [], `seed ${seed}`);
    const { loss } = world.book.current!;
    equal(loss > 0.05 && loss < 0.75, true, `measured ${loss}`);
  }
});

Deno.test("PathBook says that nothing works when the last path dies, and goes on looking", () => {
  const world = tunnel({ [OUTSIDE]: "observed" });
  const direct = world.link(OUTSIDE);
  world.traffic(50);
  world.run(3000);
  direct.isUp = false;
  world.run(3000);
  equal(world.inUse, null);
  equal(world.times("use").length, 1, "use null");
  direct.isUp = true;
  world.run(21_000);
  equal(world.inUse, OUTSIDE);
});

Deno.test("PathBook tries candidates again every 20 s while relayed, and not while direct", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY);
  world.run(65_000);
  deepEqual(world.times("askForPunch"), [20_000, 40_000, 60_000]);
  equal(world.times(`probe ${OUTSIDE}`, 20_000).length, 3 * ROUND_OFFSETS_MS.length);
  world.link(OUTSIDE);
  world.run(20_000);
  equal(world.inUse, OUTSIDE);
  const direct = world.now;
  world.run(100_000);
  deepEqual(world.times("askForPunch", direct), []);
});

Deno.test("PathBook begins a round when the server says so, and asks for none of its own soon after", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY);
  world.run(15_000);
  world.step({ on: "punchStart", inMs: 120 });
  world.run(15_000);
  deepEqual(world.times(`probe ${OUTSIDE}`, 15_000).slice(0, 3), [15_120, 15_170, 15_220]);
  deepEqual(world.times("askForPunch"), []);
});

Deno.test("PathBook checks everything at once when an own address changes", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [LAN]: "local", [RELAY]: "relay" });
  world.link(OUTSIDE);
  world.link(RELAY);
  world.run(12_345);
  world.step({ on: "ownAddressChanged" });
  for (const where of [OUTSIDE, LAN, RELAY]) deepEqual(world.times(`probe ${where}`, 12_345)[0], 12_345, where);
});

Deno.test("PathBook finds a peer whose NAT gives it another port for us", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY);
  world.link(OTHER, { rttMs: 25 });
  world.run(1000);
  equal(world.inUse, RELAY);
  world.step({ on: "seen", endpoint: at(OTHER), isAuthentic: true });
  world.run(100);
  equal(world.inUse, OTHER);
  equal(world.book.current!.kind, "seen");
});

Deno.test("PathBook stays on a direct path when the peer's packets come over the relay", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 1 });
  world.link(OUTSIDE);
  world.run(1000);
  const before = world.log.length;
  for (let n = 0; n < 100; n++) world.step({ on: "seen", endpoint: at(RELAY), isAuthentic: true });
  equal(world.inUse, OUTSIDE);
  equal(world.log.length, before, "nor is it talked into a probe for each packet");
});

Deno.test("PathBook keeps few hints from strangers, forgets them, and lets an authentic one in", () => {
  const book = new PathBook(seededRandom(1));
  book.step({ on: "keysInstalled" }, 0);
  let probes = 0;
  for (let n = 0; n < 1000; n++) {
    const effects = book.step({ on: "seen", endpoint: at(`192.0.2.${n % 250}:${1000 + n}`), isAuthentic: false }, 0);
    probes += effects.filter((effect: PathEffect) => effect.do === "probe").length;
  }
  equal(probes, MAX_SEEN);
  equal(book.views().length, MAX_SEEN);
  book.step({ on: "seen", endpoint: at(OTHER), isAuthentic: true }, 10);
  equal(book.views().length, MAX_SEEN);
  for (let now = 10; now < 6000; now += 50) book.step({ on: "tick" }, now);
  deepEqual(book.views(), []);
});

Deno.test("PathBook believes an answer only to its own probe and from where it went", () => {
  const book = new PathBook(seededRandom(1));
  book.step({ on: "candidates", candidates: [{ kind: "observed", endpoint: at(OUTSIDE) }] }, 0);
  const probe = book.step({ on: "keysInstalled" }, 0).find((effect) => effect.do === "probe")!;
  const probeId = probe.do === "probe" ? probe.probeId : 0n;
  book.step({ on: "probeAnswered", endpoint: at(OUTSIDE), probeId: probeId + 1n, rttMs: 1 }, 10);
  equal(book.views()[0]?.isValid, false);
  book.step({ on: "probeAnswered", endpoint: at(OTHER), probeId, rttMs: 1 }, 10);
  equal(book.views()[0]?.isValid, false);
  book.step({ on: "probeAnswered", endpoint: at(OUTSIDE), probeId, rttMs: 1 }, 10);
  equal(book.views()[0]?.rttMs, 1);
  book.step({ on: "probeAnswered", endpoint: at(OUTSIDE), probeId, rttMs: 999 }, 20);
  equal(book.views()[0]?.rttMs, 1, "a second answer to one probe counts for nothing");
});

Deno.test("PathBook drops what the peer no longer names, but not a path that works", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [OTHER]: "mapped", [RELAY]: "relay" });
  world.link(OUTSIDE);
  world.run(1000);
  world.step({ on: "candidates", candidates: [{ kind: "local", endpoint: at(LAN) }] });
  deepEqual(world.book.views().map(({ kind }) => kind).sort(), ["local", "observed", "relay"]);
  equal(world.inUse, OUTSIDE);
});

Deno.test("PathBook leaves a relay that forwards no longer at once", () => {
  const world = tunnel({ [RELAY]: "relay", [OUTSIDE]: "observed" });
  world.link(RELAY);
  world.run(1000);
  equal(world.inUse, RELAY);
  world.step({ on: "relayLost", endpoint: at(RELAY) });
  equal(world.inUse, null);
});

Deno.test("PathBook blames no path for the time the process slept", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(OUTSIDE, { rttMs: 400 });
  world.link(RELAY, { rttMs: 400 });
  world.traffic(50);
  world.run(10_000);
  world.traffic(null);
  // The machine is suspended with probes on the way: their answers are gone, and so is the time.
  const asleep = new PathSimulation();
  Object.assign(asleep, { book: world.book, now: world.now + 3_600_000 });
  asleep.link(OUTSIDE, { rttMs: 400 });
  asleep.link(RELAY, { rttMs: 400 });
  asleep.step({ on: "tick" });
  asleep.run(5000);
  deepEqual(asleep.log.filter(({ what }) => what.startsWith("use")), []);
  equal(asleep.inUse, OUTSIDE);
});

Deno.test("PathBook ends on the best living path whatever happens, over 200 random lives", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const world = tunnel({ [OUTSIDE]: "observed", [LAN]: "local", [OTHER]: "mapped", [RELAY]: "relay" }, seed);
    const links = [OUTSIDE, LAN, OTHER, RELAY].map((where) => world.link(where, { rttMs: 5 + random.below(200) }));
    world.traffic(100);
    for (let n = 0; n < 15; n++) {
      const link = links[random.below(4)]!;
      link.isUp = random.below(2) === 0;
      link.rttMs = 5 + random.below(200);
      if (random.below(4) === 0) world.step({ on: "ownAddressChanged" });
      world.run(random.below(8000));
    }
    world.run(45_000);
    const living = links.map((link, n) => ({ link, where: [OUTSIDE, LAN, OTHER, RELAY][n]! })).filter(({ link }) =>
      link.isUp
    );
    const direct = living.filter(({ where }) => where !== RELAY);
    const allowed = (direct.length > 0 ? direct : living).map(({ where }) => where);
    equal(
      world.inUse === null ? allowed.length === 0 : allowed.includes(world.inUse),
      true,
      `seed ${seed}: ${world.inUse}`,
    );
  }
});

Deno.test("PathBook follows a peer that moved within a second, long before the old path is dead", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 30 });
  const old = world.link(OUTSIDE);
  world.traffic(50);
  world.run(10_123);
  equal(world.inUse, OUTSIDE);
  const moved = "203.0.113.99:41000";
  old.isUp = false;
  const movedAt = world.now;
  world.link(moved);
  world.run(100);
  world.step({ on: "seen", endpoint: at(moved), isAuthentic: true });
  world.run(1_500);
  equal(world.inUse, moved);
  const took = world.times(`use ${moved}`, movedAt)[0]! - movedAt;
  equal(took <= 1_000, true, `${took} ms`);
  equal(world.times(`use ${RELAY}`, movedAt).length, 0);
});

Deno.test("PathBook follows a peer to the relay within a second when it sends from there and the direct path is silent", () => {
  for (const isFollowed of [true, false]) {
    const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
    world.link(RELAY, { rttMs: 30 });
    const direct = world.link(OUTSIDE);
    world.traffic(50);
    world.run(10_123);
    equal(world.inUse, OUTSIDE);
    direct.isUp = false;
    const movedAt = world.now;
    world.run(600);
    if (isFollowed) world.step({ on: "seen", endpoint: at(RELAY), isAuthentic: true });
    world.run(1_900);
    const took = world.times(`use ${RELAY}`, movedAt)[0]! - movedAt;
    equal(isFollowed ? took <= 1_000 : took >= 1_500, true, `${took} ms`);
  }
});

Deno.test("PathBook takes the relay within a second after an own move that the direct path did not survive", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 30 });
  const direct = world.link(OUTSIDE);
  world.traffic(50);
  world.run(10_123);
  direct.isUp = false;
  const movedAt = world.now;
  world.step({ on: "ownAddressChanged" });
  world.run(1_400);
  equal(world.inUse, RELAY);
  equal(world.times(`use ${RELAY}`, movedAt)[0]! - movedAt <= 1_000, true);
});

Deno.test("PathBook uses a path that carries too little only where there is no other", () => {
  const world = tunnel({ [OUTSIDE]: "observed", [RELAY]: "relay" });
  world.link(RELAY, { rttMs: 30 });
  const narrow = world.link(OUTSIDE);
  world.run(500);
  equal(world.inUse, OUTSIDE);
  world.step({ on: "narrow", endpoint: at(OUTSIDE), isNarrow: true });
  equal(world.inUse, RELAY);
  world.step({ on: "relayLost", endpoint: at(RELAY) });
  equal(world.inUse, OUTSIDE);
  world.step({ on: "relayBound", endpoint: at(RELAY) });
  world.run(500);
  equal(world.inUse, RELAY);
  world.step({ on: "narrow", endpoint: at(OUTSIDE), isNarrow: false });
  equal(world.inUse, OUTSIDE);
  equal(narrow.isUp, true);
});

Deno.test("PathBook prefers a relay by UDP to a faster one over a stream, and any direct path to both", () => {
  const world = tunnel({ [OUTSIDE]: "observed" });
  const direct = world.link(OUTSIDE, { isUp: false });
  world.link(STREAM, { rttMs: 5 });
  world.step({ on: "relayBound", endpoint: at(STREAM), transport: "tls" });
  world.run(1_000);
  equal(world.inUse, STREAM);
  equal(world.book.current?.transport, "tls");
  world.link(RELAY, { rttMs: 80 });
  world.step({ on: "relayBound", endpoint: at(RELAY) });
  world.run(1_000);
  equal(world.inUse, RELAY);
  equal(world.book.current?.transport, "udp");
  direct.isUp = true;
  world.run(25_000);
  equal(world.inUse, OUTSIDE);
});
