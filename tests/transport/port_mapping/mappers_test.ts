import assert from "node:assert/strict";
import { FakeClock } from "../../../src/base/clock.ts";
import { formatEndpoint, mappedIpv4, parseIpv4, parseIpv6 } from "../../../src/base/ip.ts";
import { seededRandom } from "../../../src/base/random.ts";
import { Exchange } from "../../../src/transport/port_mapping/exchange.ts";
import { MAPPER_NAMES, type MapperName } from "../../../src/transport/port_mapping/mod.ts";
import { NatPmpMapper } from "../../../src/transport/port_mapping/nat_pmp_mapper.ts";
import { PcpMapper } from "../../../src/transport/port_mapping/pcp_mapper.ts";
import { type Mapper, MappingError } from "../../../src/transport/port_mapping/types.ts";
import { UpnpMapper } from "../../../src/transport/port_mapping/upnp_mapper.ts";
import { settle } from "../../support/turns.ts";
import { FakeGateway, GATEWAY } from "./fake_gateway.ts";

const REQUEST = { externalPort: 4000, lifetimeS: 3600 };

interface World {
  clock: FakeClock;
  gateway: FakeGateway;
  mapper: Mapper;
}

/** A mapper for port 4000 before a gateway that speaks only its protocol. */
function worldOf(name: MapperName, protocol: "udp" | "tcp" = "udp"): World {
  const clock = new FakeClock();
  const gateway = new FakeGateway(clock, name);
  const network = gateway.network();
  const exchange = new Exchange((receive) => network.openPort(GATEWAY, receive), clock);
  const options = { gateway: GATEWAY, protocol, internalPort: 4000, clock, random: seededRandom(1) };
  const make: Record<MapperName, () => Mapper> = {
    pcp: () => new PcpMapper(options, exchange),
    natPmp: () => new NatPmpMapper(options, exchange),
    upnp: () => new UpnpMapper(options, exchange, network.sendHttp),
  };
  return { clock, gateway, mapper: make[name]() };
}

function fails(answer: "silent" | "refused", reason: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MappingError, String(error));
    assert.deepEqual([error.answer, reason.test(error.message)], [answer, true], error.message);
    return true;
  };
}

/** What `promise` comes to, time moving on past every repetition. */
async function outlast<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  const done = promise.then(() => true, () => true);
  for (let step = 0; step < 100; step++) {
    await settle();
    if (await Promise.race([done, Promise.resolve(false)])) break;
    clock.advance(250);
  }
  return await promise;
}

