import assert from "node:assert/strict";
import { parseEndpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { classicMessageLength, classicPlaintextLength } from "../../src/crypto/classic.ts";
import { longestDatagram, PathMtu } from "../../src/engine/path_mtu.ts";
import { INNER_FRAME, innerFrames } from "../../src/protocol/mod.ts";

const DIRECT = parseEndpoint("198.51.100.7:42")!;
const RELAY = parseEndpoint("203.0.113.1:17771")!;

/** Paths that carry datagrams up to a limit each, by port. */
class Rig {
  now = 0;
  readonly limits = new Map([[DIRECT.port, 1_500], [RELAY.port, 1_500]]);
  /** What the data plane and the paths were told. */
  readonly told: string[] = [];
  /** Datagram lengths of probes. */
  readonly probes: number[] = [];
  readonly mtu: PathMtu;
  #answers: Uint8Array[] = [];

  constructor(suite: 1 | 2 = 2) {
    this.mtu = new PathMtu({
      localSpi: 300,
      suite,
      random: seededRandom(4),
      dataPlane: {
        setMaxDatagramLength: (_spi, length) => void this.told.push(`limit ${length}`),
        sendFrame: (_spi, endpoint, type, payload) => {
          assert.equal(type, INNER_FRAME.mtuProbe);
          const plaintext = payload.length + 1;
          const length = suite === 2 ? plaintext + 28 : classicMessageLength(plaintext);
          this.probes.push(length);
          if (length > this.limits.get(endpoint!.port)!) return;
          const { probeId } = innerFrames.mtuProbe.decode(payload);
          this.#answers.push(innerFrames.mtuAnswer.encode({ probeId, length }));
        },
      },
      onNarrow: ({ port }, isNarrow) => void this.told.push(`${port} ${isNarrow ? "narrow" : "wide"}`),
    });
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      for (const answer of this.#answers.splice(0)) this.mtu.takeAnswer(answer, this.now, 20);
      const wakeAt = this.mtu.wakeAt ?? Infinity;
      if (wakeAt > end) break;
      this.now = Math.max(this.now, wakeAt);
      this.mtu.tick(this.now, 20);
    }
    this.now = end;
  }
}

Deno.test("PathMtu probes with the very datagrams that the longest packets will make, in both suites", () => {
  for (const suite of [1, 2] as const) {
    const rig = new Rig(suite);
    rig.mtu.use(DIRECT, 0, 20);
    rig.run(1_000);
    assert.deepEqual(rig.probes, [longestDatagram(suite)]);
    assert.deepEqual(rig.told, []);
  }
  assert.equal(longestDatagram(1), classicMessageLength(1_401));
  assert.equal(longestDatagram(2), 1_429);
});

Deno.test("PathMtu probes no longer than it means to, whatever suite 1 pads", () => {
  const rig = new Rig(1);
  rig.limits.set(DIRECT.port, 1_300);
  rig.mtu.use(DIRECT, 0, 20);
  rig.run(3_000);
  const longest = classicMessageLength(classicPlaintextLength(rig.mtu.limit));
  assert.ok(longest <= 1_300 && longest > 1_300 - 16, `${longest}`);
});

Deno.test("PathMtu keeps the limit of each path and applies that of the one in use", () => {
  const rig = new Rig();
  rig.limits.set(DIRECT.port, 1_272);
  rig.mtu.use(RELAY, 0, 20);
  rig.run(500);
  rig.mtu.use(DIRECT, rig.now, 20);
  rig.run(3_000);
  assert.deepEqual(rig.told, ["limit 1272"]);
  rig.mtu.use(RELAY, rig.now, 20);
  assert.deepEqual(rig.told, ["limit 1272", "limit 1429"]);
  rig.mtu.use(DIRECT, rig.now, 20);
  assert.deepEqual(rig.told.at(-1), "limit 1272", "it need not be found again");
});

Deno.test("PathMtu tells of a narrow path, again when it is taken into use, and when it is wide", () => {
  const rig = new Rig();
  rig.limits.set(DIRECT.port, 548);
  rig.mtu.use(DIRECT, 0, 20);
  rig.run(1_000);
  assert.deepEqual(rig.told, ["limit 1200", "42 narrow"]);
  rig.mtu.use(RELAY, rig.now, 20);
  rig.mtu.use(DIRECT, rig.now, 20);
  assert.deepEqual(rig.told.slice(-1), ["42 narrow"]);
  rig.mtu.use(RELAY, rig.now, 20);
  rig.limits.set(DIRECT.port, 1_500);
  rig.run(61_000);
  assert.equal(rig.told.at(-1), "42 wide", "though it is not in use");
});

Deno.test("PathMtu searches the path in use anew when an own address changed", () => {
  const rig = new Rig();
  rig.mtu.use(DIRECT, 0, 20);
  rig.run(500);
  rig.limits.set(DIRECT.port, 1_392);
  rig.mtu.restart(rig.now, 20);
  rig.run(2_000);
  assert.equal(rig.mtu.limit, 1_392);
});
