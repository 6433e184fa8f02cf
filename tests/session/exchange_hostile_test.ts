/** Attackers on the way, at the server and among the members. None of them may end up in a tunnel, or with somebody else's name. */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { signRsa } from "../../src/crypto/mod.ts";
import {
  classicExchange,
  classicInitiatorInput,
  classicResponderInput,
  DATAGRAM,
  modernExchange,
} from "../../src/protocol/mod.ts";
import { makeTunnel } from "../../src/session/exchange_machine.ts";
import type { TunnelParameters } from "../../src/session/mod.ts";
import { signModern } from "../../src/session/modern_keys.ts";
import { hashPeerTranscript } from "../../src/session/modern_peer.ts";
import { changing, ExchangeWorld, isControl, type Network, type Node, PERFECT, SPI } from "./exchange_world.ts";
import { ed25519Of, endpoint, localParty, peerParty, RSA } from "./parties.ts";

const SUITES = [1, 2] as const;
const MALLORY = localParty("mallory", 0x0a000003, RSA[0]);

function toldToBob({ party }: Node, suite: 1 | 2): TunnelParameters {
  return { suite, localSpi: SPI.b, remoteSpi: SPI.a, local: party, peer: peerParty(MALLORY, suite) };
}

/** Mallory puts its own signature into alice's KE3. */
const resignClassic: Network = (from, bytes, world) => {
  if (!isControl(bytes) || bytes[4] !== DATAGRAM.classicKe3) return PERFECT(from, bytes, world);
  const ke1 = classicExchange.ke1.decode(world.sent[0]!.bytes);
  const ke2 = classicExchange.ke2.decode(world.sent.find(({ from: name }) => name === "b")!.bytes);
  const signature = signRsa("sha1", MALLORY.rsa!.privateKey, classicInitiatorInput({ ...ke1, ...ke2 }));
  return PERFECT(from, classicExchange.ke3.encode({ ...classicExchange.ke3.decode(bytes), signature }), world);
};

/** Mallory answers bob's KE2 with a KE3 of its own: a true signature, over a transcript it has seen whole. */
function resignModern(): Network {
  const seen = new Map<number, Uint8Array>();
  return (from, bytes, world) => {
    if (isControl(bytes)) seen.set(bytes[4]!, bytes);
    if (isControl(bytes) && bytes[4] === DATAGRAM.modernKe2b) {
      const settings = { sources: { candidates: [], relays: [] }, networkSecrets: new Map() };
      const th = hashPeerTranscript(makeTunnel(toldToBob(world.b, 2), settings), {
        ke1a: modernExchange.ke1a.decode(seen.get(DATAGRAM.modernKe1a)!),
        encapsulationKey: modernExchange.ke1b.decode(seen.get(DATAGRAM.modernKe1b)!).encapsulationKey,
        ke2a: modernExchange.ke2a.decode(seen.get(DATAGRAM.modernKe2a)!),
        ciphertext: modernExchange.ke2b.decode(bytes).ciphertext,
        binding: new Uint8Array(32),
      });
      const signature = signModern(MALLORY.ed25519!.privateKey, "peer initiator", th);
      const ke3 = modernExchange.ke3.encode({ spi: SPI.b, signature, mac: world.random.bytes(32) });
      world.after(5, () => world.deliver(world.b, world.a.endpoint, ke3));
    }
    return PERFECT(from, bytes, world);
  };
}

