import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { OwnNat } from "../../src/engine/nat_watch.ts";
import { decodeNatWord, type PeerNat } from "../../src/engine/nat_word.ts";
import { PortSearches, type SearchedTunnel } from "../../src/engine/port_searches.ts";
import type { PathView, PortModel } from "../../src/nat/mod.ts";
import { INNER_FRAME } from "../../src/protocol/mod.ts";

const SPI = 300;
const EASY = parseEndpoint("203.0.113.11:41000")!;
const HARD = parseEndpoint("203.0.113.12:20000")!;
const OWN: OwnNat = {
  isTranslated: true,
  mapping: "endpointIndependent",
  filtering: "addressAndPortDependent",
  keepsPort: true,
  portStep: null,
  observed: EASY,
  hasHairpin: false,
  ports: null,
};
const HARD_OWN: OwnNat = { ...OWN, mapping: "addressAndPortDependent", observed: HARD };

function peer(endpoint: Endpoint, mapping: PeerNat["mapping"], change: Partial<PeerNat> = {}): PeerNat {
  return { mapping, filtering: "addressAndPortDependent", endpoint, isSearching: false, ports: null, ...change };
}

/** The searches of one end with one relayed tunnel. */
class Rig {
  readonly clock = new FakeClock();
  /** Commands of searches, and guesses as endpoints. */
  readonly log: string[] = [];
  readonly guesses: Endpoint[] = [];
  /** NAT frames that were sent. */
  readonly words: PeerNat[] = [];
  isBusy = false;
  model: PortModel | null = null;
  readonly tunnel: { -readonly [K in keyof SearchedTunnel]: SearchedTunnel[K] };
  readonly searches: PortSearches;

  constructor(own: OwnNat, peerNat: PeerNat) {
    this.tunnel = {
      facts: { localSpi: SPI, remoteSpi: 301, virtualAddress: 7, suite: 2 },
      path: pathOf("relay"),
      peerNat,
      observedCandidates: [peerNat.endpoint],
    };
    const say = (line: string) => void this.log.push(line);
    this.searches = new PortSearches({
      clock: this.clock,
      random: seededRandom(1),
      log: silentLogger,
      dataPlane: {
        openSearch: (count) => say(`open ${count}`),
        searchFrame: (_spi, to, type) => say(`frame ${type} to ${formatEndpoint(to)}`),
        sendFrame: (_spi, to, type, payload) => {
          if (to === null) this.words.push(decodeNatWord(payload));
          else if (type === INNER_FRAME.keepalive) this.guesses.push(to);
        },
        dropOwnSocket: () => say("drop own socket"),
      },
      watch: () => ({
        nat: own,
        openSockets: (count) => {
          if (!this.isBusy) say(`sockets ${count}`);
          return !this.isBusy;
        },
        measure: (_count, tell) => void this.clock.after(400, () => tell(this.model)),
        closeSockets: () => say("close"),
      }),
    });
  }

  take(): string[] {
    return this.log.splice(0);
  }
}

function pathOf(kind: PathView["kind"]): PathView {
  return { kind } as PathView;
}

const OPENED = ["drop own socket", "open 256", `frame ${INNER_FRAME.keepalive} to 203.0.113.11:41000`];

Deno.test("PortSearches opens sockets behind the hard NAT, tells the peer, and gives up after 20 s", () => {
  const rig = new Rig(HARD_OWN, peer(EASY, "endpointIndependent"));
  rig.searches.consider(rig.tunnel);
  rig.clock.advance(999);
  assert.deepEqual(rig.take(), []);
  rig.clock.advance(401);
  assert.deepEqual(rig.take(), ["sockets 8", ...OPENED]);
  assert.deepEqual(rig.words.map(({ isSearching, endpoint }) => [isSearching, formatEndpoint(endpoint)]), [[
    true,
    "203.0.113.12:20000",
  ]]);
  rig.clock.advance(20_000);
  assert.deepEqual(rig.take(), [...Array(3).fill(OPENED[2]), "close"]);
  assert.equal(rig.words.length, 4);
});

Deno.test("PortSearches waits ten minutes after a search that found nothing, then twice as long", () => {
  const rig = new Rig(HARD_OWN, peer(EASY, "endpointIndependent"));
  const starts: number[] = [];
  rig.searches.consider(rig.tunnel);
  for (let second = 1; second < 3600; second++) {
    rig.clock.advance(1_000);
    if (rig.take().includes("sockets 8")) starts.push(second);
    rig.searches.consider(rig.tunnel);
  }
  assert.deepEqual(starts.map((second) => Math.round(second / 60)), [0, 10, 31]);
  rig.searches.networkChanged();
  rig.searches.closed(rig.tunnel);
  rig.searches.consider(rig.tunnel);
  rig.clock.advance(1_000);
  assert.deepEqual(rig.take(), ["sockets 8", "drop own socket"]);
});

