import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, utf8 } from "../../../src/base/bytes.ts";
import { FakeClock } from "../../../src/base/clock.ts";
import { ProtocolError } from "../../../src/base/errors.ts";
import { type Endpoint, mappedIpv4, parseEndpoint, parseIpv4 } from "../../../src/base/ip.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { Exchange } from "../../../src/transport/port_mapping/exchange.ts";
import { decodeHttpResponse, isWholeResponse } from "../../../src/transport/port_mapping/http.ts";
import { decodeDescription } from "../../../src/transport/port_mapping/igd.ts";
import { decodeNatPmpResponse } from "../../../src/transport/port_mapping/nat_pmp.ts";
import { NatPmpMapper } from "../../../src/transport/port_mapping/nat_pmp_mapper.ts";
import { decodePcpResponse } from "../../../src/transport/port_mapping/pcp.ts";
import { PcpMapper } from "../../../src/transport/port_mapping/pcp_mapper.ts";
import { decodeCallAnswer, UpnpFault } from "../../../src/transport/port_mapping/soap.ts";
import { decodeSearchAnswer } from "../../../src/transport/port_mapping/ssdp.ts";
import { UpnpMapper } from "../../../src/transport/port_mapping/upnp_mapper.ts";
import { FakeGateway, GATEWAY } from "./fake_gateway.ts";
import { settle } from "../../support/turns.ts";

const LOCATION = { host: "192.168.1.1", port: 5000, target: "/" };
const SEEDS: Record<string, Uint8Array> = {
  pcp: fromHex(
    `0281000000000014${"00000001"}${"00".repeat(12)}000102030405060708090a0b110000000fa00fa0${
      "00".repeat(10)
    }ffff2d000002`,
  ),
  natPmp: fromHex("00810000000000010fa00fa100000e10"),
  ssdp: utf8(
    "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
  ),
  http: utf8("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<a/> \r\n0\r\n\r\n"),
  xml: utf8(
    "<root><device><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>" +
      "<controlURL>/ctl?a=1&amp;b=2</controlURL></service></serviceList></device></root>",
  ),
  soap: utf8("<e><Body><AResponse><NewX>1</NewX></AResponse></Body></e>"),
};

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const DECODERS: Record<string, (bytes: Uint8Array) => unknown> = {
  pcp: decodePcpResponse,
  natPmp: decodeNatPmpResponse,
  ssdp: decodeSearchAnswer,
  http: (bytes) => [isWholeResponse(bytes), decodeHttpResponse(bytes)],
  xml: (bytes) => decodeDescription(text(bytes), LOCATION),
  soap: (bytes) => decodeCallAnswer({ status: 200, body: text(bytes) }, "A"),
};

/** A message with some bytes changed, a piece cut out and a piece said twice. */
function mutated(seed: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(seed.length - 1), fc.nat(255));
  const range = fc.tuple(fc.nat(seed.length), fc.nat(12));
  return fc.tuple(fc.array(change, { maxLength: 4 }), range, range).map(
    ([changes, [cut, cutLength], [twice, length]]) => {
      const bytes = seed.slice();
      for (const [at, value] of changes) bytes[at] = value;
      const repeated = [...bytes.slice(0, twice + length), ...bytes.slice(twice)];
      return Uint8Array.from([...repeated.slice(0, cut), ...repeated.slice(cut + cutLength)]);
    },
  );
}

