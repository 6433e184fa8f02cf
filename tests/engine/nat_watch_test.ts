import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { hmac } from "../../src/crypto/mod.ts";
import { Discovery } from "../../src/engine/discovery.ts";
import { NatWatch } from "../../src/engine/nat_watch.ts";
import { DISCOVER_FLAG, discovery as codec, encodeWithMac } from "../../src/protocol/mod.ts";

const KEY = new Uint8Array(32).fill(4);
const FIRST = parseEndpoint("198.51.100.1:12975")!;
const SECOND = parseEndpoint("198.51.100.1:12976")!;
const OWN = parseEndpoint("192.168.1.5:41000")!;

function discovered(counter: bigint, from: string, socket: number): Uint8Array {
  const message = { counter, endpoint: parseEndpoint(from)!, socket };
  return encodeWithMac(codec.discovered, message, (input) => hmac("sha256", KEY, input));
}

/** An engine's watch before a NAT that a test plays. */
class Rig {
  readonly clock = new FakeClock();
  readonly discovery: Discovery;
  readonly watch: NatWatch;
  /** What the sockets of the search sent and has not been answered. */
  readonly sent: { socket: number; to: Endpoint; counter: bigint; flags: number; datagram: Uint8Array }[] = [];
  /** `open N` and `close`. */
  readonly log: string[] = [];
  changes = 0;

  /** `other`: the server's socket on another address. */
  constructor(other: Endpoint | null = null) {
    const server = { sessionId: new Uint8Array(8), discoveryKey: KEY, first: FIRST, second: SECOND, other };
    this.discovery = new Discovery(server, 0);
    this.watch = new NatWatch({
      clock: this.clock,
      discovery: this.discovery,
      dataPlane: {
        openSearch: (count) => void this.log.push(`open ${count}`),
        closeSearch: () => void this.log.push("close"),
        searchDatagram: (socket, to, datagram) => {
          this.sent.push({ socket, to, ...codec.discover.decode(datagram), datagram });
        },
      },
      ownEndpoints: () => [OWN],
      onChange: () => void this.changes++,
    });
  }

  /** The server answers the socket of the tunnels. */
  answerMain(first: string, second: string): void {
    const [one, other] = this.discovery.tick(0).map(({ datagram }) => codec.discover.decode(datagram).counter);
    this.discovery.take(discovered(one!, first, 1));
    this.discovery.take(discovered(other!, second, 2));
  }

  /** The server answers those of the search, which the NAT gave `ports`; the filter lets the last one through or not. */
  answerSearch(ports: number[], passesFilter: boolean): void {
    for (const { socket, counter, flags } of this.sent.splice(0)) {
      if (flags === DISCOVER_FLAG.answerFromOtherSocket && !passesFilter) continue;
      const endpoint = parseEndpoint(`203.0.113.9:${ports[socket] ?? 1}`)!;
      this.watch.take({ counter, endpoint });
    }
  }
}

Deno.test("NatWatch asks the first socket of the server aside, so that it does not take a new address for ours", () => {
  const rig = new Rig();
  rig.answerMain("203.0.113.9:41000", "203.0.113.9:41000");
  rig.watch.survey();
  assert.deepEqual(rig.log, ["open 5"]);
  const asked = rig.sent.map(({ socket, to, flags }) => [socket, formatEndpoint(to), flags]);
  const sockets = [0, 1, 2, 3];
  assert.deepEqual(asked, [
    ...sockets.map((socket) => [socket, formatEndpoint(SECOND), 0]),
    // After those, whose ports are to be neighbours where the NAT counts.
    ...sockets.map((socket) => [socket, formatEndpoint(FIRST), DISCOVER_FLAG.aside]),
    [4, formatEndpoint(SECOND), DISCOVER_FLAG.answerFromOtherSocket],
  ]);
});

Deno.test("NatWatch is not taken in by a NAT that gave one socket the same port twice by chance", () => {
  const rig = new Rig();
  rig.answerMain("203.0.113.9:41007", "203.0.113.9:41007");
  assert.equal(rig.watch.nat.mapping, "endpointIndependent");
  rig.watch.survey();
  for (const { socket, to, counter } of rig.sent.splice(0)) {
    const port = to.port === FIRST.port ? 41010 + socket : 41020 + (socket === 2 ? -8 : socket);
    rig.watch.take({ counter, endpoint: parseEndpoint(`203.0.113.9:${port}`)! });
  }
  rig.clock.advance(1_200);
  assert.equal(rig.watch.nat.mapping, "addressAndPortDependent");
});

