/** What the ends of a suite 2 exchange refuse: halves, offers, keys and epochs that do not hold. */

import assert from "node:assert/strict";
import { DATAGRAM, modernExchange } from "../../src/protocol/mod.ts";
import { changing, ExchangeWorld, isControl, type Network, PERFECT, SPI } from "./exchange_world.ts";
import { localParty, RSA } from "./parties.ts";

Deno.test("An initiator of suite 2 takes no KE2 that would force the X25519 secret", () => {
  const network: Network = (from, bytes, world) => {
    if (!isControl(bytes) || bytes[4] !== DATAGRAM.modernKe2a) return PERFECT(from, bytes, world);
    const ke2a = { ...modernExchange.ke2a.decode(bytes), x25519R: new Uint8Array(32) };
    return PERFECT(from, modernExchange.ke2a.encode(ke2a), world);
  };
  const world = new ExchangeWorld({ suite: 2, network });
  world.start(world.a);
  world.run(240);
  assert.deepEqual(world.a.drops, ["public value refused"]);
});

Deno.test("A responder of suite 2 takes no KE1 that would force a secret, or whose key is no ML-KEM key", () => {
  const zero = changing(DATAGRAM.modernKe1a, (bytes) => {
    const ke1a = { ...modernExchange.ke1a.decode(bytes), x25519I: new Uint8Array(32) };
    return modernExchange.ke1a.encode(ke1a);
  });
  const world = new ExchangeWorld({ suite: 2, network: zero });
  world.start(world.a);
  world.run(240);
  assert.deepEqual(world.b.drops, ["public value refused"]);
});

Deno.test("An end of suite 2 refuses another end with which it shares no AEAD", () => {
  const world = new ExchangeWorld({
    suite: 2,
    partyA: { offers: [{ aead: 1, costNs: 1 }] },
    partyB: { offers: [{ aead: 2, costNs: 1 }] },
  });
  world.start(world.a);
  world.run(240);
  assert.ok(world.b.drops.includes("no AEAD in common"));
});

Deno.test("An initiator of suite 2 refuses a KE2 that leads to an AEAD it does not have", () => {
  const offers = [{ aead: 1, costNs: 9 }, { aead: 3, costNs: 1 }];
  const network: Network = (from, bytes, world) => {
    if (!isControl(bytes) || bytes[4] !== DATAGRAM.modernKe2a) return PERFECT(from, bytes, world);
    return PERFECT(from, modernExchange.ke2a.encode({ ...modernExchange.ke2a.decode(bytes), offers }), world);
  };
  const world = new ExchangeWorld({ suite: 2, network, partyA: { offers } });
  world.start(world.a);
  world.run(240);
  assert.deepEqual(world.a.drops, ["no AEAD in common"]);
});

Deno.test("A KE2b slipped in before the genuine one is told by its hash, and costs an initiator of suite 2 nothing", () => {
  const network: Network = (from, bytes, world) => {
    if (!isControl(bytes) || bytes[4] !== DATAGRAM.modernKe2b) return PERFECT(from, bytes, world);
    const { ciphertext } = modernExchange.ke2b.decode(bytes);
    const forged = modernExchange.ke2b.encode({ spi: SPI.a, ciphertext: world.random.bytes(ciphertext.length) });
    return [{ delayMs: 20, bytes: forged }, { delayMs: 21, bytes }];
  };
  const world = new ExchangeWorld({ suite: 2, network });
  world.start(world.a);
  world.run(240);
  assert.deepEqual(world.a.drops, ["hash does not match"]);
  assert.ok(world.isUp, "before anything was repeated");
});

Deno.test("An initiator of suite 2 puts together the halves of KE2 in either order, and waits with only one", () => {
  for (const first of [DATAGRAM.modernKe2a, DATAGRAM.modernKe2b]) {
    const network: Network = (from, bytes, world) => {
      if (from === world.a || !isControl(bytes)) return PERFECT(from, bytes, world);
      return [{ delayMs: bytes[4] === first ? 20 : 100, bytes }];
    };
    const world = new ExchangeWorld({ suite: 2, network });
    world.start(world.a);
    world.run(80);
    assert.deepEqual([world.a.drops, world.a.dataPlane.isSealing], [[], false]);
    world.run(160);
    assert.deepEqual([world.a.drops, world.isUp], [[], true]);
  }
});

Deno.test("Ends of suite 2 refuse another end that offers no AES-256-GCM or does not say that it speaks suite 2", () => {
  const { ke1a, ke2a } = modernExchange;
  for (const fault of [{ offers: [{ aead: 2, costNs: 1 }] }, { suites: [1] }]) {
    const networks = {
      b: changing(DATAGRAM.modernKe1a, (bytes) => ke1a.encode({ ...ke1a.decode(bytes), ...fault })),
      a: changing(DATAGRAM.modernKe2a, (bytes) => ke2a.encode({ ...ke2a.decode(bytes), ...fault })),
    };
    for (const end of ["a", "b"] as const) {
      const world = new ExchangeWorld({ suite: 2, network: networks[end] });
      world.start(world.a);
      world.run(240);
      assert.equal(world[end].drops[0], "malformed");
      assert.equal(world[end].established.length, 0);
    }
  }
});