Deno.test("PortSearches opens few sockets and tells the ports where they can be foretold", () => {
  const rig = new Rig(HARD_OWN, peer(EASY, "endpointIndependent"));
  rig.model = { last: 20011, step: 1, low: 20004, high: 20011 };
  rig.searches.consider(rig.tunnel);
  rig.clock.advance(1_400);
  assert.deepEqual(rig.take(), ["sockets 8", "drop own socket", OPENED[2]]);
  assert.deepEqual(rig.words[0]!.ports, rig.model);
});

Deno.test("PortSearches ends its search as soon as the path is direct", () => {
  const rig = new Rig(HARD_OWN, peer(EASY, "endpointIndependent"));
  rig.searches.consider(rig.tunnel);
  rig.clock.advance(1_500);
  rig.take();
  rig.tunnel.path = pathOf("observed");
  rig.searches.consider(rig.tunnel);
  assert.deepEqual(rig.take(), ["close"]);
  assert.equal(rig.searches.failuresOf(7), 0);
  rig.clock.advance(100_000);
  assert.deepEqual(rig.take(), []);
});

Deno.test("PortSearches waits while the sockets are in use, and begins nothing for a tunnel that is gone", () => {
  const rig = new Rig(HARD_OWN, peer(EASY, "endpointIndependent"));
  rig.isBusy = true;
  rig.searches.consider(rig.tunnel);
  rig.clock.advance(2_000);
  rig.isBusy = false;
  rig.clock.advance(3_000);
  assert.deepEqual(rig.take(), []);
  rig.clock.advance(1_000);
  assert.equal(rig.take()[0], "sockets 8");
  rig.searches.closed(rig.tunnel);
  assert.deepEqual(rig.take(), ["close"]);
  rig.searches.consider(rig.tunnel);
  rig.searches.closed(rig.tunnel);
  rig.clock.advance(60_000);
  assert.deepEqual(rig.take(), []);
});

Deno.test("PortSearches guesses a hundred ports a second for twenty seconds, only at the address that both name", () => {
  const rig = new Rig(OWN, peer(HARD, "addressAndPortDependent", { isSearching: true }));
  rig.searches.peerTold(rig.tunnel);
  rig.clock.advance(1_000);
  assert.equal(rig.guesses.length, 105);
  rig.clock.advance(60_000);
  assert.equal(rig.guesses.length, 2_000);
  assert(rig.guesses.every(({ address }) => String(address) === String(HARD.address)));
  assert.deepEqual(rig.take(), [], "the easy end opens nothing");
});

Deno.test("PortSearches guesses nothing on one word alone, unasked, before an easy NAT, or again too soon", () => {
  const asked = peer(HARD, "addressAndPortDependent", { isSearching: true });
  const elsewhere = new Rig(OWN, asked);
  elsewhere.tunnel.observedCandidates = [parseEndpoint("198.51.100.9:20000")!];
  const unasked = new Rig(OWN, { ...asked, isSearching: false });
  const easy = new Rig(OWN, { ...asked, mapping: "endpointIndependent" });
  const bothHard = new Rig(HARD_OWN, asked);
  for (const rig of [elsewhere, unasked, easy, bothHard]) {
    rig.searches.peerTold(rig.tunnel);
    rig.clock.advance(5_000);
    assert.equal(rig.guesses.length, 0);
  }
  const again = new Rig(OWN, asked);
  again.searches.peerTold(again.tunnel);
  again.clock.advance(21_000);
  again.searches.peerTold(again.tunnel);
  again.clock.advance(5_000);
  assert.equal(again.guesses.length, 2_000);
});

Deno.test("PortSearches stops guessing when the path is direct, and when the tunnel is gone", () => {
  for (const end of ["direct", "closed"]) {
    const rig = new Rig(OWN, peer(HARD, "addressAndPortDependent", { isSearching: true }));
    rig.searches.peerTold(rig.tunnel);
    assert.equal(rig.searches.isSearching(rig.tunnel), true);
    if (end === "direct") {
      rig.tunnel.path = pathOf("seen");
      rig.searches.consider(rig.tunnel);
    } else rig.searches.closed(rig.tunnel);
    rig.clock.advance(5_000);
    assert.equal(rig.guesses.length, 5);
  }
});