Deno.test("NatWatch tells a restricted cone from a full one by who may answer", () => {
  for (const [passes, filtering] of [[false, "addressAndPortDependent"], [true, null]] as const) {
    const rig = new Rig();
    rig.answerMain("203.0.113.9:41000", "203.0.113.9:41000");
    rig.watch.survey();
    rig.answerSearch([41001, 52000, 33000, 45000], passes);
    rig.clock.advance(1_200);
    const { mapping, filtering: found, isTranslated, keepsPort, portStep } = rig.watch.nat;
    assert.deepEqual([mapping, found, isTranslated, keepsPort, portStep], [
      "endpointIndependent",
      filtering,
      true,
      true,
      null,
    ]);
    assert.deepEqual([rig.log, rig.changes], [["open 5", "close"], 1]);
  }
});

Deno.test("NatWatch tells filters apart by who may answer, where the server has another address", () => {
  const filters = [
    [true, true, "endpointIndependent"],
    [true, false, "addressDependent"],
    [false, false, "addressAndPortDependent"],
  ] as const;
  for (const [fromPort, fromAddress, expected] of filters) {
    const rig = new Rig(parseEndpoint("198.51.100.2:7000")!);
    rig.answerMain("203.0.113.9:41000", "203.0.113.9:41000");
    rig.watch.survey();
    assert.deepEqual(rig.log, ["open 6"]);
    for (const { socket, counter, flags } of rig.sent.splice(0)) {
      if (flags === DISCOVER_FLAG.answerFromOtherSocket && !fromPort) continue;
      if (flags === DISCOVER_FLAG.answerFromOtherAddress && !fromAddress) continue;
      rig.watch.take({ counter, endpoint: parseEndpoint(`203.0.113.9:${42000 + socket}`)! });
    }
    rig.clock.advance(1_200);
    assert.equal(rig.watch.nat.filtering, expected);
  }
});

Deno.test("NatWatch sees a symmetric NAT and the step of its ports", () => {
  const rig = new Rig();
  rig.answerMain("203.0.113.9:20000", "203.0.113.9:20001");
  rig.watch.survey();
  rig.answerSearch([20002, 20003, 20004, 20005], false);
  rig.clock.advance(1_200);
  assert.equal(rig.watch.nat.mapping, "addressAndPortDependent");
  assert.equal(rig.watch.nat.portStep, 1);
  assert.deepEqual(rig.watch.nat.ports, { last: 20005, step: 1, low: 20002, high: 20005 });
});

Deno.test("NatWatch knows nothing of filters when nothing was answered", () => {
  const rig = new Rig();
  rig.answerMain("203.0.113.9:41000", "203.0.113.9:41000");
  rig.watch.survey();
  rig.clock.advance(1_200);
  assert.equal(rig.watch.nat.filtering, null);
  assert.equal(rig.watch.isSurveyed, true);
});

Deno.test("NatWatch takes its own question for a hairpin, and nobody else's", () => {
  for (const isForged of [false, true]) {
    const rig = new Rig();
    rig.answerMain("203.0.113.9:41000", "203.0.113.9:41000");
    rig.watch.survey();
    rig.answerSearch([1, 2, 3, 4], false);
    rig.clock.advance(300);
    const [question] = rig.sent.splice(0);
    assert.equal(formatEndpoint(question!.to), "203.0.113.9:41000");
    if (isForged) question!.datagram[63]! ^= 1;
    rig.watch.takeDiscover(question!.datagram);
    rig.clock.advance(900);
    assert.equal(rig.watch.nat.hasHairpin, !isForged);
  }
});

Deno.test("NatWatch does not lend its sockets during a survey, and surveys after a search", () => {
  const rig = new Rig();
  rig.answerMain("203.0.113.9:41000", "203.0.113.9:41000");
  rig.watch.survey();
  assert.equal(rig.watch.openSockets(8), false);
  rig.clock.advance(1_200);
  assert.equal(rig.watch.openSockets(8), true);
  rig.watch.survey();
  assert.deepEqual(rig.log, ["open 5", "close", "open 8"]);
  rig.watch.closeSockets();
  rig.clock.advance(5_000);
  assert.deepEqual(rig.log, ["open 5", "close", "open 8", "close", "open 5"]);
  rig.watch.stop();
  rig.clock.advance(5_000);
});

Deno.test("NatWatch.measure tells the ports that the sockets of a search got", () => {
  const rig = new Rig();
  rig.answerMain("203.0.113.9:20000", "203.0.113.9:20001");
  rig.watch.openSockets(8);
  let model: unknown;
  rig.watch.measure(3, (found) => model = found);
  rig.answerSearch([20010, 20012, 20014], false);
  rig.clock.advance(400);
  assert.deepEqual(model, { last: 20014, step: 2, low: 20010, high: 20014 });
});
