import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { Whereabouts } from "../../src/engine/whereabouts.ts";
import type { Candidate } from "../../src/protocol/mod.ts";

const OBSERVED = parseEndpoint("203.0.113.9:7000")!;
const told = (candidates: readonly Candidate[]) => candidates.map(({ endpoint }) => formatEndpoint(endpoint)).join(" ");

class Rig {
  readonly clock = new FakeClock();
  readonly log: string[] = [];
  address = "192.168.1.2";
  observed: Endpoint | null = OBSERVED;
  mapped: Endpoint | null = null;
  readonly whereabouts: Whereabouts;

  constructor() {
    this.whereabouts = new Whereabouts({
      clock: this.clock,
      log: silentLogger,
      port: 7000,
      ownAddresses: () => [
        { device: "eth0", deviceKind: "", address: this.address, isUsable: true, isTemporary: false },
      ],
      overlay: () => ({ pool: { base: 0x0a070000, bits: 16 }, prefix6: new Uint8Array(12).fill(0xfd) }),
      mapped: () => this.mapped,
      observed: () => this.observed,
      link: {
        check: (isOurs) => void this.log.push(`check ${isOurs(parseEndpoint("192.168.1.2:5")!)}`),
        request: (request) => {
          if (request.type === "endpoints") this.log.push(`server: ${told(request.candidates)}`);
          return Promise.resolve(new Uint8Array());
        },
      },
      discover: () => void this.log.push("discover"),
      tellPeers: (candidates) => void this.log.push(`peers: ${told(candidates)}`),
    });
    this.whereabouts.loggedIn();
    this.take();
  }

  take(): string[] {
    return this.log.splice(0);
  }
}

Deno.test("Whereabouts asks the server at once after a change, and tells peers once it knows how the server sees us", () => {
  const rig = new Rig();
  rig.address = "10.9.0.7";
  rig.whereabouts.networkChanged();
  assert.deepEqual(rig.take(), ["check false", "discover", "server: 10.9.0.7:7000"]);
  rig.clock.advance(100);
  rig.observed = parseEndpoint("198.51.100.1:7000")!;
  rig.whereabouts.observedChanged();
  assert.deepEqual(rig.take(), ["peers: 10.9.0.7:7000 198.51.100.1:7000"]);
  rig.clock.advance(5_000);
  assert.deepEqual(rig.take(), [], "they are told once");
});

Deno.test("Whereabouts tells server and peers of a port that a router has opened, and that it is closed again", () => {
  const rig = new Rig();
  rig.mapped = parseEndpoint("203.0.113.9:40000")!;
  rig.whereabouts.mappedChanged();
  assert.deepEqual(rig.take(), [
    "server: 192.168.1.2:7000 203.0.113.9:40000",
    "peers: 192.168.1.2:7000 203.0.113.9:40000 203.0.113.9:7000",
  ]);
  assert.equal(told(rig.whereabouts.candidates), "192.168.1.2:7000", "it is none of this machine's own");
  rig.mapped = null;
  rig.whereabouts.mappedChanged();
  assert.deepEqual(rig.take(), ["server: 192.168.1.2:7000", "peers: 192.168.1.2:7000 203.0.113.9:7000"]);
});

Deno.test("Whereabouts tells peers without the server's word when that does not come within 600 ms", () => {
  const rig = new Rig();
  rig.whereabouts.networkChanged();
  assert.deepEqual(rig.take(), ["check true", "discover"], "the server knows the addresses already");
  rig.clock.advance(599);
  assert.deepEqual(rig.take(), []);
  rig.clock.advance(1);
  assert.deepEqual(rig.take(), ["peers: 192.168.1.2:7000 203.0.113.9:7000"]);
});

Deno.test("Whereabouts makes sure of the server when a path is lost, at most every 10 s", () => {
  const rig = new Rig();
  rig.whereabouts.pathLost();
  rig.whereabouts.pathLost();
  assert.deepEqual(rig.take(), ["check true", "discover"]);
  rig.clock.advance(10_000);
  rig.whereabouts.pathLost();
  assert.deepEqual(rig.take(), ["check true", "discover"]);
});

Deno.test("Whereabouts tells a new login everything again, and nobody anything after a logout", () => {
  const rig = new Rig();
  rig.whereabouts.loggedIn();
  assert.deepEqual(rig.take(), ["server: 192.168.1.2:7000"]);
  rig.whereabouts.networkChanged();
  rig.whereabouts.loggedOut();
  rig.take();
  rig.clock.advance(5_000);
  assert.deepEqual(rig.take(), []);
  assert.equal(rig.clock.pendingCount, 0);
});