for (const [name, decode] of Object.entries(DECODERS)) {
  Deno.test(`${name}: hostile bytes are read or refused by a ProtocolError, and in no other way`, () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(SEEDS[name]!));
    let read = 0;
    fc.assert(
      fc.property(bytes, (bytes) => {
        try {
          decode(bytes);
          read++;
        } catch (error) {
          assert.ok(error instanceof ProtocolError || error instanceof UpnpFault, String(error));
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
    assert.ok(read > 0, "some must be read, or nothing behind the first check is tried");
  });
}

/** An exchange through which `say` can send us anything; what we send goes nowhere. */
function exposed(): { exchange: Exchange; clock: FakeClock; say: (bytes: Uint8Array, from: string) => void } {
  let receive: (bytes: Uint8Array, from: Endpoint) => void = () => {};
  const clock = new FakeClock();
  const exchange = new Exchange((fn) => {
    receive = fn;
    return { send: () => {}, close: () => Promise.resolve() };
  }, clock);
  return { exchange, clock, say: (bytes, from) => receive(bytes, parseEndpoint(from)!) };
}

/** Answers that would be right if they came from the gateway, sent from elsewhere; then the same from the gateway. */
async function believes(
  world: ReturnType<typeof exposed>,
  asking: Promise<unknown>,
  bytes: Uint8Array,
  from: string,
): Promise<boolean> {
  let isBelieved = false;
  asking.then(() => isBelieved = true, () => isBelieved = true);
  await settle();
  world.say(bytes, from);
  await settle();
  world.clock.advance(3750);
  await settle();
  const before = isBelieved;
  return before && await asking.then(() => true, (error) => error.message !== "no answer");
}

const OPTIONS = (clock: FakeClock) => ({
  gateway: GATEWAY,
  protocol: "udp" as const,
  internalPort: 4000,
  clock,
  random: seededRandom(1),
});

Deno.test("PcpMapper and NatPmpMapper believe the gateway's port 5351 only", async () => {
  const announced = fromHex(`0280000000000000${"00000001"}${"00".repeat(12)}`);
  const address = fromHex("0080000000000001" + "2d000002");
  for (
    const [from, isRight] of [
      ["192.168.1.1:5351", true],
      ["192.168.1.9:5351", false],
      ["192.168.1.1:5350", false],
      ["45.0.0.2:5351", false],
    ] as const
  ) {
    const pcp = exposed();
    const pcpMapper = new PcpMapper(OPTIONS(pcp.clock), pcp.exchange);
    assert.equal(await believes(pcp, pcpMapper.probe(), announced, from), isRight, from);
    const natPmp = exposed();
    const natPmpMapper = new NatPmpMapper(OPTIONS(natPmp.clock), natPmp.exchange);
    assert.equal(await believes(natPmp, natPmpMapper.probe(), address, from), isRight, from);
  }
});

Deno.test("PcpMapper believes no answer with another nonce, port or protocol", async () => {
  const nonce = seededRandom(1).bytes(12).toHex();
  const answer = (nonce: string, protocol: string, port: string) =>
    fromHex(
      `0281000000000e10${"00000001"}${"00".repeat(12)}${nonce}${protocol}000000${port}0fa0${
        "00".repeat(10)
      }ffff2d000002`,
    );
  for (
    const [bytes, isRight] of [
      [answer(nonce, "11", "0fa0"), true],
      [answer("00".repeat(12), "11", "0fa0"), false],
      [answer(nonce, "06", "0fa0"), false],
      [answer(nonce, "11", "0fa1"), false],
    ] as const
  ) {
    const world = exposed();
    const mapper = new PcpMapper(OPTIONS(world.clock), world.exchange);
    assert.equal(
      await believes(world, mapper.map({ externalPort: 4000, lifetimeS: 3600 }), bytes, "192.168.1.1:5351"),
      isRight,
    );
  }
});

Deno.test("PcpMapper does not take an answer to an earlier request for that to a deletion", async () => {
  const nonce = seededRandom(1).bytes(12).toHex();
  const answer = (lifetime: string) =>
    fromHex(`02810000${lifetime}${"00000001"}${"00".repeat(12)}${nonce}110000000fa00fa0${"00".repeat(10)}ffff2d000002`);
  for (const [lifetime, isRight] of [["00000000", true], ["00000e10", false]] as const) {
    const world = exposed();
    const mapper = new PcpMapper(OPTIONS(world.clock), world.exchange);
    assert.equal(await believes(world, mapper.unmap(), answer(lifetime), "192.168.1.1:5351"), isRight);
  }
});

Deno.test("PcpMapper and NatPmpMapper take a grant of nothing for a refusal", async () => {
  const nonce = seededRandom(1).bytes(12).toHex();
  const pcpAnswer = (lifetime: string, port: string) =>
    fromHex(
      `02810000${lifetime}${"00000001"}${"00".repeat(12)}${nonce}110000000fa0${port}${"00".repeat(10)}ffff2d000002`,
    );
  const refused = { name: "MappingError", answer: "refused" };
  const request = { externalPort: 4000, lifetimeS: 3600 };
  for (const answer of [pcpAnswer("00000000", "0fa0"), pcpAnswer("00000e10", "0000")]) {
    const world = exposed();
    const asking = new PcpMapper(OPTIONS(world.clock), world.exchange).map(request);
    world.say(answer, "192.168.1.1:5351");
    await assert.rejects(asking, refused);
  }
  for (const answer of ["00810000000000010fa00fa000000000", "00810000000000010fa0000000000e10"]) {
    const world = exposed();
    const asking = new NatPmpMapper(OPTIONS(world.clock), world.exchange).map(request);
    world.say(fromHex("0080000000000001" + "2d000002"), "192.168.1.1:5351");
    await settle();
    world.say(fromHex(answer), "192.168.1.1:5351");
    await assert.rejects(asking, refused);
  }
});

Deno.test("NatPmpMapper believes no answer about another port or protocol, nor an old one for a deletion", async () => {
  for (
    const [hex, isRight] of [
      ["00810000000000010fa0000000000000", true],
      ["00810000000000010fa1000000000000", false],
      ["00820000000000010fa0000000000000", false],
      ["00810000000000010fa00fa000000e10", false],
    ] as const
  ) {
    const world = exposed();
    const mapper = new NatPmpMapper(OPTIONS(world.clock), world.exchange);
    assert.equal(await believes(world, mapper.unmap(), fromHex(hex), "192.168.1.1:5351"), isRight, hex);
  }
});

Deno.test("UpnpMapper talks to nobody but the gateway, whoever answers the search and whatever it says", async () => {
  const answer = (location: string) =>
    utf8(`HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: ${location}\r\n\r\n`);
  for (
    const [from, location, isRight] of [
      ["192.168.1.1:1900", "http://192.168.1.1:5000/root.xml", true],
      ["192.168.1.1:40000", "http://192.168.1.1:5000/root.xml", true],
      ["192.168.1.9:1900", "http://192.168.1.1:5000/root.xml", false],
      ["192.168.1.9:1900", "http://192.168.1.9:5000/root.xml", false],
      ["192.168.1.1:1900", "http://192.168.1.9:5000/root.xml", false],
      ["192.168.1.1:1900", "http://127.0.0.1:5000/root.xml", false],
      ["192.168.1.1:1900", "http://router.lan:5000/root.xml", false],
    ] as const
  ) {
    const world = exposed();
    const asked: string[] = [];
    const router = new FakeGateway(world.clock, "upnp");
    const mapper = new UpnpMapper(OPTIONS(world.clock), world.exchange, (request) => {
      asked.push(request.url.host);
      return Promise.try(() => router.answerHttp(request));
    });
    assert.equal(await believes(world, mapper.probe(), answer(location), from), isRight, `${from} ${location}`);
    assert.deepEqual(new Set(asked), new Set(isRight ? ["192.168.1.1"] : []));
  }
});

Deno.test("Exchange ends a question with the first answer that can be read, garbage before it notwithstanding", async () => {
  const world = exposed();
  const mapper = new NatPmpMapper(OPTIONS(world.clock), world.exchange);
  const asking = mapper.probe();
  const random = seededRandom(6);
  for (let n = 0; n < 1000; n++) world.say(random.bytes(random.below(40)), "192.168.1.1:5351");
  world.say(fromHex("0080000000000001" + "2d000002"), "192.168.1.1:5351");
  assert.deepEqual((await asking).externalAddress, mappedIpv4(parseIpv4("45.0.0.2")!));
});
