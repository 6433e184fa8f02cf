/** Tunnels and their paths, with a data plane and exchanges made of lists. */
import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { DataPlane, DataPlaneEvent } from "../../src/dataplane/types.ts";
import type { StreamUser } from "../../src/engine/relay_streams.ts";
import { Tunnels, type TunnelsOptions } from "../../src/engine/tunnels.ts";
import {
  CANDIDATE_KIND,
  classicExchange,
  DATAGRAM,
  datagramType,
  INNER_FRAME,
  innerFrames,
  relayDatagrams,
  type RelayOffer,
  ticket,
} from "../../src/protocol/mod.ts";
import type { ExchangeEffect, TunnelParameters } from "../../src/session/mod.ts";

const SPI = 300;
const PEER_SPI = 400;
const CANDIDATE = parseEndpoint("198.51.100.7:42")!;
const RELAY = parseEndpoint("203.0.113.1:17771")!;
const OVERLAY = { pool: { base: 0x0a070000, bits: 16 }, prefix6: new Uint8Array(12).fill(0xfd) };

const parameters: TunnelParameters = {
  suite: 2,
  localSpi: SPI,
  remoteSpi: PEER_SPI,
  local: { address: 0x0a070001, ed25519: null, rsa: null, suites: [2], offers: [], capabilities: 0 },
  peer: { address: 0x0a070002, publicKey: new Uint8Array(32) },
};

function relayOffer(): RelayOffer {
  const relayId = new Uint8Array(16).fill(1);
  const times = { issuedAt: 0n, expiresAt: 86_400_000n };
  const encoded = ticket.encode({
    relayId,
    spi: SPI,
    peerSpi: PEER_SPI,
    class: 2,
    rateKbit: 0,
    ...times,
    ticketId: relayId,
    signature: new Uint8Array(64),
  });
  return { relayId, endpoints: [RELAY], bindSecret: new Uint8Array(32), ticket: encoded };
}

const keys = () => ({
  suite: 2 as const,
  epoch: 0,
  aead: 1 as const,
  isPlain: false,
  sealKey: new Uint8Array(32).fill(1),
  sealSalt: new Uint8Array(12),
  openKey: new Uint8Array(32).fill(2),
  openSalt: new Uint8Array(12),
  firstSequence: 1,
});

class Rig {
  readonly clock = new FakeClock();
  /** What happened, in order. */
  readonly log: string[] = [];
  /** What the exchange machine answers to the next call. */
  next: ExchangeEffect[] = [];
  /** What searches for ports were told. */
  readonly searchLog: string[] = [];
  /** What there is to tell of our NAT. */
  natWord: Uint8Array | null = null;
  /** Bodies of MTU PROBEs. */
  readonly mtuProbes: Uint8Array[] = [];
  /** Streams to relays that are wanted: who is to be told. */
  readonly streamUsers: StreamUser[] = [];
  isUdpSilent = false;
  readonly #probes: { endpoint: Endpoint; probeId: bigint }[] = [];
  readonly tunnels: Tunnels;

