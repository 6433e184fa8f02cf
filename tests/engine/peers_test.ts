import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { TunnelStats } from "../../src/dataplane/types.ts";
import type { KnownPeer } from "../../src/engine/networks_view.ts";
import { Peers } from "../../src/engine/peers.ts";
import type { PeerPin } from "../../src/engine/state_files.ts";
import type { Tunnel } from "../../src/engine/tunnel.ts";
import { CAPABILITY, CLOSE, type ControlMessageOf, KEY_TYPE, TUNNEL_REASON } from "../../src/protocol/mod.ts";
import { settle } from "../support/turns.ts";

const OWN = 0x0a000005;
const LOWER = 0x0a000001;
const HIGHER = 0x0a000009;

function known(clientId: number, change: Partial<KnownPeer> = {}): KnownPeer {
  const member = { clientId, address: 0, nick: "", status: 1, role: 0 };
  return { member, networkIds: [7], isAllowed: true, isWithinReach: true, allowsPlain: false, ...change };
}

const key = (value: number) => ({ keyType: KEY_TYPE.ed25519, publicKey: new Uint8Array(32).fill(value) });

function rendezvous(change: Partial<ControlMessageOf<"rendezvous">> = {}): ControlMessageOf<"rendezvous"> {
  return {
    type: "rendezvous",
    requestId: 0,
    peerClientId: 2,
    peerAddress: HIGHER,
    localSpi: 1_000,
    remoteSpi: 2_000,
    suites: [2],
    keys: [key(1)],
    commonNetworks: [7],
    candidates: [],
    relays: [],
    cause: 1,
    startInMs: 0,
    ...change,
  };
}

/** Peers with everything around them made of lists. */
class Rig {
  readonly clock = new FakeClock();
  /** Requests to the server as `address/reason`. */
  readonly requests: string[] = [];
  /** What the tunnels and the data plane were told. */
  readonly done: string[] = [];
  readonly pins = new Map<number, PeerPin>();
  savedPins = 0;
  isLoggedIn = true;
  /** Whether the user has named the peer as one without encryption. */
  isNamed = false;
  /** Whether each tunnel was opened with our consent to that. */
  readonly consents: boolean[] = [];
  stats: TunnelStats[] = [];
  readonly #open = new Map<number, Tunnel>();
  readonly peers: Peers;

  constructor() {
    const link = { path: "direct", transport: "udp", endpoint: "1.2.3.4:5", rttMs: 1, suite: 2 };
    const tell = (event: { on: string }) => this.done.push(`tell ${event.on}`);
    this.peers = new Peers({
      dataPlane: {
        route: (address, spi) => this.done.push(`route ${address.toString(16)} ${spi}`),
        unroute: (address) => this.done.push(`unroute ${address.toString(16)}`),
        refuse: (address) => this.done.push(`refuse ${address.toString(16)}`),
        stats: () => Promise.resolve(this.stats),
      },
      clock: this.clock,
      log: silentLogger,
      local: { address: OWN, ed25519: null, rsa: null, suites: [2], offers: [], capabilities: 0 },
      server: {
        isLoggedIn: () => this.isLoggedIn,
        requestTunnel: (peer, reason) => {
          this.requests.push(`${peer.toString(16)}/${reason}`);
          return Promise.resolve();
        },
      },
      tunnels: {
        get: (spi) => this.#open.get(spi),
        open: ({ parameters: { localSpi, local } }) => {
          this.consents.push((local.capabilities & CAPABILITY.plainTunnels) !== 0);
          this.done.push(`open ${localSpi}`);
          this.#open.set(localSpi, { link: () => link, tell } as unknown as Tunnel);
        },
        close: (spi, reason) => {
          this.done.push(`close ${spi} ${reason ?? "-"}`);
          this.#open.delete(spi);
        },
      },
      pins: this.pins,
      savePins: () => this.savedPins++,
      plainPeers: { allow: (peer) => this.isNamed && peer?.allowsPlain === true },
      networkSecrets: () => new Map(),
      onPath: () => {},
    });
  }

  know(...peers: [number, KnownPeer][]): void {
    this.peers.setKnown(new Map(peers));
  }

  /** A tunnel of this SPI comes to life. */
  establish(localSpi: number, hasPath = true): void {
    this.peers.onEstablished(localSpi, false);
    if (hasPath) this.peers.onPathChanged(localSpi, true);
  }

