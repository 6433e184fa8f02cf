import assert from "node:assert/strict";
import { formatEndpoint, parseEndpoint } from "../../src/base/ip.ts";
import { hmac } from "../../src/crypto/mod.ts";
import { Discovery, type DiscoveryServer } from "../../src/engine/discovery.ts";
import { discovery, encodeWithMac, macInput } from "../../src/protocol/mod.ts";

const server: DiscoveryServer = {
  sessionId: new Uint8Array(8).fill(3),
  discoveryKey: new Uint8Array(32).fill(4),
  first: parseEndpoint("198.51.100.1:12975")!,
  second: parseEndpoint("198.51.100.1:12976")!,
  other: null,
};

function answer(counter: bigint, endpoint: string, socket = 1, key = server.discoveryKey): Uint8Array {
  return encodeWithMac(
    discovery.discovered,
    { counter, endpoint: parseEndpoint(endpoint)!, socket },
    (input) => hmac("sha256", key, input),
  );
}

Deno.test("Discovery asks both sockets with counters that grow and a mac that holds", () => {
  const asked = new Discovery(server, 0).tick(0);
  assert.deepEqual(asked.map(({ to }) => to.port), [12975, 12976]);
  const messages = asked.map(({ datagram }) => discovery.discover.decode(datagram));
  assert.deepEqual(messages.map(({ counter }) => counter), [1n, 2n]);
  const mac = hmac("sha256", server.discoveryKey, macInput(asked[0]!.datagram)).subarray(0, 16);
  assert.deepEqual(messages[0]!.mac, mac);
});

Deno.test("Discovery repeats a question until it is answered, and asks again as often as the NAT needs", () => {
  const machine = new Discovery(server, 0);
  machine.refreshMs = 25_000;
  const times: number[] = [];
  for (let now = 0; now < 60_000; now += 50) {
    if (machine.tick(now).length === 0) continue;
    times.push(now);
    if (times.length === 3) assert.ok(machine.take(answer(5n, "1.2.3.4:5")));
  }
  assert.deepEqual(times, [
    0,
    250,
    600,
    25_000,
    25_250,
    25_600,
    26_200,
    27_500,
    30_000,
    50_000,
    50_250,
    50_600,
    51_200,
    52_500,
    55_000,
  ]);
});

Deno.test("Discovery believes the first socket's answer to the latest question only", () => {
  const machine = new Discovery(server, 0);
  machine.tick(0);
  machine.tick(250);
  assert.equal(machine.take(answer(2n, "9.9.9.9:9", 2)), true, "it tells what the NAT does");
  assert.equal(machine.observed, null);
  assert.equal(machine.take(answer(98n, "6.6.6.6:6", 2)), false);
  assert.equal(machine.take(answer(3n, "1.2.3.4:5")), true);
  assert.equal(machine.take(answer(1n, "6.6.6.6:6")), false);
  assert.equal(machine.take(answer(99n, "6.6.6.6:6")), false);
  assert.equal(machine.take(answer(4n, "1.2.3.4:5")), false);
  assert.equal(formatEndpoint(machine.observed!), "1.2.3.4:5");
  assert.deepEqual(
    machine.observations.map(({ server: { port }, observed }) => `${port} ${formatEndpoint(observed)}`),
    ["12975 1.2.3.4:5", "12976 9.9.9.9:9"],
  );
});

Deno.test("Discovery takes no answer to another socket's question for one about the socket of the tunnels", () => {
  const machine = new Discovery(server, 0);
  machine.tick(0);
  const { counter } = machine.ask(0);
  assert.equal(machine.take(answer(counter, "1.2.3.4:5")), false);
  assert.equal(machine.observed, null);
  assert.equal(machine.open(answer(counter, "1.2.3.4:5"))?.counter, counter);
});

Deno.test("Discovery knows its own questions by their mac", () => {
  const machine = new Discovery(server, 0);
  const { datagram } = machine.ask(0);
  assert.equal(machine.isOwn(datagram), true);
  assert.equal(machine.isOwn(datagram.map((byte, at) => at === 63 ? byte ^ 1 : byte)), false);
  assert.equal(machine.isOwn(new Uint8Array(9)), false);
});

Deno.test("Discovery ignores an answer whose mac does not hold, and noise", () => {
  const machine = new Discovery(server, 0);
  machine.tick(0);
  assert.equal(machine.take(answer(1n, "1.2.3.4:5", 1, new Uint8Array(32))), false);
  assert.equal(machine.take(new Uint8Array(48)), false);
  assert.equal(machine.take(new Uint8Array(3)), false);
  assert.equal(machine.observed, null);
});

Deno.test("Discovery asks nobody where the server has no socket for it", () => {
  const machine = new Discovery({ ...server, first: null, second: null }, 0);
  assert.equal(machine.nextWakeAt(), null);
  assert.deepEqual(machine.tick(1_000_000), []);
});

Deno.test("Discovery is silent after four questions without an answer, until one comes", () => {
  const machine = new Discovery(server, 0);
  const silent: boolean[] = [];
  for (const now of [0, 250, 600, 1_200]) {
    machine.tick(now);
    silent.push(machine.isSilent);
  }
  assert.deepEqual(silent, [false, false, false, true]);
  assert.ok(machine.take(answer(7n, "1.2.3.4:5")));
  assert.equal(machine.isSilent, false);
});

Deno.test("Discovery asks the server's other address, too, where it has one, and keeps what that saw apart", () => {
  const other = parseEndpoint("198.51.100.2:7000")!;
  const discovered = new Discovery({ ...server, other }, 0);
  const asked = discovered.tick(0);
  assert.deepEqual(asked.map(({ to }) => formatEndpoint(to)), [
    "198.51.100.1:12975",
    "198.51.100.1:12976",
    "198.51.100.2:7000",
  ]);
  assert.equal(discovered.take(answer(1n, "203.0.113.9:1")), true);
  assert.equal(discovered.take(answer(3n, "203.0.113.9:3", 4)), true);
  assert.equal(discovered.take(answer(3n, "203.0.113.9:3", 4)), false);
  assert.deepEqual(discovered.observations.map(({ observed }) => formatEndpoint(observed)), [
    "203.0.113.9:1",
    "203.0.113.9:3",
  ]);
  assert.equal(formatEndpoint(discovered.observed!), "203.0.113.9:1");
});
