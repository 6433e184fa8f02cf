import assert from "node:assert/strict";
import { equalBytes } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { hmac } from "../../src/crypto/mod.ts";
import { type BindingEffect, RelayBinding } from "../../src/engine/relay_binding.ts";
import { BIND_REFUSED, macInput, relayDatagrams, type RelayOffer, ticket } from "../../src/protocol/mod.ts";

const HOUR = 3_600_000;
const WALL = 1_700_000_000_000;
const SPI = 0x1234;

function offer(hours = 24): RelayOffer {
  const relayId = new Uint8Array(16).fill(1);
  return {
    relayId,
    endpoints: [parseEndpoint("198.51.100.1:17771")!, parseEndpoint("[2001:db8::1]:17771")!],
    bindSecret: new Uint8Array(32).fill(5),
    ticket: ticket.encode({
      relayId,
      spi: SPI,
      peerSpi: 0x5678,
      class: 2,
      rateKbit: 0,
      issuedAt: BigInt(WALL),
      expiresAt: BigInt(WALL + hours * HOUR),
      ticketId: new Uint8Array(16),
      signature: new Uint8Array(64),
    }),
  };
}

const UDP = parseEndpoint("198.51.100.1:17771")!;
const STREAM = parseEndpoint("127.0.0.1:40000")!;

const challenge = (value: number) => relayDatagrams.challenge.encode({ cookie: new Uint8Array(16).fill(value) });

function sent(effects: BindingEffect[]): { to: string; cookie: number; isSealed: boolean }[] {
  return effects.flatMap((effect) => {
    if (effect.do !== "send") return [];
    const { cookie, mac } = relayDatagrams.bind.decode(effect.datagram);
    const expected = hmac("sha256", offer().bindSecret, macInput(effect.datagram)).subarray(0, 16);
    return [{ to: formatEndpoint(effect.to), cookie: cookie[0]!, isSealed: equalBytes(mac, expected) }];
  });
}

/** Runs the binding until `end` and tells when it sent. */
function run(binding: RelayBinding, from: number, end: number): { at: number; to: string }[] {
  const sends: { at: number; to: string }[] = [];
  for (let now = from; now <= end; now += 50) {
    for (const { to } of sent(binding.tick(now))) sends.push({ at: now, to });
  }
  return sends;
}

Deno.test("RelayBinding asks for a cookie, binds with it, and tells once that it is bound", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  assert.deepEqual(sent(binding.tick(0)), [{ to: "198.51.100.1:17771", cookie: 0, isSealed: true }]);
  assert.deepEqual(sent(binding.challenged(UDP, challenge(7), 10)), [{
    to: "198.51.100.1:17771",
    cookie: 7,
    isSealed: true,
  }]);
  assert.equal(binding.isBound, false);
  assert.deepEqual(binding.bound(UDP, 20).map((effect) => effect.do), ["bound"]);
  assert.deepEqual(binding.bound(UDP, 30), []);
  assert.ok(binding.isBound);
});

Deno.test("RelayBinding does not answer the same cookie for ever", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  assert.equal(binding.challenged(UDP, challenge(7), 10).length, 1);
  assert.equal(binding.challenged(UDP, challenge(7), 20).length, 0);
  assert.equal(binding.challenged(UDP, challenge(8), 30).length, 1);
});

Deno.test("RelayBinding tries the relay's other endpoint after three BINDs without an answer", () => {
  const sends = run(new RelayBinding(offer(), SPI, 0, WALL), 0, 3_000);
  assert.deepEqual(sends.map(({ at }) => at), [0, 250, 650, 1_250, 2_250]);
  assert.deepEqual(sends.map(({ to }) => to.startsWith("[")), [false, false, false, true, true]);
});

Deno.test("RelayBinding renews every 20 s and is lost after 60 s without an answer", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  binding.bound(UDP, 0);
  assert.equal(run(binding, 50, 19_950).length, 0);
  assert.deepEqual(run(binding, 20_000, 20_300).map(({ at }) => at), [20_000, 20_250]);
  assert.ok(binding.isBound);
  run(binding, 20_350, 59_950);
  assert.deepEqual(binding.tick(60_000).filter((effect) => effect.do === "lost").length, 1);
  assert.equal(binding.isBound, false);
});