  takeDone(): string[] {
    return this.done.splice(0);
  }
}

Deno.test("Peers asks at once for a tunnel to a peer of a higher address, and after 2 s to one of a lower", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)], [LOWER, known(3)]);
  assert.deepEqual(rig.requests, ["a000009/1"]);
  rig.clock.advance(1_999);
  assert.equal(rig.requests.length, 1);
  rig.clock.advance(1);
  assert.deepEqual(rig.requests, ["a000009/1", "a000001/1"]);
  rig.peers.stop();
});

Deno.test("Peers asks nobody while there is no login, and anew after one", () => {
  const rig = new Rig();
  rig.isLoggedIn = false;
  rig.know([HIGHER, known(2)]);
  rig.clock.advance(60_000);
  assert.equal(rig.requests.length, 0);
  rig.isLoggedIn = true;
  rig.peers.loggedIn();
  assert.equal(rig.requests.length, 1);
  rig.peers.stop();
});

Deno.test("Peers asks nobody again for whom a tunnel is in the making or in use, not even after a new login", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.clock.advance(9_000);
  rig.establish(1_000);
  rig.clock.advance(60_000);
  rig.peers.loggedIn();
  rig.clock.advance(60_000);
  assert.equal(rig.requests.length, 1);
  rig.peers.stop();
});

Deno.test("Peers begins no tunnel after its end, though the server may still send one that was asked for", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.stop();
  rig.peers.takeRendezvous(rendezvous());
  assert.deepEqual(rig.takeDone(), []);
});

Deno.test("Peers asks again, ever more rarely, while no tunnel comes of it", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.peers.onExchangeFailed(1_000, "no answer");
  assert.deepEqual(rig.takeDone(), ["open 1000", "close 1000 -"]);
  assert.equal(rig.peers.factsOf(HIGHER)!.isUnreachable, false);
  rig.clock.advance(6_000);
  assert.equal(rig.requests.length, 2);
  assert.equal(rig.peers.factsOf(HIGHER)!.isUnreachable, true);
  rig.clock.advance(11_999);
  assert.equal(rig.requests.length, 2);
  rig.clock.advance(1);
  assert.equal(rig.requests.length, 3);
  rig.peers.stop();
});

Deno.test("Peers begins anew with a peer that went and came back, however often it had failed", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.clock.advance(100_000);
  const before = rig.requests.length;
  rig.know([HIGHER, known(2, { isWithinReach: false })]);
  rig.know([HIGHER, known(2)]);
  assert.equal(rig.requests.length, before + 1);
  rig.peers.stop();
});

Deno.test("Peers opens a tunnel at RENDEZVOUS, pins the key when it is proved, and routes packets to it", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  assert.equal(rig.pins.size, 0);
  rig.establish(1_000);
  assert.deepEqual(rig.takeDone(), ["open 1000", "route a000009 1000"]);
  assert.equal(rig.pins.get(HIGHER)!.suiteSeen, 2);
  assert.equal(rig.savedPins, 1);
  assert.equal(rig.peers.factsOf(HIGHER)!.link!.path, "direct");
  rig.peers.stop();
});

Deno.test("Peers makes no tunnel to a peer whose key has changed, and shows why", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.pins.set(HIGHER, { ed25519: new Uint8Array(32).fill(9), rsa: null, suiteSeen: 2 });
  rig.peers.takeRendezvous(rendezvous());
  assert.deepEqual(rig.takeDone(), []);
  assert.equal(rig.peers.factsOf(HIGHER)!.refused, "the key of this peer has changed");
  rig.peers.stop();
});

Deno.test("Peers makes no tunnel to an address that is not of its networks, or of another client there", () => {
  const rig = new Rig();
  rig.peers.takeRendezvous(rendezvous());
  rig.know([HIGHER, known(3)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.know([HIGHER, known(2, { isAllowed: false, isWithinReach: false })]);
  rig.peers.takeRendezvous(rendezvous());
  assert.deepEqual(rig.takeDone(), []);
  rig.peers.stop();
});

Deno.test("Peers refuses an SPI that another peer's tunnel has, and ignores a RENDEZVOUS that is repeated", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)], [LOWER, known(3)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.peers.takeRendezvous(rendezvous());
  rig.peers.takeRendezvous(rendezvous({ peerAddress: LOWER, peerClientId: 3 }));
  assert.deepEqual(rig.takeDone(), ["open 1000"]);
  assert.deepEqual(rig.requests.at(-1), `a000001/${TUNNEL_REASON.spiRefused}`);
  rig.peers.stop();
});