  constructor() {
    const say = (line: string) => void this.log.push(line);
    const answer = (line: string) => {
      say(line);
      return this.next.splice(0);
    };
    const dataPlane = {
      addTunnel: ({ localSpi, peerAcceptsPartialChecksum }) => say(`add ${localSpi} ${peerAcceptsPartialChecksum}`),
      removeTunnel: (spi) => say(`remove ${spi}`),
      installKeys: (_spi, installed, use) => say(`keys ${use} ${"sealKey" in installed ? installed.sealKey[0] : ""}`),
      useKeys: (_spi, epoch) => say(`use ${epoch}`),
      setMaxDatagramLength: (_spi, length) => say(`limit ${length}`),
      setPath: (_spi, endpoint) => say(`path ${endpoint === null ? "none" : formatEndpoint(endpoint)}`),
      sendFrame: (_spi, endpoint, type, payload) => {
        if (type === INNER_FRAME.probe) {
          this.#probes.push({ endpoint: endpoint!, probeId: innerFrames.probe.decode(payload).probeId });
        } else if (type === INNER_FRAME.mtuProbe) this.mtuProbes.push(payload);
        else say(`frame ${type} ${endpoint === null ? "path" : formatEndpoint(endpoint)}`);
      },
      sendDatagram: (endpoint, bytes) => {
        if (datagramType(bytes) !== DATAGRAM.punch) say(`send ${datagramType(bytes)} ${formatEndpoint(endpoint)}`);
      },
    } as DataPlane;
    this.tunnels = new Tunnels({
      dataPlane,
      clock: this.clock,
      random: seededRandom(5),
      log: silentLogger,
      overlay: OVERLAY,
      allowsLoopback: false,
      askForPunch: () => say("ask for punch"),
      askForTickets: () => say("ask for tickets"),
      exchanges: {
        open: () => say("exchange open"),
        update: () => {},
        close: () => say("exchange close"),
        start: () => answer("start"),
        onDatagram: (from) => answer(`datagram from ${formatEndpoint(from)}`),
        onKeysConfirmed: (_spi, epoch) => answer(`confirmed ${epoch}`),
        onTimer: () => answer("timer"),
      },
      streams: this.#streams(say),
      searches: {
        ownWord: () => this.natWord,
        peerTold: ({ peerNat }) => void this.searchLog.push(`peer's NAT: ${peerNat?.mapping}`),
        consider: ({ path }) => void this.searchLog.push(`consider ${path?.kind ?? "none"}`),
        closed: () => void this.searchLog.push("closed"),
      },
      listener: {
        onEstablished: (_spi, isRekey) => say(`established ${isRekey}`),
        onExchangeFailed: (_spi, reason) => say(`failed: ${reason}`),
        onClosedByPeer: (_spi, reason) => say(`closed ${reason}`),
        onPathChanged: (_spi, hasPath) => say(`has path: ${hasPath}`),
      },
    });
  }

  #streams(say: (line: string) => void): NonNullable<TunnelsOptions["streams"]> {
    return {
      use: (_relay, user) => {
        if (!this.streamUsers.includes(user)) this.streamUsers.push(user);
      },
      leave: (_relay, user) => void this.streamUsers.splice(this.streamUsers.indexOf(user) >>> 0, 1),
      died: () => say("stream died"),
      isUdpSilent: () => this.isUdpSilent,
    };
  }

  open(change: Partial<TunnelParameters> = {}, relays: RelayOffer[] = [], startInMs = 0): void {
    const candidates = [{ kind: CANDIDATE_KIND.observed, endpoint: CANDIDATE }];
    this.tunnels.open({
      parameters: { ...parameters, ...change },
      networkSecrets: new Map(),
      candidates,
      relays,
      startInMs,
    });
  }

  take(): string[] {
    return this.log.splice(0);
  }

  event(event: DataPlaneEvent): void {
    this.tunnels.takeEvent(event);
  }

  control(from: Endpoint, datagram: Uint8Array): void {
    this.event({ on: "control", from, datagram });
  }

  /** Both ends have keys, and a probe to `endpoint` was answered. */
  establish(endpoint: Endpoint = CANDIDATE): void {
    this.next = [
      { do: "installKeys", localSpi: SPI, keys: keys(), use: "both", peerCapabilities: 1, from: endpoint },
      { do: "established", localSpi: SPI, suite: 2, epoch: 0, isRekey: false, from: endpoint },
    ];
    this.control(endpoint, classicExchange.cookie.encode({ spi: SPI, cookie: new Uint8Array(16) }));
    const probe = this.#probes.find((each) => formatEndpoint(each.endpoint) === formatEndpoint(endpoint))!;
    this.event({
      on: "probeAnswer",
      localSpi: SPI,
      from: endpoint,
      probeId: probe.probeId,
      rttMs: 9,
      seenAs: endpoint,
    });
  }
}