Deno.test("RelayBinding renews at once where the relay seems to have forgotten it, at most once a second", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  binding.bound(UDP, 0);
  binding.suspect(500);
  assert.equal(sent(binding.tick(500)).length, 0);
  binding.suspect(1_000);
  assert.equal(sent(binding.tick(1_000)).length, 1);
});

Deno.test("RelayBinding tells that it is bound again where the relay was away", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  binding.bound(UDP, 0);
  binding.tick(20_000);
  assert.deepEqual(binding.bound(UDP, 20_010), []);
  run(binding, 40_000, 43_000);
  assert.deepEqual(binding.bound(UDP, 43_010).map((effect) => effect.do), ["bound", "leaveStream"]);
});

Deno.test("RelayBinding asks for another ticket at half its life, or when the relay refuses it", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  const asks = (effects: BindingEffect[]) => effects.some((effect) => effect.do === "renewTicket");
  assert.equal(asks(binding.tick(12 * HOUR - 1)), false);
  assert.equal(asks(binding.tick(12 * HOUR)), true);
  for (const code of [BIND_REFUSED.expired, BIND_REFUSED.revoked, BIND_REFUSED.ticketInvalid]) {
    const refused = new RelayBinding(offer(), SPI, 0, WALL);
    refused.tick(0);
    refused.bound(UDP, 1);
    assert.deepEqual(refused.refused(code, 2).map((effect) => effect.do), ["lost", "renewTicket"]);
    assert.deepEqual(run(refused, 2, 5_000), []);
    refused.renew(offer(), 5_000, WALL);
    assert.equal(sent(refused.tick(5_000)).length, 1);
  }
});

Deno.test("RelayBinding tries again later where the relay is full", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  assert.deepEqual(binding.refused(BIND_REFUSED.full, 0), []);
  assert.deepEqual(run(binding, 50, 10_000).map(({ at }) => at), [10_000]);
});

Deno.test("RelayBinding takes the ticket's own span where the clock of this machine is years off", () => {
  for (const wallMs of [0, WALL * 2]) {
    const binding = new RelayBinding(offer(2), SPI, 0, wallMs);
    binding.tick(0);
    binding.bound(UDP, 0);
    assert.equal(binding.tick(HOUR - 1).some((effect) => effect.do === "renewTicket"), false);
    assert.equal(binding.tick(HOUR).some((effect) => effect.do === "renewTicket"), true);
  }
});

Deno.test("RelayBinding refuses a ticket that is not for its SPI", () => {
  assert.throws(() => new RelayBinding(offer(), SPI + 1, 0, WALL), ProtocolError);
});

Deno.test("RelayBinding gives a binding up with UNBIND", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  assert.equal(binding.unbind(), null);
  binding.tick(0);
  binding.bound(UDP, 0);
  assert.ok(relayDatagrams.unbind.decode(binding.unbind()!.datagram));
});

const wants = (effects: BindingEffect[]) =>
  effects.filter(({ do: what }) => what !== "send").map((effect) => effect.do);
const places = (effects: BindingEffect[]) => sent(effects).map(({ to }) => to);

/** Bound over a stream, at 1,000. */
function boundOverStream(): RelayBinding {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  for (let now = 0; now < 1_000; now += 50) binding.tick(now);
  binding.streamOpened(STREAM, 1_000);
  binding.challenged(STREAM, challenge(3), 1_000);
  binding.bound(STREAM, 1_000);
  return binding;
}

Deno.test("RelayBinding wants a stream after two BINDs without an answer, and binds over it at once", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  assert.deepEqual(wants(binding.tick(0)), []);
  assert.deepEqual(wants(binding.tick(250)), []);
  assert.deepEqual(wants(binding.tick(650)), ["wantStream"]);
  assert.deepEqual(sent(binding.streamOpened(STREAM, 700)), [{ to: "127.0.0.1:40000", cookie: 0, isSealed: true }]);
  assert.deepEqual(sent(binding.challenged(STREAM, challenge(3), 710)), [{
    to: "127.0.0.1:40000",
    cookie: 3,
    isSealed: true,
  }]);
  assert.deepEqual(binding.bound(STREAM, 720), [{ do: "bound", endpoint: STREAM }]);
  assert.equal(formatEndpoint(binding.endpoint), "127.0.0.1:40000");
});