Deno.test("Peers makes no tunnel of SPIs that are reserved or the same", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  for (const change of [{ localSpi: 255 }, { remoteSpi: 0 }, { remoteSpi: 1_000 }]) {
    rig.peers.takeRendezvous(rendezvous(change));
  }
  assert.deepEqual(rig.takeDone(), []);
  rig.peers.stop();
});

Deno.test("Peers keeps the old tunnel until the new one has a path, and for 10 s more", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.peers.takeRendezvous(rendezvous({ localSpi: 1_001, cause: TUNNEL_REASON.pathLost }));
  rig.takeDone();
  rig.establish(1_001, false);
  assert.deepEqual(rig.takeDone(), []);
  rig.peers.onPathChanged(1_001, true);
  assert.deepEqual(rig.takeDone(), ["route a000009 1001"]);
  rig.clock.advance(9_999);
  assert.deepEqual(rig.takeDone(), []);
  rig.clock.advance(1);
  assert.deepEqual(rig.takeDone(), ["close 1000 -"]);
  rig.peers.stop();
});

Deno.test("Peers lets a new tunnel take over at once where the old one has no path, or the peer has no other", () => {
  for (const cause of [TUNNEL_REASON.pathLost, TUNNEL_REASON.wanted]) {
    const rig = new Rig();
    rig.know([HIGHER, known(2)]);
    rig.peers.takeRendezvous(rendezvous());
    rig.establish(1_000);
    if (cause === TUNNEL_REASON.pathLost) rig.peers.onPathChanged(1_000, false);
    rig.peers.takeRendezvous(rendezvous({ localSpi: 1_001, cause }));
    rig.takeDone();
    rig.establish(1_001, false);
    assert.deepEqual(rig.takeDone(), ["route a000009 1001"]);
    rig.peers.stop();
  }
});

Deno.test("Peers gives up a new tunnel that finds no path, and keeps the old one", async () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.peers.takeRendezvous(rendezvous({ localSpi: 1_001, cause: TUNNEL_REASON.pathLost }));
  rig.establish(1_001, false);
  rig.takeDone();
  rig.stats = [statsOf(1_000), statsOf(1_001)];
  for (let second = 0; second < 11; second++) {
    rig.clock.advance(1_000);
    await settle();
  }
  assert.deepEqual(rig.takeDone(), ["close 1001 -"]);
  assert.notEqual(rig.peers.factsOf(HIGHER)!.link, null);
  rig.peers.stop();
});

Deno.test("Peers asks for a new tunnel 10 s after the path of the old one was lost", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.clock.advance(8_000);
  rig.establish(1_000);
  rig.peers.onPathChanged(1_000, false);
  rig.clock.advance(9_999);
  assert.equal(rig.requests.length, 1);
  rig.clock.advance(1);
  assert.equal(rig.requests.at(-1), `a000009/${TUNNEL_REASON.pathLost}`);
  rig.peers.stop();
});

Deno.test("Peers asks for another tunnel where the server gives no more tickets for one, unless one is in the making", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.peers.replace(1_000);
  rig.peers.replace(9_999);
  assert.deepEqual(rig.requests.slice(1), [`a000009/${TUNNEL_REASON.ticketExpires}`]);
  rig.peers.takeRendezvous(rendezvous({ localSpi: 1_001 }));
  rig.peers.replace(1_000);
  assert.equal(rig.requests.length, 2);
  rig.peers.stop();
});

Deno.test("Peers ends tunnels at once where no common network is left, and tells the peer", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.takeDone();
  rig.know();
  assert.deepEqual(rig.takeDone(), ["unroute a000009", `close 1000 ${CLOSE.noCommonNetwork}`]);
  assert.equal(rig.peers.factsOf(HIGHER), null);
  rig.peers.stop();
});

function statsOf(localSpi: number, change: Partial<TunnelStats> = {}): TunnelStats {
  return {
    localSpi,
    bytesIn: 0,
    packetsIn: 0,
    bytesOut: 0,
    packetsOut: 0,
    dropsIn: 0,
    dropsOut: 0,
    idleInMs: 0,
    ...change,
  };
}