Deno.test("Tunnels begins an exchange at the time the server gave, by the candidates where there is no relay", () => {
  const rig = new Rig();
  rig.open({}, [], 40);
  rig.clock.advance(39);
  assert.deepEqual(rig.take(), ["exchange open"]);
  rig.next = [{ do: "send", localSpi: SPI, to: null, datagrams: [Uint8Array.of(0, 0, 0, 0, 0x21)] }];
  rig.clock.advance(1);
  assert.deepEqual(rig.take(), ["start", "send 33 198.51.100.7:42"]);
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels begins as soon as a relay is bound, and sends through it first", () => {
  const rig = new Rig();
  rig.open({}, [relayOffer()]);
  assert.deepEqual(rig.take(), ["exchange open", "send 64 203.0.113.1:17771"]);
  rig.next = [{ do: "send", localSpi: SPI, to: null, datagrams: [Uint8Array.of(0, 0, 0, 0, 0x21)] }];
  rig.control(RELAY, relayDatagrams.bound.encode({ spi: SPI, lifetimeSeconds: 60, class: 2 }));
  assert.deepEqual(rig.take(), ["start", "send 33 203.0.113.1:17771", "send 33 198.51.100.7:42"]);
  rig.clock.advance(1_000);
  assert.ok(!rig.take().includes("start"), "it began twice");
  rig.tunnels.close(SPI);
  assert.deepEqual(rig.take(), [`send 68 203.0.113.1:17771`, "exchange close"]);
  assert.equal(rig.clock.pendingCount, 0);
});

Deno.test("Tunnels begins without a relay that does not answer, after half a second", () => {
  const rig = new Rig();
  rig.open({}, [relayOffer()]);
  rig.clock.advance(499);
  assert.ok(!rig.take().includes("start"));
  rig.clock.advance(1);
  assert.ok(rig.take().includes("start"));
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels ignores a relay's answer from elsewhere or for another tunnel", () => {
  const rig = new Rig();
  rig.open({}, [relayOffer()]);
  rig.take();
  rig.control(CANDIDATE, relayDatagrams.bound.encode({ spi: SPI, lifetimeSeconds: 60, class: 2 }));
  rig.control(RELAY, relayDatagrams.bound.encode({ spi: SPI + 1, lifetimeSeconds: 60, class: 2 }));
  assert.deepEqual(rig.take(), []);
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels takes no relay for the peer when its datagrams come before the relay's answer", () => {
  const rig = new Rig();
  rig.open({ remoteSpi: 200 }, [relayOffer()]);
  rig.next = [
    { do: "installKeys", localSpi: SPI, keys: keys(), use: "both", peerCapabilities: 1, from: RELAY },
    { do: "established", localSpi: SPI, suite: 2, epoch: 0, isRekey: false, from: RELAY },
  ];
  rig.control(RELAY, classicExchange.cookie.encode({ spi: SPI, cookie: new Uint8Array(16) }));
  const kindsAt = () => {
    const paths = rig.tunnels.get(SPI)!.paths;
    return paths.filter(({ endpoint }) => formatEndpoint(endpoint) === formatEndpoint(RELAY)).map(({ kind }) => kind);
  };
  assert.deepEqual(kindsAt(), []);
  rig.control(RELAY, relayDatagrams.bound.encode({ spi: SPI, lifetimeSeconds: 60, class: 2 }));
  assert.deepEqual(kindsAt(), ["relay"]);
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels waits as responder for 15 s and then tells that nothing came", () => {
  const rig = new Rig();
  rig.open({ remoteSpi: 200 });
  rig.clock.advance(14_999);
  assert.deepEqual(rig.take(), ["exchange open"]);
  rig.clock.advance(1);
  assert.deepEqual(rig.take(), ["failed: no answer"]);
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels hands keys on, clears its own copy, and finds a path by probes", () => {
  const rig = new Rig();
  rig.open();
  rig.take();
  const installed = keys();
  rig.next = [{ do: "installKeys", localSpi: SPI, keys: installed, use: "open", peerCapabilities: 1, from: CANDIDATE }];
  rig.control(CANDIDATE, classicExchange.cookie.encode({ spi: SPI, cookie: new Uint8Array(16) }));
  assert.deepEqual(rig.take(), ["datagram from 198.51.100.7:42", "add 300 true", "keys open 1"]);
  assert.ok(installed.sealKey.every((byte) => byte === 0) && installed.openKey.every((byte) => byte === 0));
  rig.tunnels.close(SPI);

  const responder = new Rig();
  responder.open({ remoteSpi: 200 });
  responder.take();
  responder.natWord = Uint8Array.of(1);
  responder.establish();
  assert.deepEqual(responder.take(), [
    "datagram from 198.51.100.7:42",
    "add 300 true",
    "keys both 1",
    "established false",
    "path 198.51.100.7:42",
    "has path: true",
    `frame ${INNER_FRAME.nat} path`,
  ]);
  assert.deepEqual(responder.tunnels.get(SPI)!.link(), {
    path: "direct",
    transport: "udp",
    endpoint: "198.51.100.7:42",
    rttMs: 9,
    suite: 2,
    isEncrypted: true,
  });
  responder.tunnels.close(SPI, 1);
  assert.deepEqual(responder.take(), [`frame ${INNER_FRAME.close} path`, "exchange close", "remove 300"]);
  assert.deepEqual(responder.searchLog, ["consider none", "consider observed", "closed"].slice(1));
  assert.equal(responder.clock.pendingCount, 0);
});