for (const suite of SUITES) {
  Deno.test(`A colluding server cannot pass off a tunnel of suite ${suite} with alice as one with mallory`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = suite === 1 ? resignClassic : resignModern();
      const world = new ExchangeWorld({ suite, seed, network });
      const { a, b } = world;
      // Alice is told "bob", bob is told "mallory", with one pair of SPIs.
      b.exchanges.close(SPI.b);
      const settings = { sources: { candidates: [a.endpoint], relays: [] }, networkSecrets: new Map() };
      b.exchanges.open(toldToBob(b, suite), settings);
      world.start(a);
      world.run(10_001);
      assert.deepEqual([a.established, b.established], [[], []], `seed ${seed}`);
      assert.equal(b.dataPlane.isSealing, false);
      const reason = suite === 1 ? "confirmation does not hold" : "identity does not hold";
      assert.ok(b.drops.includes(reason), `seed ${seed}: it must have come that far`);
    }
  });

  Deno.test(`A server that gives out mallory's key after the true one was pinned gets no session of suite ${suite}`, () => {
    const key = suite === 2 ? { ed25519: ed25519Of("mallory") } : { rsa: RSA[0] };
    const world = new ExchangeWorld({ suite, partyB: key });
    const imposter = world.b;
    world.a.exchanges.close(SPI.a);
    const pinned = peerParty(localParty("bob", 0x0a000002, RSA[2]), suite);
    const settings = { sources: { candidates: [endpoint(2)], relays: [] }, networkSecrets: new Map() };
    world.a.exchanges.open({ suite, localSpi: SPI.a, remoteSpi: SPI.b, local: world.a.party, peer: pinned }, settings);
    world.start(world.a);
    world.run(10_001);
    assert.deepEqual([world.a.established, imposter.established], [[], []]);
    assert.ok(world.a.drops.includes("identity does not hold"));
  });

  Deno.test(`Whoever has a peer's public key but not its private one gets no session of suite ${suite}, as either end`, () => {
    for (const name of ["a", "b"] as const) {
      const own = name === "a" ? localParty("alice", 0x0a000001, RSA[1]) : localParty("bob", 0x0a000002, RSA[2]);
      const stolen = {
        ed25519: { publicKey: own.ed25519!.publicKey, privateKey: MALLORY.ed25519!.privateKey },
        rsa: { publicBlob: own.rsa!.publicBlob, privateKey: MALLORY.rsa!.privateKey },
      };
      const world = new ExchangeWorld({ suite, ...(name === "a" ? { partyA: stolen } : { partyB: stolen }) });
      world.start(world.a);
      world.run(10_001);
      const honest = name === "a" ? world.b : world.a;
      assert.deepEqual(honest.established, []);
      assert.equal(honest.dataPlane.isSealing, false);
      assert.ok(honest.drops.includes("identity does not hold"));
    }
  });

  Deno.test(`Each end of a tunnel of suite ${suite} demands the addresses and SPIs it was told`, () => {
    const changes = [{ partyA: { address: 99 } }, { partyB: { address: 99 } }];
    for (const change of changes) {
      const world = new ExchangeWorld({ suite, ...change });
      const [own, other] = "partyA" in change ? [world.b, world.a] : [world.a, world.b];
      own.exchanges.close(own.localSpi);
      const settings = { sources: { candidates: [other.endpoint], relays: [] }, networkSecrets: new Map() };
      const peer = { ...peerParty(other.party, suite), address: 0x0a000077 };
      own.exchanges.open(
        { suite, localSpi: own.localSpi, remoteSpi: other.localSpi, local: own.party, peer },
        settings,
      );
      world.start(world.a);
      world.run(10_001);
      assert.deepEqual([world.a.established, world.b.established], [[], []]);
    }
  });

  Deno.test(`Replayed datagrams of suite ${suite} change no session, whenever and from wherever they come`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(6000);
    world.start(world.a);
    world.run(6000);
    const recorded = world.sent.map(({ bytes }) => bytes);
    const random = seededRandom(4);
    const before = [world.a.established.length, world.b.established.length];
    for (let i = 0; i < 3000; i++) {
      const source = endpoint(1 + random.below(3), random.below(65536));
      world.deliver(random.below(2) === 0 ? world.a : world.b, source, recorded[random.below(recorded.length)]!);
      world.run(20);
    }
    assert.deepEqual([world.a.established.length, world.b.established.length], before);
    assert.ok(world.isUp);
    assert.ok(world.b.exchanges.halfOpenCount <= 1);
  });

  Deno.test(`A KE1 of suite ${suite} within 5 s of an exchange is dropped before its source is looked at`, () => {
    const world = new ExchangeWorld({ suite });
    world.start(world.a);
    world.run(1000);
    const ke1 = world.sent[0]!.bytes;
    world.deliver(world.b, endpoint(200), ke1);
    assert.equal(world.b.drops.at(-1), "exchange completed just now");
    world.run(5000);
    world.deliver(world.b, endpoint(200), ke1);
    assert.equal(world.b.drops.at(-1), "source needs a cookie");
  });

  Deno.test(`A datagram of suite ${suite} changed in any byte never leads to keys, and does not hinder its repetition`, () => {
    const types = suite === 1
      ? [DATAGRAM.classicKe1, DATAGRAM.classicKe2, DATAGRAM.classicKe3, DATAGRAM.classicConfirm]
      : [DATAGRAM.modernKe1a, DATAGRAM.modernKe1b, DATAGRAM.modernKe2a, DATAGRAM.modernKe2b, DATAGRAM.modernKe3];
    const random = seededRandom(9);
    for (const type of types) {
      for (let trial = 0; trial < 8; trial++) {
        let isFirst = true;
        const network = changing(type, (bytes) => {
          // Behind the SPI, whose change only sends the datagram elsewhere, and the cookie, which is nobody's proof.
          if (isFirst) bytes[25 + random.below(bytes.length - 25)]! ^= 1 << random.below(8);
          isFirst = false;
          return bytes;
        });
        const world = new ExchangeWorld({ suite, seed: trial + 1, network });
        world.start(world.a);
        world.run(240);
        assert.equal(world.a.established.length, 0, `type ${type}, trial ${trial}`);
        world.run(25_000);
        // A responder that holds a changed KE1 forgets it after 10 s; the initiator has given up by then and begins anew.
        if (!world.isUp) world.start(world.a);
        world.run(2000);
        assert.ok(world.isUp, `type ${type}, trial ${trial}`);
      }
    }
  });

  Deno.test(`An initiator of suite ${suite} repeats KE1 at once with a cookie, once for each, four at most`, () => {
    const world = new ExchangeWorld({ suite, network: () => [] });
    world.start(world.a);
    const perKe1 = world.sent.length;
    const random = seededRandom(2);
    const cookie = random.bytes(16);
    const datagram = classicExchange.cookie.encode({ spi: SPI.a, cookie });
    world.deliver(world.a, endpoint(9), datagram);
    const repeated = world.sent.slice(perKe1);
    assert.equal(repeated.length, perKe1);
    assert.deepEqual(repeated[0]!.to, endpoint(9));
    assert.deepEqual(repeated[0]!.bytes.slice(9, 25), new Uint8Array(cookie));
    world.deliver(world.a, endpoint(9), datagram);
    assert.equal(world.sent.length, 2 * perKe1, "the same cookie again changes nothing");
    for (let i = 0; i < 10; i++) {
      world.deliver(world.a, endpoint(20 + i), classicExchange.cookie.encode({ spi: SPI.a, cookie: random.bytes(16) }));
    }
    assert.equal(world.sent.length, 5 * perKe1);
    world.run(249);
    world.sent.length = 0;
    world.run(2);
    assert.deepEqual(
      world.sent.filter(({ bytes }) => bytes[4] !== DATAGRAM.modernKe1b).length,
      5,
      "and again with each",
    );
  });

  Deno.test(`Two ends of suite ${suite} get through when a cookie is demanded`, () => {
    const settingsOfB = { sources: { candidates: [], relays: [] } };
    const world = new ExchangeWorld({ suite, settingsOfB });
    world.start(world.a);
    world.run(240);
    assert.ok(world.isUp);
    assert.equal(world.sent.filter(({ bytes }) => isControl(bytes) && bytes[4] === DATAGRAM.cookie).length, 1);
  });
}

