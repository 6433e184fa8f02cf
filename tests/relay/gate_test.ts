import { deepEqual, equal } from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { BIND_REFUSED, DATAGRAM, relayDatagrams } from "../../src/protocol/mod.ts";
import { type GateOutcome, RelayGate } from "../../src/relay/gate.ts";
import { authority, bindDatagram, endpointOf, RELAY_ID, secretOf, signedTicket, WALL } from "./relay_fixture.ts";

const HOME = endpointOf(1, 4000);
const THIEF = endpointOf(66, 6666);

class Fixture {
  now = 0;
  readonly authority = authority();
  readonly gate: RelayGate;

  constructor(capacity = 100) {
    const options = { relayId: RELAY_ID, authority: this.authority, capacity, random: seededRandom(1) };
    this.gate = new RelayGate(options, 0);
  }

  get at() {
    return { now: this.now, wallMs: WALL + this.now };
  }

  send(datagram: Uint8Array, from: Endpoint): GateOutcome {
    const outcome = this.gate.receive(datagram, from, this.at);
    equal((outcome.answer?.length ?? 0) <= datagram.length, true, "no answer is larger than its question");
    return outcome;
  }

  cookie(from: Endpoint): Uint8Array {
    const { answer } = this.send(bindDatagram(signedTicket()), from);
    return relayDatagrams.challenge.decode(answer!).cookie;
  }

  /** A whole bind: question, cookie, answer. */
  bind(ticket: Uint8Array, from: Endpoint): GateOutcome {
    return this.send(bindDatagram(ticket, this.cookie(from)), from);
  }
}

const typeOf = (outcome: GateOutcome) => outcome.answer?.[4];
const codeOf = (outcome: GateOutcome) => relayDatagrams.refused.decode(outcome.answer!).code;

Deno.test("RelayGate challenges the address first and looks at no ticket before", () => {
  const fixture = new Fixture();
  const outcome = fixture.send(bindDatagram(signedTicket()), HOME);
  equal(typeOf(outcome), DATAGRAM.challenge);
  equal(fixture.authority.verifications, 0);
  deepEqual(outcome.changes, []);
});

Deno.test("RelayGate binds the holder of a ticket to where it is", () => {
  const fixture = new Fixture();
  const outcome = fixture.bind(signedTicket({ rateKbit: 500 }), HOME);
  deepEqual(relayDatagrams.bound.decode(outcome.answer!), { spi: 256, lifetimeSeconds: 60, class: 2 });
  const binding = { spi: 256, peerSpi: 257, endpoint: HOME, class: 2, rateKbit: 500 };
  deepEqual(outcome.changes, [{ do: "set", binding }]);
  equal(fixture.gate.bindingCount, 1);
});

Deno.test("RelayGate asks a stream for no cookie, and for a ticket and its secret as it asks anybody", () => {
  const { gate, at } = new Fixture();
  const ticket = signedTicket();
  const send = (datagram: Uint8Array) => gate.receive(datagram, HOME, at, true);
  equal(codeOf(send(bindDatagram(ticket, undefined, { secret: new Uint8Array(32) }))), BIND_REFUSED.ticketInvalid);
  equal(typeOf(send(bindDatagram(ticket))), DATAGRAM.bound);
  equal(typeOf(send(bindDatagram(ticket, new Uint8Array(16).fill(1)))), DATAGRAM.bound);
  deepEqual(send(bindDatagram(ticket, undefined, { is: "unbind" })).changes, [{ do: "clear", spi: 256 }]);
});

Deno.test("RelayGate moves no binding to a stream on the word of a BIND that was copied off the wire", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  fixture.bind(ticket, HOME);
  for (const copied of [bindDatagram(ticket), bindDatagram(ticket, fixture.cookie(HOME))]) {
    const outcome = fixture.gate.receive(copied, THIEF, fixture.at, true);
    equal(typeOf(outcome), DATAGRAM.challenge);
    deepEqual(outcome.changes, []);
  }
  const moved = fixture.gate.receive(bindDatagram(ticket, fixture.cookie(THIEF)), THIEF, fixture.at, true);
  equal(typeOf(moved), DATAGRAM.bound, "its holder may move to a stream");
});

Deno.test("RelayGate takes no cookie of another address, of another port, or of long ago", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  const cookie = fixture.cookie(HOME);
  equal(typeOf(fixture.send(bindDatagram(ticket, cookie), endpointOf(2, 4000))), DATAGRAM.challenge);
  equal(typeOf(fixture.send(bindDatagram(ticket, cookie), endpointOf(1, 4001))), DATAGRAM.challenge);
  fixture.now += 239_999;
  equal(typeOf(fixture.send(bindDatagram(ticket, cookie), HOME)), DATAGRAM.bound);
  fixture.now += 120_001;
  equal(typeOf(fixture.send(bindDatagram(ticket, cookie), HOME)), DATAGRAM.challenge);
});