Deno.test("RelayBinding wants no stream where the relay answers by UDP, however slow it binds", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  binding.challenged(UDP, challenge(7), 200);
  assert.deepEqual(wants(binding.tick(250)), []);
  binding.bound(UDP, 300);
  binding.suspect(5_000);
  binding.tick(5_000);
  binding.bound(UDP, 5_100);
  binding.suspect(9_000);
  assert.deepEqual(wants(binding.tick(9_000)), []);
});

Deno.test("RelayBinding that expects silence wants a stream at once, unless it is bound", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  assert.deepEqual(binding.expectSilence(), [{ do: "wantStream" }]);
  binding.tick(0);
  assert.deepEqual(binding.bound(UDP, 10), [{ do: "bound", endpoint: UDP }, { do: "leaveStream" }]);
  assert.deepEqual(binding.expectSilence(), []);
});

Deno.test("RelayBinding moves to a stream where UDP dies on the way", () => {
  const binding = new RelayBinding(offer(), SPI, 0, WALL);
  binding.tick(0);
  binding.bound(UDP, 0);
  binding.suspect(5_000);
  assert.deepEqual(places(binding.tick(5_000)), ["198.51.100.1:17771"]);
  assert.deepEqual(wants(binding.tick(5_250)), []);
  assert.deepEqual(wants(binding.tick(5_650)), ["wantStream"]);
  assert.equal(places(binding.streamOpened(STREAM, 5_700)).length, 1);
  binding.challenged(STREAM, challenge(3), 5_710);
  assert.deepEqual(binding.bound(STREAM, 5_720), [
    { do: "lost", endpoint: UDP },
    { do: "bound", endpoint: STREAM },
  ]);
});

Deno.test("RelayBinding on a stream asks for UDP without a cookie every 15 s, and goes back when it answers", () => {
  const binding = boundOverStream();
  for (const at of [16_000, 31_000]) {
    const asked = sent(binding.tick(at)).filter(({ to }) => to !== "127.0.0.1:40000");
    assert.deepEqual(asked.map(({ cookie }) => cookie), [0]);
  }
  const healed = sent(binding.challenged(UDP, challenge(9), 31_020));
  assert.deepEqual(healed, [{ to: "198.51.100.1:17771", cookie: 9, isSealed: true }]);
  assert.equal(formatEndpoint(binding.endpoint), "127.0.0.1:40000", "until the relay has said so");
  assert.deepEqual(binding.bound(UDP, 31_040), [
    { do: "lost", endpoint: STREAM },
    { do: "bound", endpoint: UDP },
    { do: "leaveStream" },
  ]);
  const later = run(binding, 31_050, 60_000);
  assert(later.length > 0 && later.every(({ to }) => to === "198.51.100.1:17771"));
});

Deno.test("RelayBinding renews over the stream while it is bound there, and never by UDP", () => {
  const binding = boundOverStream();
  const renewals = run(binding, 1_050, 21_000).filter(({ to }) => to === "127.0.0.1:40000");
  assert.deepEqual(renewals.map(({ at }) => at), [21_000]);
});

Deno.test("RelayBinding gives a stream up that carries nothing, and one that is closed", () => {
  const binding = boundOverStream();
  binding.suspect(5_000);
  const effects: BindingEffect[] = [];
  for (let now = 5_000; now < 8_000; now += 50) effects.push(...binding.tick(now));
  assert.deepEqual(wants(effects).slice(0, 2), ["streamDied", "lost"]);
  assert.equal(binding.isBound, false);
  const other = boundOverStream();
  assert.deepEqual(other.streamClosed(5_000), [{ do: "lost", endpoint: STREAM }]);
  assert.deepEqual(places(other.tick(5_000)).length, 1);
});

Deno.test("RelayBinding gives a binding over a stream up over the stream", () => {
  assert.equal(formatEndpoint(boundOverStream().unbind()!.to), "127.0.0.1:40000");
});
