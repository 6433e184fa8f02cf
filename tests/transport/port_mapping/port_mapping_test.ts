import assert from "node:assert/strict";
import { FakeClock } from "../../../src/base/clock.ts";
import { type Endpoint, formatEndpoint } from "../../../src/base/ip.ts";
import { createLogger, silentLogger } from "../../../src/base/log.ts";
import { seededRandom } from "../../../src/base/random.ts";
import {
  type Gateway,
  type GatewayNetwork,
  MAPPER_NAMES,
  type MapperName,
  type PortMapping,
  type PortMappingOptions,
  startPortMapping,
} from "../../../src/transport/port_mapping/mod.ts";
import { settle } from "../../support/turns.ts";
import { FakeGateway, GATEWAY } from "./fake_gateway.ts";

class World {
  readonly clock = new FakeClock();
  readonly router: FakeGateway;
  readonly network: GatewayNetwork;
  readonly told: string[] = [];
  readonly tested: string[] = [];
  readonly mapping: PortMapping;
  gateway: Gateway | null = GATEWAY;
  isReachable: (endpoint: string) => Promise<boolean> = () => Promise.resolve(true);

  constructor(spoken: readonly MapperName[], options: Partial<PortMappingOptions> = {}) {
    this.router = new FakeGateway(this.clock, ...spoken);
    this.network = this.router.network();
    this.mapping = startPortMapping({
      internalPort: 4000,
      protocol: "udp",
      gateway: () => Promise.resolve(this.gateway),
      verify: (endpoint: Endpoint) => {
        this.tested.push(formatEndpoint(endpoint));
        return this.isReachable(formatEndpoint(endpoint));
      },
      onMapping: (endpoint) => this.told.push(endpoint === null ? "none" : formatEndpoint(endpoint)),
      clock: this.clock,
      random: seededRandom(1),
      log: silentLogger,
      network: this.network,
      ...options,
    });
  }

  /** Lets time pass in steps, and in each everything happen that was due. */
  async pass(ms: number, stepMs = 250): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await settle(60);
      this.clock.advance(Math.min(left, stepMs));
    }
    await settle(60);
  }

  /** Ends it, and asserts that nothing is left: no mapping, socket or timer. */
  async end(): Promise<void> {
    const stopped = this.mapping.stop();
    await this.pass(1000);
    await stopped;
    assert.deepEqual([this.router.table.size, this.router.openPorts, this.clock.pendingCount], [0, 0, 0]);
  }
}

for (const name of MAPPER_NAMES) {
  Deno.test(`startPortMapping keeps a mapping by ${name} for a day, always for the same internal port`, async () => {
    const world = new World([name]);
    await world.pass(2000);
    assert.deepEqual(world.told, ["45.0.0.2:4000"]);
    assert.equal(world.mapping.status().mapping!.by, name);
    for (let hour = 0; hour < 24; hour++) {
      await world.pass(3_600_000, 5000);
      assert.deepEqual([...world.router.table].map(([port, entry]) => [port, entry.internalPort]), [[4000, 4000]]);
    }
    const { renewals, test } = world.mapping.status().mapping!;
    assert.ok(renewals >= 24 * 8 / 5 - 1 && renewals <= 48, `${renewals}`);
    assert.equal(test, "reachable");
    assert.equal(world.tested.length, renewals + 1, "each renewal is tested");
    assert.deepEqual(world.told, ["45.0.0.2:4000"]);
    await world.end();
    assert.deepEqual(world.told, ["45.0.0.2:4000", "none"]);
  });

  Deno.test(`startPortMapping has a mapping by ${name} again within 61 s of a restart that nobody announced`, async () => {
    const world = new World([name]);
    await world.pass(100_000);
    world.router.restart();
    await world.pass(61_000);
    assert.deepEqual([...world.router.table.keys()], [4000]);
    assert.deepEqual(world.told, ["45.0.0.2:4000"], "it is the same endpoint: nobody needs to know");
    await world.end();
  });

  Deno.test(`startPortMapping notices within 61 s that the outside address changed, by ${name}`, async () => {
    const world = new World([name]);
    await world.pass(10_000);
    world.router.externalAddress = "45.0.0.9";
    // PCP tells addresses with mappings only: a router that gets a new one must begin a new epoch (RFC 6887 section 8.5).
    if (name === "pcp") world.router.restart();
    await world.pass(61_000);
    assert.deepEqual(world.told, ["45.0.0.2:4000", "45.0.0.9:4000"]);
    await world.end();
  });
}

