import assert from "node:assert/strict";
import { formatEndpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { B, CoreWorld, endpoint, ENDPOINT_A, keyPair } from "../support/core_world.ts";
import "../support/load_native.ts";

const STRANGER = endpoint(66);

Deno.test("DataPlaneCore is silent to unknown SPIs, forged and repeated datagrams, and those moved to another SPI", () => {
  const world = new CoreWorld();
  const other = 0x0bad_0001;
  world.b.do(
    {
      do: "addTunnel",
      tunnel: { localSpi: other, remoteSpi: 900, suite: 2, virtualAddress: B + 1, peerAcceptsPartialChecksum: true },
    },
    { do: "installKeys", localSpi: other, keys: keyPair(0, 1, 2).b, use: "both" },
    { do: "route", virtualAddress: B + 1, localSpi: other },
  );
  world.sendNumber(1);
  const [datagram] = world.a.takeSent();
  const withSpi = (spi: number) => {
    const copy = datagram!.slice();
    new DataView(copy.buffer).setUint32(0, spi);
    return copy;
  };
  const forged = datagram!.slice();
  forged[20]! ^= 1;
  world.b.receive(ENDPOINT_A, [
    withSpi(12345),
    withSpi(other),
    forged,
    datagram!.slice(0, 3),
    datagram!.slice(0, 28),
    datagram!,
    datagram!,
  ]);
  assert.deepEqual(world.b.numbersWritten(), [1]);
  assert.deepEqual(world.b.drops(), { unknownSpi: 1, forged: 2, malformedDatagram: 2, replayed: 1 });
  assert.deepEqual([world.b.takeSent(), world.b.events], [[], []]);
});

Deno.test("DataPlaneCore neither throws nor answers nor tells anything, whatever it receives", () => {
  const random = seededRandom(41);
  const world = new CoreWorld();
  const samples: Uint8Array[] = [];
  for (let number = 0; number < 30; number++) {
    world.sendNumber(number);
    world.sendFrame(random.below(256), random.bytes(random.below(60)));
    samples.push(...world.a.takeSent());
  }
  const count = 100_000;
  for (let round = 0; round < count; round++) {
    const bytes = round % 4 === 0 ? random.bytes(random.below(80)) : samples[round % samples.length]!.slice();
    if (round % 4 === 1) bytes[random.below(bytes.length)]! ^= 1 + random.below(255);
    else if (round % 4 === 2) bytes.fill(random.below(256), 12 + random.below(bytes.length - 12));
    // Never a control datagram: those are told, and have tests of their own.
    if (bytes.length >= 4 && bytes.every((byte, index) => index > 3 || byte === 0)) bytes[3] = 1;
    const cut = round % 4 === 3 ? bytes.slice(0, random.below(bytes.length)) : bytes;
    const segment = random.below(10) === 0 ? 1 + random.below(100) : undefined;
    world.b.socket.toReceive.push({ from: STRANGER, bytes: cut, ...(segment === undefined ? {} : { segment }) });
    if (round % 50 === 49) { while (world.b.socket.toReceive.length > 0) world.b.core.fromSocket(); }
  }
  assert.deepEqual(world.b.takeSent(), []);
  const { datagramsReceived, drops } = world.b.core.counters();
  const control = world.b.told("control").length + drops.tooManyControlDatagrams!;
  const dropped = Object.values(drops).reduce((sum, value) => sum + value, 0) - drops.tooManyControlDatagrams!;
  assert.equal(world.b.device.written.length, 0);
  assert.equal(world.b.events.length, world.b.told("control").length);
  assert.equal(dropped + control, datagramsReceived, "each is counted");
  assert.ok(datagramsReceived >= count);
});

Deno.test("DataPlaneCore tells when the newest datagram came from elsewhere, ten times a second at most", () => {
  const world = new CoreWorld();
  const from = (now: number, source: typeof ENDPOINT_A) => {
    world.setTime(now);
    world.sendNumber(now);
    world.b.receive(source, world.a.takeSent());
  };
  from(0, ENDPOINT_A);
  assert.deepEqual(world.b.told("roamed"), []);
  from(10, endpoint(7));
  from(20, endpoint(8));
  from(109, endpoint(8));
  from(110, endpoint(8));
  from(500, endpoint(8));
  from(1110, endpoint(8));
  assert.deepEqual(world.b.told("roamed").map(({ from }) => formatEndpoint(from)), [
    "192.0.2.7:5000",
    "192.0.2.8:5000",
    "192.0.2.8:5000",
  ]);
  assert.equal(world.b.numbersWritten().length, 7, "packets pass wherever they come from");
});

Deno.test("DataPlaneCore does not call it roaming when an older or repeated datagram comes from elsewhere", () => {
  const world = new CoreWorld();
  for (const number of [1, 2]) world.sendNumber(number);
  const [older, newer] = world.a.takeSent().length === 2 ? [0, 1] : [0, 0];
  assert.deepEqual([older, newer], [0, 1]);
  world.sendNumber(3);
  world.sendNumber(4);
  const datagrams = world.a.takeSent();
  world.b.receive(ENDPOINT_A, [datagrams[1]!]);
  world.b.receive(STRANGER, [datagrams[0]!, datagrams[1]!]);
  assert.deepEqual(world.b.told("roamed"), []);
});