Deno.test("Tunnels drops what is malformed, for no tunnel of ours, or no datagram of an exchange", () => {
  const rig = new Rig();
  rig.open();
  rig.take();
  for (
    const datagram of [
      new Uint8Array(0),
      new Uint8Array(4),
      Uint8Array.of(0, 0, 0, 0, 0x21),
      Uint8Array.of(0, 0, 0, 0, 0x41),
    ]
  ) {
    rig.control(RELAY, datagram);
  }
  rig.control(CANDIDATE, classicExchange.punch.encode({ spi: SPI }));
  rig.control(CANDIDATE, classicExchange.cookie.encode({ spi: SPI + 1, cookie: new Uint8Array(16) }));
  assert.deepEqual(rig.take(), []);
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels takes the peer's frames: close, new endpoints, and new keys wanted from an initiator only", () => {
  const rig = new Rig();
  rig.open();
  rig.establish();
  rig.take();
  const frame = (frameType: number, payload: Uint8Array) =>
    rig.event({
      on: "frame",
      localSpi: SPI,
      from: CANDIDATE,
      epoch: 0,
      sequence: 1,
      isNewest: true,
      frameType,
      payload,
    });
  frame(INNER_FRAME.rekeyWanted, new Uint8Array());
  frame(INNER_FRAME.close, Uint8Array.of(1));
  frame(INNER_FRAME.close, new Uint8Array());
  frame(0x77, new Uint8Array());
  frame(INNER_FRAME.nat, new Uint8Array(3));
  const nat = { mapping: 3, filtering: 0, searching: false, endpoint: CANDIDATE, step: 0, low: 0, high: 0 };
  frame(INNER_FRAME.nat, innerFrames.nat.encode(nat));
  assert.equal(rig.searchLog.at(-1), "peer's NAT: addressAndPortDependent");
  const moved = [{ kind: CANDIDATE_KIND.local, endpoint: parseEndpoint("192.168.1.9:42")! }];
  frame(INNER_FRAME.endpoints, innerFrames.endpoints.encode({ candidates: moved }));
  assert.deepEqual(rig.take(), ["start", "closed 1"]);
  const candidates = () => rig.tunnels.get(SPI)!.candidates.map(formatEndpoint);
  assert.deepEqual(candidates(), ["192.168.1.9:42"]);
  frame(INNER_FRAME.endpoints, innerFrames.endpoints.encode({ candidates: [] }));
  assert.deepEqual(candidates(), ["192.168.1.9:42"], "told again too soon");
  rig.clock.advance(2_000);
  frame(INNER_FRAME.endpoints, innerFrames.endpoints.encode({ candidates: [] }));
  assert.deepEqual(candidates(), []);
  rig.tunnels.close(SPI);

  const responder = new Rig();
  responder.open({ remoteSpi: 200 });
  responder.establish();
  responder.take();
  responder.event({
    on: "frame",
    localSpi: SPI,
    from: CANDIDATE,
    epoch: 0,
    sequence: 1,
    isNewest: true,
    frameType: INNER_FRAME.rekeyWanted,
    payload: new Uint8Array(),
  });
  assert.deepEqual(responder.take(), []);
  responder.tunnels.close(SPI);
});

