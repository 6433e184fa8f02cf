/** The rules of docs/PROTOCOL.md, section 8.1, in their order: what breaks several is dropped by the first. */

import assert from "node:assert/strict";
import type { Endpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { sha256 } from "../../src/crypto/mod.ts";
import { classicExchange, DATAGRAM, modernExchange } from "../../src/protocol/mod.ts";
import { type DropReason, type ExchangeEffect, PeerExchanges } from "../../src/session/mod.ts";
import { endpoint, localParty, OFFERS, peerParty, RSA } from "./parties.ts";

const KNOWN = endpoint(1);
const STRANGER = endpoint(200);
const RELAY = endpoint(50);
const FIRST_SPI = 5000;

/** A responder with many tunnels of one suite, all to the same peer. */
class Responder {
  readonly random = seededRandom(8);
  readonly exchanges = new PeerExchanges(this.random, 0);
  readonly suite: 1 | 2;

  constructor(suite: 1 | 2, tunnelCount = 1) {
    this.suite = suite;
    const local = localParty("bob", 2, RSA[2]);
    const peer = peerParty(localParty("alice", 1, RSA[1]), suite);
    const settings = { sources: { candidates: [KNOWN], relays: [RELAY] }, networkSecrets: new Map() };
    for (let index = 0; index < tunnelCount; index++) {
      const localSpi = FIRST_SPI + index;
      this.exchanges.open({ suite, localSpi, remoteSpi: 1000 + index, local, peer }, settings);
    }
  }

  /** A fresh KE1 of the suite; of suite 2 its first half. */
  ke1(spi: number = FIRST_SPI, cookie: Uint8Array = new Uint8Array(16)): Uint8Array {
    const { random } = this;
    if (this.suite === 1) {
      const publicValueI = random.bytes(256);
      publicValueI[0] = 1;
      return classicExchange.ke1.encode({ spi, cookie, nonceI: random.bytes(128), publicValueI });
    }
    return modernExchange.ke1a.encode({
      spi,
      cookie,
      hash: sha256(random.bytes(8)),
      epoch: 0,
      network: 0,
      capabilities: 0,
      suites: [2],
      offers: OFFERS,
      nonceI: random.bytes(32),
      x25519I: random.bytes(32),
    });
  }

  tell(from: Endpoint, datagram: Uint8Array, now = 0): ExchangeEffect[] {
    return this.exchanges.onDatagram(from, datagram, now);
  }
}

function reasonOf(effects: ExchangeEffect[]): DropReason | null {
  const found = effects.find((effect) => effect.do === "drop");
  return found?.do === "drop" ? found.reason : null;
}

function sentIn(effects: ExchangeEffect[]): Uint8Array[] {
  return effects.flatMap((effect) => effect.do === "send" ? effect.datagrams : []);
}

/** The cookie that effects demand. */
function cookieIn(effects: ExchangeEffect[]): Uint8Array {
  return classicExchange.cookie.decode(sentIn(effects)[0]!).cookie;
}

function withCookie(ke1: Uint8Array, cookie: Uint8Array): Uint8Array {
  const changed = ke1.slice();
  changed.set(cookie, 9);
  return changed;
}

/** Opens exchanges by half until there are `count`, on tunnels from the given one on. */
function fill(responder: Responder, count: number, first = 0): void {
  for (let index = first; index < count; index++) {
    const effects = responder.tell(endpoint(1, 10_000 + index), responder.ke1(FIRST_SPI + index));
    const demanded = reasonOf(effects);
    if (demanded === null) continue;
    assert.equal(demanded, "cookie demanded under load");
    const ke1 = responder.ke1(FIRST_SPI + index);
    const from = endpoint(1, 20_000 + index);
    const cookie = cookieIn(responder.tell(from, ke1));
    assert.equal(reasonOf(responder.tell(from, withCookie(ke1, cookie))), null);
  }
}

for (const suite of [1, 2] as const) {
  Deno.test(`Rule 1, suite ${suite}: a KE1 of another length or with padding is dropped before its SPI is looked at`, () => {
    const responder = new Responder(suite);
    const ke1 = responder.ke1(99_999);
    const longer = new Uint8Array([...ke1, 0]);
    const padded = ke1.slice();
    padded[padded.length - 1] = 1;
    for (const datagram of [ke1.subarray(0, ke1.length - 1), longer, padded]) {
      assert.deepEqual(responder.tell(STRANGER, datagram), [{ do: "drop", localSpi: null, reason: "malformed" }]);
    }
  });

  Deno.test(`Rule 2, suite ${suite}: an unknown SPI is dropped before its source is looked at`, () => {
    const responder = new Responder(suite);
    const effects = responder.tell(STRANGER, responder.ke1(99_999));
    assert.deepEqual(effects, [{ do: "drop", localSpi: null, reason: "unknown SPI" }]);
  });

  Deno.test(`Rule 2, suite ${suite}: a KE1 of the other suite is dropped`, () => {
    const other = new Responder(suite === 1 ? 2 : 1);
    assert.equal(reasonOf(new Responder(suite).tell(KNOWN, other.ke1())), "other suite");
  });

  Deno.test(`Rule 2, suite ${suite}: a KE1 to the initiator is dropped`, () => {
    const responder = new Responder(suite);
    const local = localParty("bob", 2, RSA[2]);
    const peer = peerParty(localParty("alice", 1, RSA[1]), suite);
    const settings = { sources: { candidates: [KNOWN], relays: [] }, networkSecrets: new Map() };
    responder.exchanges.open({ suite, localSpi: 300, remoteSpi: 400, local, peer }, settings);
    assert.equal(reasonOf(responder.tell(KNOWN, responder.ke1(300))), "not the responder");
  });

  Deno.test(`Rule 3, suite ${suite}: a stranger gets a COOKIE of 25 bytes and nothing is kept, before any bucket is asked`, () => {
    const responder = new Responder(suite);
    for (let i = 0; i < 50; i++) {
      const effects = responder.tell(STRANGER, responder.ke1());
      assert.equal(reasonOf(effects), "source needs a cookie");
      const [datagram] = sentIn(effects);
      assert.deepEqual([datagram!.length, datagram![4]], [25, DATAGRAM.cookie]);
    }
    assert.equal(responder.exchanges.halfOpenCount, 0);
  });

  Deno.test(`Rule 3, suite ${suite}: a candidate's address passes with any port, a relay only with its own`, () => {
    assert.equal(reasonOf(new Responder(suite).tell(endpoint(1, 9), new Responder(suite).ke1())), null);
    assert.equal(reasonOf(new Responder(suite).tell(RELAY, new Responder(suite).ke1())), null);
    const other = endpoint(50, RELAY.port + 1);
    assert.equal(reasonOf(new Responder(suite).tell(other, new Responder(suite).ke1())), "source needs a cookie");
  });

  Deno.test(`Rule 3, suite ${suite}: a stranger that echoes its cookie passes, with another's or an old one it does not`, () => {
    const responder = new Responder(suite);
    const ke1 = responder.ke1();
    const cookie = cookieIn(responder.tell(STRANGER, ke1));
    assert.equal(reasonOf(responder.tell(endpoint(201), withCookie(ke1, cookie))), "source needs a cookie");
    assert.equal(reasonOf(responder.tell(STRANGER, withCookie(responder.ke1(), cookie))), "source needs a cookie");
    assert.equal(reasonOf(responder.tell(STRANGER, withCookie(ke1, cookie), 240_000)), "source needs a cookie");
    const again = cookieIn(responder.tell(STRANGER, ke1, 240_000));
    assert.equal(reasonOf(responder.tell(STRANGER, withCookie(ke1, again), 240_000)), null);
    assert.equal(responder.exchanges.halfOpenCount, 1);
  });

  Deno.test(`Rule 4, suite ${suite}: five KE1 at once, then twenty a second, even for a KE1 whose answer is ready`, () => {
    const responder = new Responder(suite);
    const ke1 = responder.ke1();
    const reasons = Array.from({ length: 7 }, () => reasonOf(responder.tell(KNOWN, ke1)));
    assert.deepEqual(reasons, [null, null, null, null, null, "too many from this source", "too many from this source"]);
    assert.equal(reasonOf(responder.tell(KNOWN, ke1, 50)), null);
    assert.equal(reasonOf(responder.tell(KNOWN, ke1, 50)), "too many from this source");
    assert.equal(reasonOf(responder.tell(endpoint(1, 7), ke1, 50)), null, "another port has a bucket of its own");
  });

  Deno.test(`Rule 4, suite ${suite}: a relay speaks for many peers, each with a bucket of its own`, () => {
    const responder = new Responder(suite, 20);
    const reasons = Array.from(
      { length: 20 },
      (_, index) => reasonOf(responder.tell(RELAY, responder.ke1(FIRST_SPI + index))),
    );
    assert.deepEqual(reasons, Array(20).fill(null));
    const fromPeer = Array.from(
      { length: 20 },
      (_, index) => reasonOf(responder.tell(KNOWN, responder.ke1(FIRST_SPI + index))),
    );
    assert.equal(fromPeer.filter((reason) => reason === "too many from this source").length, 15);
  });

  Deno.test(`Rule 5, suite ${suite}: the same KE1 gets the same answer without computation, under load too`, () => {
    const responder = new Responder(suite, 64);
    const ke1 = responder.ke1();
    const first = responder.tell(KNOWN, ke1);
    fill(responder, 64, 1);
    responder.random.bytes = () => assert.fail("nothing is drawn for a repetition");
    const again = responder.tell(KNOWN, ke1);
    assert.equal(reasonOf(again), null);
    assert.deepEqual(sentIn(again), sentIn(first));
    assert.equal(sentIn(again).length, suite === 1 ? 1 : 0, "KE1a alone has no answer before KE1b");
  });

  Deno.test(`Rule 6, suite ${suite}: another KE1 takes the place of a half-open exchange only with a cookie`, () => {
    const responder = new Responder(suite);
    assert.equal(reasonOf(responder.tell(KNOWN, responder.ke1())), null);
    const ke1 = responder.ke1();
    const effects = responder.tell(KNOWN, ke1);
    assert.equal(reasonOf(effects), "another exchange is half open");
    assert.equal(reasonOf(responder.tell(KNOWN, withCookie(ke1, cookieIn(effects)))), null);
    assert.equal(responder.exchanges.halfOpenCount, 1);
  });

  Deno.test(`Rule 6, suite ${suite}: 64 exchanges are half open at most, with a cookie or without`, () => {
    const responder = new Responder(suite, 66);
    fill(responder, 64);
    assert.equal(responder.exchanges.halfOpenCount, 64);
    const ke1 = responder.ke1(FIRST_SPI + 65);
    const cookie = cookieIn(responder.tell(STRANGER, ke1));
    assert.equal(reasonOf(responder.tell(STRANGER, withCookie(ke1, cookie))), "too many half-open exchanges");
    assert.equal(reasonOf(responder.tell(KNOWN, ke1)), "too many half-open exchanges");
    assert.equal(responder.exchanges.halfOpenCount, 64);
  });

  Deno.test(`Rule 7, suite ${suite}: from 32 half-open exchanges on everyone needs a cookie`, () => {
    const responder = new Responder(suite, 40);
    fill(responder, 32);
    const ke1 = responder.ke1(FIRST_SPI + 35);
    const from = endpoint(1, 5);
    const effects = responder.tell(from, ke1);
    assert.equal(reasonOf(effects), "cookie demanded under load");
    assert.equal(responder.exchanges.halfOpenCount, 32);
    assert.equal(reasonOf(responder.tell(from, withCookie(ke1, cookieIn(effects)))), null);
    assert.equal(responder.exchanges.halfOpenCount, 33);
  });

  Deno.test(`A half-open exchange of suite ${suite} is forgotten after 10 s`, () => {
    const responder = new Responder(suite);
    const effects = responder.tell(KNOWN, responder.ke1());
    assert.deepEqual(effects.find((effect) => effect.do === "arm"), { do: "arm", localSpi: FIRST_SPI, ms: 10_000 });
    assert.equal(responder.exchanges.halfOpenCount, 1);
    assert.deepEqual(responder.exchanges.onTimer(FIRST_SPI, 10_000), []);
    assert.equal(responder.exchanges.halfOpenCount, 0);
    assert.equal(reasonOf(responder.tell(KNOWN, responder.ke1(), 10_000)), null);
  });

  Deno.test(`A flood of spoofed KE1 of suite ${suite} costs few computations and no state, and the peer still gets through`, () => {
    const responder = new Responder(suite);
    const noise = seededRandom(1);
    let [bytesIn, bytesOut, computed] = [0, 0, 0];
    for (let i = 0; i < 5000; i++) {
      const ke1 = responder.ke1();
      const from = endpoint(1 + noise.below(100), noise.below(65536));
      const effects = responder.tell(from, ke1, i / 10);
      bytesIn += ke1.length;
      for (const datagram of sentIn(effects)) bytesOut += datagram.length;
      if (reasonOf(effects) === null) computed++;
    }
    assert.ok(bytesOut <= bytesIn);
    assert.equal(computed, 1, "only the first that came from the candidate's address");
    const ke1 = responder.ke1();
    const from = endpoint(1, 4242);
    const cookie = cookieIn(responder.tell(from, ke1, 600));
    assert.equal(reasonOf(responder.tell(from, withCookie(ke1, cookie), 600)), null);
  });
}

Deno.test("PeerExchanges drops what is no datagram of an exchange", () => {
  const responder = new Responder(2);
  const others = [[], [0], [0, 0, 0, 0], [0, 0, 0, 0, DATAGRAM.discover], [0, 0, 0, 0, 0x2f, 0, 0, 0, 0], [
    1,
    2,
    3,
    4,
    5,
  ]];
  for (const bytes of others) {
    const effects = responder.tell(KNOWN, Uint8Array.from(bytes));
    assert.deepEqual(effects, [{ do: "drop", localSpi: null, reason: "malformed" }]);
  }
});

Deno.test("PeerExchanges takes other sources from the next KE1 on", () => {
  const responder = new Responder(2);
  assert.equal(reasonOf(responder.tell(endpoint(9), responder.ke1())), "source needs a cookie");
  responder.exchanges.update(FIRST_SPI, { sources: { candidates: [endpoint(9)], relays: [] } });
  assert.equal(reasonOf(responder.tell(endpoint(9), responder.ke1())), null);
});

Deno.test("KE1b is taken only from where its KE1a came, and within the rate of its source", () => {
  const responder = new Responder(2);
  responder.tell(KNOWN, responder.ke1());
  const ke1b = modernExchange.ke1b.encode({ spi: FIRST_SPI, encapsulationKey: new Uint8Array(1184) });
  assert.equal(reasonOf(responder.tell(endpoint(1, 1), ke1b)), "source needs a cookie");
  const reasons = Array.from({ length: 5 }, () => reasonOf(responder.tell(KNOWN, ke1b)));
  assert.deepEqual(reasons.slice(0, 4), Array(4).fill("hash does not match"));
  assert.equal(reasons[4], "too many from this source");
});