Deno.test("startPortMapping has one mapping where all protocols are spoken, by PCP, within two round trips", async () => {
  const world = new World(MAPPER_NAMES);
  await settle(60);
  assert.deepEqual([world.told, world.mapping.status().mapping!.by], [["45.0.0.2:4000"], "pcp"]);
  assert.deepEqual(world.router.requests.filter((request) => request.includes("map")), ["pcp map 4000>4000 3600"]);
  await world.end();
});

Deno.test("startPortMapping follows an announcement of the gateway, and of nobody else", async () => {
  const world = new World(["pcp"]);
  await world.pass(10_000);
  world.router.restart();
  world.router.announce("192.168.1.9:5351");
  await world.pass(2000);
  assert.equal(world.router.table.size, 0);
  world.router.announce();
  await world.pass(2000);
  assert.equal(world.router.table.size, 1);
  await world.end();
});

Deno.test("startPortMapping tries the next protocol when a mapping does not work from outside", async () => {
  const world = new World(MAPPER_NAMES);
  world.isReachable = () => Promise.resolve(world.mapping.status().mapping!.by === "upnp");
  await world.pass(5000);
  assert.deepEqual(world.told, ["45.0.0.2:4000"]);
  const { mapping, answers } = world.mapping.status();
  assert.equal(mapping!.by, "upnp");
  assert.deepEqual([answers.pcp.answer, answers.natPmp.answer], ["useless", "useless"]);
  assert.equal(world.router.table.size, 1, "what did not work is deleted");
  await world.end();
});

Deno.test("startPortMapping makes no mapping before the deletion of the former is answered", async () => {
  const world = new World(["pcp", "natPmp"]);
  world.isReachable = () => Promise.resolve(false);
  let isLost = false;
  const answer = world.router.answer.bind(world.router);
  world.router.answer = (bytes, to) => {
    const reply = answer(bytes, to);
    if (isLost || !world.router.requests.at(-1)!.endsWith(">0 0")) return reply;
    isLost = true;
    return null;
  };
  await world.pass(3000);
  const mapRequests = world.router.requests.filter((request) => request.includes("map"));
  assert.deepEqual(mapRequests.slice(0, 4), [
    "pcp map 4000>4000 3600",
    "pcp map 4000>0 0",
    "pcp map 4000>0 0",
    "natPmp map 4000>4000 3600",
  ]);
  await world.end();
});

Deno.test("startPortMapping keeps a mapping that nobody can test, be it by an error or by a test that never ends", async () => {
  for (const isReachable of [() => Promise.reject(new Error("offline")), () => new Promise<boolean>(() => {})]) {
    const world = new World(["pcp"]);
    world.isReachable = isReachable;
    await world.pass(10_000);
    assert.deepEqual([world.told, world.mapping.status().mapping!.test], [["45.0.0.2:4000"], "unknown"]);
    world.isReachable = () => Promise.resolve(true);
    await world.pass(60_000);
    assert.equal(world.mapping.status().mapping!.test, "reachable");
    await world.end();
  }
});

Deno.test("startPortMapping begins anew with another gateway, and takes back what it told", async () => {
  const world = new World(["natPmp"]);
  await world.pass(1000);
  world.gateway = null;
  world.mapping.networkChanged();
  await world.pass(1000);
  assert.deepEqual(world.told, ["45.0.0.2:4000", "none"]);
  assert.deepEqual([world.mapping.status().gateway, world.router.openPorts], [null, 0]);
  world.gateway = { ...GATEWAY };
  world.mapping.networkChanged();
  await world.pass(1000);
  assert.deepEqual(world.told, ["45.0.0.2:4000", "none", "45.0.0.2:4000"]);
  await world.end();
});

Deno.test("startPortMapping takes no test of a mapping by the former gateway for one by the new", async () => {
  const world = new World(["pcp"]);
  const late = Promise.withResolvers<boolean>();
  world.isReachable = () => late.promise;
  await world.pass(500);
  assert.equal(world.tested.length, 1);
  world.router.spoken.clear();
  world.gateway = { ...GATEWAY, zone: "eth1" };
  world.mapping.networkChanged();
  await world.pass(500);
  late.resolve(true);
  await world.pass(500);
  assert.deepEqual(world.told, []);
  world.router.table.clear(); // The former gateway is out of reach, and its mapping ends by itself.
  await world.end();
});