for (const name of MAPPER_NAMES) {
  Deno.test(`${name}: probe, map, check, unmap, against a gateway that speaks it`, async () => {
    const { gateway, mapper, clock } = worldOf(name);
    const { externalAddress } = await mapper.probe();
    if (name !== "pcp") assert.deepEqual(externalAddress, mappedIpv4(parseIpv4("45.0.0.2")!));
    assert.equal(gateway.table.size, 0, "a probe makes nothing");

    const grant = await mapper.map(REQUEST);
    assert.deepEqual([formatEndpoint(grant.external), grant.lifetimeS], ["45.0.0.2:4000", 3600]);
    assert.deepEqual([...gateway.table].map(([port, { client, internalPort }]) => [port, client, internalPort]), [
      [4000, "192.168.1.2", 4000],
    ]);
    clock.advance(60_000);
    assert.equal(await mapper.check(), true);
    await mapper.map(REQUEST);
    assert.deepEqual([...gateway.table.keys()], [4000], "a renewal is for the same port");

    await mapper.unmap();
    assert.equal(gateway.table.size, 0);
    await mapper.close();
    assert.deepEqual([gateway.openPorts, clock.pendingCount], [0, 0]);
  });

  Deno.test(`${name}: check tells that the gateway restarted, and mapping again cures it`, async () => {
    const { gateway, mapper, clock } = worldOf(name);
    await mapper.probe();
    await mapper.map(REQUEST);
    clock.advance(60_000);
    gateway.restart();
    assert.equal(await outlast(clock, mapper.check()), false);
    assert.equal(formatEndpoint((await outlast(clock, mapper.map(REQUEST))).external), "45.0.0.2:4000");
    clock.advance(60_000);
    assert.equal(await mapper.check(), true);
  });

  Deno.test(`${name}: the gateway's choice of port and lifetime is taken`, async () => {
    const { gateway, mapper } = worldOf(name);
    gateway.table.set(4000, { client: "192.168.1.9", internalPort: 4000, lifetimeS: 60, nonce: "" });
    gateway.maxLifetimeS = 120;
    await mapper.probe();
    const grant = await mapper.map(REQUEST);
    assert.notEqual(grant.external.port, 4000);
    assert.equal(gateway.table.get(grant.external.port)!.client, "192.168.1.2");
    assert.equal(grant.lifetimeS, 120);
    await mapper.unmap();
    assert.deepEqual([...gateway.table.values()].map(({ client }) => client), ["192.168.1.9"]);
  });

  Deno.test(`${name}: silence is told apart from refusal`, async () => {
    const { gateway, mapper, clock } = worldOf(name);
    gateway.refusals = { [name]: name === "upnp" ? 606 : 2 };
    await mapper.probe();
    await assert.rejects(
      mapper.map(REQUEST),
      fails("refused", name === "upnp" ? /error 606 \(no\)/ : /^not authorized$/),
    );
    gateway.spoken.clear();
    await assert.rejects(outlast(clock, mapper.map(REQUEST)), fails("silent", /no answer|connection refused/));
    await assert.rejects(outlast(clock, mapper.probe()), fails("silent", /^no answer$/));
    assert.equal(clock.pendingCount, 0);
  });

  Deno.test(`${name}: unmap ends what runs and is heard all the same`, async () => {
    const { gateway, mapper } = worldOf(name);
    await mapper.probe();
    await mapper.map(REQUEST);
    gateway.spoken.clear();
    const renewal = mapper.map(REQUEST);
    const renewed = renewal.then(() => "granted", (error) => error.message as string);
    gateway.spoken.add(name);
    await mapper.unmap();
    assert.match(await renewed, /cancelled|connection refused/);
    assert.equal(gateway.table.size, 0);
  });
}

Deno.test("PcpMapper keeps its nonce, which no other mapper has", async () => {
  const { gateway, mapper } = worldOf("pcp");
  await mapper.map(REQUEST);
  const { nonce } = gateway.table.get(4000)!;
  gateway.restart();
  await mapper.map(REQUEST);
  assert.equal(gateway.table.get(4000)!.nonce, nonce);
  assert.equal(nonce, seededRandom(1).bytes(12).toHex(), "it is drawn from the random source");
});

Deno.test("PcpMapper says that a NAT-PMP gateway does not speak PCP, at once", async () => {
  const { gateway, mapper } = worldOf("pcp");
  gateway.spoken = new Set(["natPmp"]);
  await assert.rejects(mapper.probe(), fails("refused", /^unsupported version$/));
});

Deno.test("PcpMapper asks for a hole in an IPv6 firewall with the address it is reached at", async () => {
  const clock = new FakeClock();
  const sent: string[] = [];
  const exchange = new Exchange(() => ({
    send: (bytes, to) =>
      void sent.push(`${bytes.subarray(8, 24).toHex()} ${bytes.subarray(40).toHex()} ${formatEndpoint(to)}`),
    close: () => Promise.resolve(),
  }), clock);
  const gateway = { address: parseIpv6("fe80::1")!, localAddress: parseIpv6("2001:db8::2")!, zone: "eth0" };
  const options = { gateway, protocol: "udp" as const, internalPort: 4000, clock, random: seededRandom(1) };
  const asking = new PcpMapper(options, exchange).map(REQUEST);
  clock.advance(3750);
  await assert.rejects(asking, fails("silent", /^no answer$/));
  assert.deepEqual(
    new Set(sent),
    new Set([`20010db8000000000000000000000002 0fa00fa0${"00".repeat(16)} [fe80::1]:5351`]),
  );
});