Deno.test("A responder of suite 2 refuses every epoch but the last and the next", () => {
  for (const epoch of [1, 2, 255]) {
    const network = changing(
      DATAGRAM.modernKe1a,
      (bytes) => modernExchange.ke1a.encode({ ...modernExchange.ke1a.decode(bytes), epoch }),
    );
    const world = new ExchangeWorld({ suite: 2, network });
    world.start(world.a);
    world.run(100);
    assert.deepEqual(world.b.drops.slice(0, 1), ["unexpected epoch"]);
  }
});

Deno.test("Stripped suites, offers and capabilities of suite 2 are noticed: they are signed", () => {
  const strippers: Network[] = [
    changing(
      DATAGRAM.modernKe1a,
      (bytes) => modernExchange.ke1a.encode({ ...modernExchange.ke1a.decode(bytes), suites: [2] }),
    ),
    changing(
      DATAGRAM.modernKe2a,
      (bytes) => modernExchange.ke2a.encode({ ...modernExchange.ke2a.decode(bytes), suites: [2] }),
    ),
    changing(DATAGRAM.modernKe1a, (bytes) => {
      const ke1a = modernExchange.ke1a.decode(bytes);
      return modernExchange.ke1a.encode({ ...ke1a, offers: ke1a.offers.slice(0, 1) });
    }),
    changing(DATAGRAM.modernKe2a, (bytes) => {
      const ke2a = modernExchange.ke2a.decode(bytes);
      return modernExchange.ke2a.encode({ ...ke2a, offers: [...ke2a.offers].reverse() });
    }),
    changing(
      DATAGRAM.modernKe1a,
      (bytes) => modernExchange.ke1a.encode({ ...modernExchange.ke1a.decode(bytes), capabilities: 3 }),
    ),
    changing(
      DATAGRAM.modernKe2a,
      (bytes) => modernExchange.ke2a.encode({ ...modernExchange.ke2a.decode(bytes), capabilities: 3 }),
    ),
  ];
  for (const [index, network] of strippers.entries()) {
    const world = new ExchangeWorld({ suite: 2, network });
    world.start(world.a);
    world.run(10_001);
    assert.deepEqual([world.a.established, world.b.established], [[], []], `stripper ${index}`);
    assert.ok(world.a.drops.includes("identity does not hold"), `stripper ${index}`);
  }
});

Deno.test("A tunnel within a sealed network needs the peerSecret of the network that the initiator names", () => {
  const secret = (byte: number) => new Uint8Array(32).fill(byte);
  const settingsOf = (...entries: [number, Uint8Array][]) => ({ networkSecrets: new Map(entries) });
  const both = settingsOf([7, secret(1)], [9, secret(2)]);
  const works = [[both, both], [both, settingsOf([7, secret(1)])], [settingsOf(), settingsOf()]];
  for (const [settings, settingsOfB] of works) {
    const world = new ExchangeWorld({ suite: 2, settings: settings!, settingsOfB: settingsOfB! });
    world.start(world.a);
    world.run(240);
    assert.ok(world.isUp);
  }
  const refused = [
    [both, settingsOf([7, secret(3)]), "identity does not hold"],
    [both, settingsOf([9, secret(2)]), "network secret differs"],
    [both, settingsOf(), "network secret differs"],
    [settingsOf(), both, "network secret differs"],
  ] as const;
  for (const [settings, settingsOfB, reason] of refused) {
    const world = new ExchangeWorld({ suite: 2, settings, settingsOfB });
    world.start(world.a);
    world.run(10_001);
    assert.deepEqual([world.a.established, world.b.established], [[], []]);
    assert.ok([...world.a.drops, ...world.b.drops].includes(reason), reason);
  }
});

Deno.test("A server that stands in the middle of a first contact gets no tunnel within a sealed network", () => {
  // It gave both ends its own key, so all that stops it is the secret it does not know.
  const networkSecrets = new Map([[7, new Uint8Array(32).fill(1)]]);
  for (const guess of [new Map<number, Uint8Array>(), new Map([[7, new Uint8Array(32).fill(2)]])]) {
    const world = new ExchangeWorld({
      suite: 2,
      partyB: localParty("mallory", 0x0a000003, RSA[0]),
      settings: { networkSecrets },
      settingsOfB: { networkSecrets: guess },
    });
    world.start(world.a);
    world.run(10_001);
    assert.deepEqual([world.a.established, world.b.established], [[], []]);
  }
});