Deno.test("A responder of suite 1 takes no public value that would force the key, and no KE3 of another exchange", () => {
  const world = new ExchangeWorld({ suite: 1, network: () => [] });
  const nonceI = world.random.bytes(128);
  for (const low of [0, 1]) {
    const publicValueI = new Uint8Array(256);
    publicValueI[255] = low;
    const ke1 = classicExchange.ke1.encode({ spi: SPI.b, cookie: new Uint8Array(16), nonceI, publicValueI });
    world.deliver(world.b, endpoint(1), ke1);
    assert.equal(world.b.drops.at(-1), "public value refused");
  }
  assert.equal(world.b.exchanges.halfOpenCount, 0);
});

Deno.test("A responder of suite 1 takes no KE3 that names other values than its KE1", () => {
  const network = changing(DATAGRAM.classicKe3, (bytes) => {
    bytes[9]! ^= 1;
    return bytes;
  });
  const world = new ExchangeWorld({ suite: 1, network });
  world.start(world.a);
  world.run(240);
  assert.deepEqual(world.b.drops, ["identity does not hold"]);
});

Deno.test("A responder of suite 1 answers a repeated KE3 only if its CONFIRM holds, and 63 times at most", () => {
  const world = new ExchangeWorld({ suite: 1 });
  world.start(world.a);
  world.run(1000);
  const ke3 = world.sent.find(({ bytes }) => isControl(bytes) && bytes[4] === DATAGRAM.classicKe3)!.bytes;
  const forged = ke3.slice();
  forged[forged.length - 1]! ^= 1;
  const count = world.sent.length;
  world.deliver(world.b, endpoint(1), forged);
  assert.deepEqual([world.b.drops.at(-1), world.sent.length], ["confirmation does not hold", count]);
  for (let i = 0; i < 100; i++) world.deliver(world.b, endpoint(1), ke3);
  assert.deepEqual([world.b.drops.at(-1), world.sent.length], ["repeated too often", count + 63]);
});

Deno.test("A responder of suite 2 answers a repeated KE3 32 times at most", () => {
  const world = new ExchangeWorld({ suite: 2 });
  world.start(world.a);
  world.run(1000);
  const ke3 = world.sent.find(({ bytes }) => isControl(bytes) && bytes[4] === DATAGRAM.modernKe3)!.bytes;
  const count = world.sent.length;
  for (let i = 0; i < 100; i++) world.deliver(world.b, endpoint(1), ke3);
  assert.deepEqual([world.b.drops.at(-1), world.sent.length], ["repeated too often", count + 32]);
});

Deno.test("An initiator of suite 1 takes no KE2 whose public value would force the key", () => {
  const one = new Uint8Array(256);
  one[255] = 1;
  for (const publicValueR of [one, new Uint8Array(256)]) {
    const world = new ExchangeWorld({ suite: 1, network: () => [] });
    world.start(world.a);
    const ke1 = classicExchange.ke1.decode(world.sent[0]!.bytes);
    const nonceR = world.random.bytes(128);
    const input = classicResponderInput({ ...ke1, nonceR, publicValueR });
    const signature = signRsa("sha1", RSA[2].privateKey, input);
    world.deliver(world.a, endpoint(2), classicExchange.ke2.encode({ spi: SPI.a, nonceR, publicValueR, signature }));
    assert.deepEqual(world.a.drops, ["public value refused"]);
  }
});