Deno.test("Peers keeps the tunnel of a member that went offline until it is silent for 30 s", async () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.know([HIGHER, known(2, { isWithinReach: false })]);
  rig.takeDone();
  const poll = async (idleInMs: number) => {
    rig.stats = [statsOf(1_000, { idleInMs })];
    rig.clock.advance(1_000);
    await settle();
    return rig.takeDone();
  };
  assert.deepEqual(await poll(30_000), []);
  rig.isLoggedIn = false;
  assert.deepEqual(await poll(40_000), []);
  rig.isLoggedIn = true;
  assert.deepEqual(await poll(30_001), ["unroute a000009", "close 1000 -"]);
  rig.peers.stop();
});

Deno.test("Peers tells a tunnel of traffic, and adds up its bytes over all tunnels of a peer", async () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.takeDone();
  rig.stats = [statsOf(1_000, { bytesIn: 5, bytesOut: 6 })];
  for (const expected of [["tell traffic"], []]) {
    rig.clock.advance(1_000);
    await settle();
    assert.deepEqual(rig.takeDone(), expected);
  }
  rig.peers.takeTunnelClosed({ type: "tunnelClosed", requestId: 0, localSpi: 1_000, reason: 1 });
  rig.peers.takeRendezvous(rendezvous({ localSpi: 1_001 }));
  rig.establish(1_001);
  rig.stats = [statsOf(1_001, { bytesIn: 10 })];
  rig.clock.advance(1_000);
  await settle();
  const { bytesIn, bytesOut } = rig.peers.factsOf(HIGHER)!;
  assert.deepEqual([bytesIn, bytesOut], [15, 6]);
  rig.peers.stop();
});

Deno.test("Peers asks for a tunnel where there is traffic, beyond the first 32 peers, too", () => {
  const rig = new Rig();
  const peers = Array.from({ length: 40 }, (_, n): [number, KnownPeer] => [HIGHER + n, known(n + 2)]);
  rig.know(...peers);
  assert.equal(rig.requests.length, 32);
  rig.peers.want(HIGHER + 39);
  assert.equal(rig.requests.at(-1), `${(HIGHER + 39).toString(16)}/1`);
  rig.peers.stop();
});

Deno.test("Peers leaves nothing behind when it stops, and says goodbye to the peers", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.peers.takeRendezvous(rendezvous());
  rig.establish(1_000);
  rig.peers.takeRendezvous(rendezvous({ localSpi: 1_001 }));
  rig.establish(1_001);
  rig.takeDone();
  rig.peers.stop();
  assert.deepEqual(rig.takeDone(), ["unroute a000009", `close 1001 ${CLOSE.leaving}`, "close 1000 -"]);
  assert.equal(rig.clock.pendingCount, 0);
});

Deno.test("Peers has packets for an address that no member has refused, once the server has named all members", () => {
  const rig = new Rig();
  rig.know([HIGHER, known(2)]);
  rig.isLoggedIn = false;
  rig.peers.want(LOWER);
  assert.deepEqual(rig.takeDone(), []);
  rig.isLoggedIn = true;
  rig.peers.want(LOWER);
  rig.peers.want(HIGHER);
  assert.deepEqual(rig.takeDone(), [`refuse ${LOWER.toString(16)}`]);
});

Deno.test("Peers consents to a plain tunnel where user and networks do, and makes it anew as soon as one does not", () => {
  const rig = new Rig();
  const told = (allowsPlain: boolean) => rig.know([HIGHER, known(2, { allowsPlain })]);
  let localSpi = 1_000;
  const meet = () => rig.peers.takeRendezvous(rendezvous({ localSpi: localSpi++ }));
  told(false);
  meet();
  rig.isNamed = true;
  rig.peers.plainChanged();
  assert.deepEqual(rig.takeDone(), ["open 1000"], "the network does not allow it");
  told(true);
  assert.deepEqual(rig.takeDone(), ["close 1000 1"]);
  meet();
  rig.establish(1_001);
  told(true);
  assert.deepEqual(rig.takeDone(), ["open 1001", "route a000009 1001"]);
  told(false);
  assert.deepEqual(rig.takeDone(), ["unroute a000009", "close 1001 1"]);
  meet();
  assert.deepEqual(rig.consents, [false, true, false]);
  rig.peers.stop();
});