Deno.test("RelayGate takes no old cookie after a silence in which nobody asked for one", () => {
  const fixture = new Fixture();
  const cookie = fixture.cookie(HOME);
  fixture.now = 240_000;
  equal(typeOf(fixture.send(bindDatagram(signedTicket(), cookie), HOME)), DATAGRAM.challenge);
});

Deno.test("RelayGate gives a copied ticket nothing: without its secret a binding neither comes nor moves nor ends", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  const held = fixture.bind(ticket, HOME);
  equal(typeOf(held), DATAGRAM.bound);
  const cookie = fixture.cookie(THIEF);
  const guess = { secret: new Uint8Array(32) };
  const stolen = fixture.send(bindDatagram(ticket, cookie, guess), THIEF);
  equal(codeOf(stolen), BIND_REFUSED.ticketInvalid);
  deepEqual(stolen.changes, []);
  deepEqual(fixture.send(bindDatagram(ticket, cookie, { ...guess, is: "unbind" }), THIEF), {
    answer: null,
    changes: [],
  });
  // Nor does the holder's own BIND, taken off the wire: its cookie is for another address.
  const copied = bindDatagram(ticket, fixture.cookie(HOME));
  deepEqual(fixture.send(copied, THIEF).changes, []);
});

Deno.test("RelayGate refuses a ticket that anybody changed, that another server signed or that names another relay", () => {
  const fixture = new Fixture();
  const genuine = signedTicket();
  for (let at = 17; at < genuine.length; at++) {
    const changed = genuine.slice();
    changed[at]! ^= 1;
    fixture.now += 1000;
    const outcome = fixture.bind(changed, HOME);
    equal(codeOf(outcome), BIND_REFUSED.ticketInvalid, `byte ${at}`);
    deepEqual(outcome.changes, []);
  }
  const elsewhere = signedTicket({ relayId: new Uint8Array(16) });
  equal(codeOf(fixture.bind(elsewhere, HOME)), BIND_REFUSED.ticketInvalid);
});

Deno.test("RelayGate refuses a BIND whose mac covers something else", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  const datagram = bindDatagram(ticket, fixture.cookie(HOME));
  const other = bindDatagram(ticket, new Uint8Array(16));
  datagram.set(other.subarray(-16), datagram.length - 16);
  equal(codeOf(fixture.send(datagram, HOME)), BIND_REFUSED.ticketInvalid);
});

Deno.test("RelayGate refuses an expired ticket and lets no binding outlive its ticket", () => {
  const fixture = new Fixture();
  equal(codeOf(fixture.bind(signedTicket({ expiresAt: BigInt(WALL) }), HOME)), BIND_REFUSED.expired);
  const outcome = fixture.bind(signedTicket({ expiresAt: BigInt(WALL + 5000) }), HOME);
  equal(relayDatagrams.bound.decode(outcome.answer!).lifetimeSeconds, 5);
  deepEqual(fixture.gate.sweep(4999), []);
  deepEqual(fixture.gate.sweep(5000), [{ do: "clear", spi: 256 }]);
});

Deno.test("RelayGate ends a binding after 60 s without BIND, and a repeated one lives on", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  fixture.bind(ticket, HOME);
  fixture.now = 40_000;
  const again = fixture.bind(ticket, HOME);
  equal(typeOf(again), DATAGRAM.bound);
  deepEqual(again.changes, [], "nothing moved");
  equal(fixture.authority.verifications, 1, "nor was the signature checked again");
  deepEqual(fixture.gate.sweep(99_999), []);
  deepEqual(fixture.gate.sweep(100_000), [{ do: "clear", spi: 256 }]);
});

Deno.test("RelayGate moves a binding with its holder", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  fixture.bind(ticket, HOME);
  const elsewhere = endpointOf(1, 4001);
  const { changes } = fixture.bind(ticket, elsewhere);
  deepEqual(changes.map((change) => change.do === "set" && change.binding.endpoint), [elsewhere]);
});

Deno.test("RelayGate takes a renewed ticket for the same pair, and no other pair while one holds the SPI", () => {
  const fixture = new Fixture();
  fixture.bind(signedTicket(), HOME);
  equal(typeOf(fixture.bind(signedTicket(), HOME)), DATAGRAM.bound);
  equal(codeOf(fixture.bind(signedTicket({ peerSpi: 999 }), THIEF)), BIND_REFUSED.spiInUse);
  fixture.now = 60_000;
  fixture.gate.sweep(fixture.now);
  equal(typeOf(fixture.bind(signedTicket({ peerSpi: 999 }), THIEF)), DATAGRAM.bound);
});