Deno.test("UpnpMapper refuses a mapping that leads to another port than was asked for", async () => {
  const { gateway, mapper } = worldOf("upnp");
  await mapper.probe();
  await mapper.map(REQUEST);
  gateway.wrongInternalPort = 4444;
  await assert.rejects(mapper.map(REQUEST), fails("refused", /mapped something else/));
  assert.equal(await mapper.check(), false);
});

Deno.test("UpnpMapper refuses a yes without an entry, and believes a yes where entries cannot be read", async () => {
  const { gateway, mapper } = worldOf("upnp");
  await mapper.probe();
  gateway.maxLifetimeS = 600;
  gateway.hasEntryAction = false;
  assert.equal((await mapper.map(REQUEST)).lifetimeS, 3600);
  assert.equal(await mapper.check(), true);
  gateway.hasEntryAction = true;
  assert.equal((await mapper.map(REQUEST)).lifetimeS, 600, "the entry says what was really granted");
  gateway.table.set = () => gateway.table;
  gateway.table.clear();
  await assert.rejects(mapper.map(REQUEST), fails("refused", /mapped something else/));
});

Deno.test("UpnpMapper takes a lasting mapping where the gateway grants no other", async () => {
  const { gateway, mapper } = worldOf("upnp");
  await mapper.probe();
  const answerHttp = gateway.answerHttp.bind(gateway);
  gateway.answerHttp = (request) => {
    gateway.refusals = /LeaseDuration>0</.test(request.body) ? {} : { upnp: 725 };
    return answerHttp(request);
  };
  assert.equal((await mapper.map(REQUEST)).lifetimeS, null);
  await mapper.unmap();
  assert.equal(gateway.table.size, 0);
});

Deno.test("UpnpMapper asks for the internal port outside where the gateway can do no other, and gives up in the end", async () => {
  const { gateway, mapper } = worldOf("upnp");
  await mapper.probe();
  gateway.refusals = { upnp: 724 };
  await assert.rejects(mapper.map({ ...REQUEST, externalPort: 4001 }), fails("refused", /error 724/));
  assert.deepEqual(gateway.requests.filter((line) => line.includes("AddPortMapping")), [
    "upnp AddPortMapping 4001",
    "upnp AddPortMapping 4000",
  ]);
  gateway.refusals = { upnp: 718 };
  gateway.requests.length = 0;
  await assert.rejects(mapper.map(REQUEST), fails("refused", /error 718/));
  const ports = gateway.requests.filter((line) => line.includes("AddPortMapping"));
  assert.deepEqual([ports.length, new Set(ports).size], [4, 4], "four ports are tried");
});

Deno.test("UpnpMapper lets version 2 choose a port", async () => {
  const { gateway, mapper } = worldOf("upnp");
  gateway.serviceVersion = 2;
  gateway.table.set(4000, { client: "192.168.1.9", internalPort: 4000, lifetimeS: 60, nonce: "" });
  await mapper.probe();
  assert.equal((await mapper.map(REQUEST)).external.port, 4100);
});

Deno.test("UpnpMapper does not delete a mapping that another took over", async () => {
  const { gateway, mapper } = worldOf("upnp");
  await mapper.probe();
  await mapper.map(REQUEST);
  gateway.table.set(4000, { client: "192.168.1.9", internalPort: 1, lifetimeS: 60, nonce: "" });
  await mapper.unmap();
  assert.equal(gateway.table.size, 1);
});

Deno.test("UpnpMapper and NatPmpMapper refuse a gateway without an address outside", async () => {
  for (const name of ["natPmp", "upnp"] as const) {
    const { gateway, mapper } = worldOf(name);
    gateway.externalAddress = "0.0.0.0";
    await assert.rejects(mapper.probe(), fails("refused", /no external address/), name);
  }
});

Deno.test("UpnpMapper asks by unicast and by multicast, for both versions of the device", async () => {
  const { gateway, mapper } = worldOf("upnp");
  await mapper.probe();
  assert.deepEqual(gateway.requests.slice(0, 4), ["search gateway", "search group", "search gateway", "search group"]);
});