Deno.test("startPortMapping takes no answer of the former gateway for one of the new", async () => {
  const world = new World(["upnp"]);
  const late = Promise.withResolvers<void>();
  const { sendHttp } = world.network;
  world.network.sendHttp = async (request, signal) => {
    if (request.method === "GET") await late.promise;
    return await sendHttp(request, signal);
  };
  await world.pass(500);
  world.gateway = { ...GATEWAY, zone: "eth1" };
  world.mapping.networkChanged();
  world.router.spoken.clear();
  await world.pass(500);
  late.resolve();
  await world.pass(500);
  assert.equal(world.mapping.status().answers.upnp.answer, "asking");
  await world.end();
});

Deno.test("startPortMapping asks a network without port mapping ever more rarely", async () => {
  const world = new World([]);
  let asked = 0;
  world.router.answer = () => {
    asked++;
    return null;
  };
  await world.pass(3_600_000, 1000);
  assert.equal(world.mapping.status().mapping, null);
  // A round is 4 datagrams each for PCP and NAT-PMP and 16 for UPnP; pauses of 30 s, 60 s … make seven rounds in an hour.
  assert.ok(asked >= 5 * 24 && asked <= 9 * 24, `${asked}`);
  assert.match(world.mapping.status().answers.pcp.reason!, /no answer/);
  await world.end();
});

Deno.test("startPortMapping ends in a second though the gateway is silent, also in the middle of a request", async () => {
  for (const ms of [0, 100, 5000]) {
    const world = new World(["pcp"]);
    await world.pass(ms);
    world.router.spoken.clear();
    world.router.table.clear();
    await world.end();
  }
});

Deno.test("startPortMapping ends in a second though the gateway's look-up or the test from outside never does", async () => {
  const never = () => new Promise<never>(() => {});
  const testing = new World(["pcp"]);
  testing.isReachable = never;
  await testing.pass(500);
  assert.deepEqual([testing.tested.length, testing.mapping.status().mapping!.test], [1, "running"]);
  await testing.end();
  const lookingUp = new World(["pcp"], { gateway: never });
  await lookingUp.pass(500);
  await lookingUp.end();
});

Deno.test("startPortMapping takes a function that throws for one that rejects", async () => {
  const fail = () => {
    throw new Error("not now");
  };
  const testing = new World(["pcp"], { verify: fail });
  await testing.pass(500);
  assert.equal(testing.mapping.status().mapping!.test, "unknown");
  await testing.end();
  const lookingUp = new World(["pcp"], { gateway: fail });
  await lookingUp.pass(500);
  assert.equal(lookingUp.mapping.status().gateway, null);
  await lookingUp.end();
});

Deno.test("startPortMapping deletes a mapping whose grant was still under way when it was stopped", async () => {
  const world = new World(["natPmp"]);
  while (world.router.table.size === 0) await Promise.resolve();
  assert.deepEqual(world.told, []);
  await world.end();
});

Deno.test("startPortMapping maps TCP as well", async () => {
  for (const name of MAPPER_NAMES) {
    const world = new World([name], { protocol: "tcp" });
    const seen: string[] = [];
    const answer = world.router.answer.bind(world.router);
    world.router.answer = (bytes, to) => {
      seen.push(bytes.toHex());
      return answer(bytes, to);
    };
    await world.pass(2000);
    assert.deepEqual(world.told, ["45.0.0.2:4000"], name);
    if (name === "pcp") assert.ok(seen.some((hex) => hex.length === 120 && hex.slice(72, 74) === "06"));
    if (name === "natPmp") assert.ok(seen.some((hex) => hex.startsWith("0002")));
    await world.end();
  }
});

Deno.test("startPortMapping goes on when the gateway cannot be looked up or announcements cannot be heard", async () => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", json: false, write: (line) => lines.push(line) });
  let lookUps = 0;
  const gateway = () => lookUps++ === 0 ? Promise.reject(new Error("netlink")) : Promise.resolve(GATEWAY);
  const world = new World(["pcp"], { log, gateway });
  world.router.isAnnouncementPortTaken = true;
  await world.pass(61_000);
  assert.deepEqual(world.told, ["45.0.0.2:4000"]);
  assert.ok(lines.some((line) => line.includes("cannot find the default gateway")), lines.join("\n"));
  assert.ok(lines.some((line) => line.includes("announcements of the gateway will not be heard")), lines.join("\n"));
  await world.end();
});