Deno.test("Tunnels begins a rekey when the data plane wants it, and not before there are keys", () => {
  const rig = new Rig();
  rig.open();
  rig.take();
  rig.event({ on: "rekeyWanted", localSpi: SPI });
  assert.deepEqual(rig.take(), []);
  rig.establish();
  rig.take();
  rig.event({ on: "rekeyWanted", localSpi: SPI });
  assert.deepEqual(rig.take(), ["start"]);
  rig.tunnels.close(SPI);
});

Deno.test("Tunnels tells each peer inside its tunnel where it can be reached now", () => {
  const rig = new Rig();
  rig.open();
  rig.establish();
  rig.take();
  rig.tunnels.tellEndpoints([{ kind: CANDIDATE_KIND.local, endpoint: CANDIDATE }]);
  assert.deepEqual(rig.take(), [`frame ${INNER_FRAME.endpoints} ${formatEndpoint(CANDIDATE)}`]);
  rig.tunnels.close(SPI);
});

const STREAM = {
  endpoint: parseEndpoint("127.0.0.1:40000")!,
  transport: "tls" as const,
  relay: parseEndpoint("203.0.113.1:443")!,
};
const RELAY_ID = new Uint8Array(16).fill(1);
const bound = relayDatagrams.bound.encode({ spi: SPI, lifetimeSeconds: 60, class: 2 });

Deno.test("Tunnels binds over a stream where the relay is silent by UDP, and goes back when it answers", () => {
  const rig = new Rig();
  rig.open({}, [relayOffer()]);
  rig.clock.advance(649);
  assert.equal(rig.streamUsers.length, 0);
  rig.clock.advance(1);
  assert.equal(rig.streamUsers.length, 1);
  rig.take();
  rig.streamUsers[0]!.streamChanged(RELAY_ID, STREAM);
  assert.deepEqual(rig.take(), ["send 64 127.0.0.1:40000"]);
  rig.control(STREAM.endpoint, bound);
  rig.establish(STREAM.endpoint);
  const tunnel = rig.tunnels.get(SPI)!;
  assert.deepEqual(tunnel.link(), {
    path: "relay",
    transport: "tls",
    endpoint: "203.0.113.1:443",
    rttMs: 9,
    suite: 2,
    isEncrypted: true,
  });
  rig.take();
  rig.control(RELAY, relayDatagrams.challenge.encode({ cookie: new Uint8Array(16).fill(9) }));
  assert.deepEqual(rig.take(), ["send 64 203.0.113.1:17771"]);
  rig.control(RELAY, bound);
  assert.equal(rig.streamUsers.length, 0);
  assert.deepEqual(tunnel.boundRelays, [RELAY]);
});

Deno.test("Tunnels wants a stream at once where nothing gets through by UDP, and leaves it with the tunnel", () => {
  const rig = new Rig();
  rig.isUdpSilent = true;
  rig.open({}, [relayOffer()]);
  assert.equal(rig.streamUsers.length, 1);
  rig.tunnels.close(SPI);
  assert.equal(rig.streamUsers.length, 0);
});