Deno.test("RelayGate ends what is revoked at once, and takes neither that ticket nor an older one for that SPI", () => {
  const fixture = new Fixture();
  const ticketId = new Uint8Array(16).fill(9);
  const ticket = signedTicket({ ticketId });
  fixture.bind(ticket, HOME);
  deepEqual(fixture.gate.revoke({ ticketId }, fixture.at), [{ do: "clear", spi: 256 }]);
  equal(codeOf(fixture.bind(ticket, HOME)), BIND_REFUSED.revoked);

  const bySpi = signedTicket({ spi: 300 });
  fixture.bind(bySpi, HOME);
  fixture.now += 10;
  deepEqual(fixture.gate.revoke({ spi: 300 }, fixture.at), [{ do: "clear", spi: 300 }]);
  equal(codeOf(fixture.bind(bySpi, HOME)), BIND_REFUSED.revoked);
  const later = signedTicket({ spi: 300, issuedAt: BigInt(WALL + 11) });
  equal(typeOf(fixture.bind(later, HOME)), DATAGRAM.bound);
  deepEqual(fixture.gate.revoke({ spi: 4000 }, fixture.at), [], "what is not bound cannot end");
});

Deno.test("RelayGate forgets a revocation only when every ticket from before it has expired", () => {
  const fixture = new Fixture();
  fixture.gate.revoke({ spi: 256 }, fixture.at);
  fixture.now = 47 * 3_600_000;
  fixture.gate.sweep(fixture.now);
  const old = signedTicket({ expiresAt: BigInt(WALL + 100 * 3_600_000) });
  equal(codeOf(fixture.bind(old, HOME)), BIND_REFUSED.revoked);
});

Deno.test("RelayGate ends a binding on UNBIND from its holder, where it is bound, and answers nothing", () => {
  const fixture = new Fixture();
  const ticket = signedTicket();
  fixture.bind(ticket, HOME);
  const unbind = (from: Endpoint) => fixture.send(bindDatagram(ticket, fixture.cookie(from), { is: "unbind" }), from);
  deepEqual(unbind(THIEF), { answer: null, changes: [] });
  equal(typeOf(fixture.send(bindDatagram(ticket, undefined, { is: "unbind" }), HOME)), DATAGRAM.challenge);
  deepEqual(unbind(HOME), { answer: null, changes: [{ do: "clear", spi: 256 }] });
  deepEqual(unbind(HOME), { answer: null, changes: [] });
  fixture.bind(signedTicket(), HOME);
  deepEqual(unbind(HOME).changes, [], "the ticket was renewed: the former one ends nothing");
});

Deno.test("RelayGate is full at its capacity, except for those it has", () => {
  const fixture = new Fixture(2);
  const first = signedTicket({ spi: 300 });
  fixture.bind(first, HOME);
  fixture.bind(signedTicket({ spi: 301 }), HOME);
  equal(codeOf(fixture.bind(signedTicket({ spi: 302 }), HOME)), BIND_REFUSED.full);
  equal(typeOf(fixture.bind(first, HOME)), DATAGRAM.bound);
});

Deno.test("RelayGate checks few signatures for one address, and none of them for tickets in use", () => {
  const fixture = new Fixture();
  const held = signedTicket();
  fixture.bind(held, HOME);
  const cookie = fixture.cookie(HOME);
  const forged = held.slice();
  forged[125]! ^= 1;
  forged[20]! ^= 1;
  const before = fixture.authority.verifications;
  for (let n = 0; n < 5000; n++) fixture.send(bindDatagram(forged, cookie, { secret: new Uint8Array(32) }), HOME);
  equal(fixture.authority.verifications - before < 310, true, `${fixture.authority.verifications - before}`);
  equal(typeOf(fixture.send(bindDatagram(held, cookie), HOME)), DATAGRAM.bound, "its own binding goes on");
  equal(typeOf(fixture.bind(signedTicket({ spi: 400 }), THIEF)), DATAGRAM.bound, "and so do other addresses");
});

Deno.test("RelayGate is silent about anything else, and changes nothing", () => {
  const fixture = new Fixture();
  const random = seededRandom(3);
  const genuine = bindDatagram(signedTicket(), fixture.cookie(HOME));
  for (let n = 0; n < 3000; n++) {
    const datagram = genuine.slice(0, random.below(3) === 0 ? random.below(genuine.length) : genuine.length);
    if (datagram.length > 0) datagram[random.below(datagram.length)]! ^= 1 + random.below(255);
    const outcome = fixture.send(datagram, HOME);
    deepEqual(outcome.changes, [], toHex(datagram));
    if (datagram.length !== genuine.length) equal(outcome.answer, null);
  }
  equal(fixture.gate.bindingCount, 0);
  equal(secretOf(signedTicket()).length, 32);
});
