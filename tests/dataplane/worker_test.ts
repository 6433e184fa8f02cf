import assert from "node:assert/strict";
import { type Endpoint, mappedIpv4 } from "../../src/base/ip.ts";
import { type DataPlane, type DataPlaneEvent, startDataPlane } from "../../src/dataplane/mod.ts";
import { type MemoryDevice, openMemoryDevice, type TunnelDevice } from "../../src/device/mod.ts";
import { closeDescriptor } from "../../src/ffi/posix_linux.ts";
import { openSocketPair } from "../../src/ffi/socket_pair_linux.ts";
import { A, B, keyPair, POOL, SPI_A, SPI_B } from "../support/core_world.ts";
import { needs } from "../support/needs.ts";
import { buildPacket, PREFIX6 } from "../support/packets.ts";
import "../support/load_native.ts";

const LOCALHOST = mappedIpv4(0x7f000001);
const CHAT = 0x0b;

/** A data plane over a device in memory, and what it told. */
class End implements AsyncDisposable {
  readonly #events: DataPlaneEvent[] = [];
  readonly #waiting: { on: string; resolve: (event: DataPlaneEvent) => void }[] = [];

  private constructor(readonly plane: DataPlane, readonly device: MemoryDevice) {
    plane.onEvent((event) => {
      const index = this.#waiting.findIndex(({ on }) => on === event.on);
      if (index < 0) this.#events.push(event);
      else this.#waiting.splice(index, 1)[0]!.resolve(event);
    });
  }

  static async start(port = 0, portableOnly = false): Promise<End> {
    const device = openMemoryDevice();
    try {
      return new End(await startDataPlane({ device, port, portableOnly }), device);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  get endpoint(): Endpoint {
    return { address: LOCALHOST, port: this.plane.port };
  }

  /** The next event of a kind. */
  next<K extends DataPlaneEvent["on"]>(on: K): Promise<Extract<DataPlaneEvent, { on: K }>> {
    const index = this.#events.findIndex((event) => event.on === on);
    const { promise, resolve } = Promise.withResolvers<DataPlaneEvent>();
    if (index >= 0) resolve(this.#events.splice(index, 1)[0]!);
    else this.#waiting.push({ on, resolve });
    return promise as Promise<Extract<DataPlaneEvent, { on: K }>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane.stop();
    this.device.close();
  }
}

function join(a: End, b: End): void {
  const keys = keyPair(0);
  for (
    const [own, other, address, peerAddress, localSpi, remoteSpi, ownKeys] of [
      [a, b, A, B, SPI_A, SPI_B, keys.a],
      [b, a, B, A, SPI_B, SPI_A, keys.b],
    ] as const
  ) {
    const { plane } = own;
    plane.setOverlay({ virtualAddress: address, pool: POOL, prefix6: PREFIX6 });
    plane.addTunnel({ localSpi, remoteSpi, suite: 2, virtualAddress: peerAddress, peerAcceptsPartialChecksum: true });
    plane.installKeys(localSpi, ownKeys, "both");
    plane.setPath(localSpi, other.endpoint);
    plane.route(peerAddress, localSpi);
  }
}

function test(sentence: string, run: () => Promise<void>): void {
  Deno.test({ ...needs(sentence, "linux"), fn: run });
}

test("startDataPlane carries packets both ways between two workers", async () => {
  await using a = await End.start();
  await using b = await End.start(0, true);
  join(a, b);
  for (const version of [4, 6] as const) {
    const there = buildPacket({ source: A, destination: B, version, payload: new Uint8Array(1000).fill(1) });
    const back = buildPacket({ source: B, destination: A, version, payload: new Uint8Array(9).fill(2) });
    assert.ok(a.device.send(there));
    assert.deepEqual(await b.device.receive(), there);
    assert.ok(b.device.send(back));
    assert.deepEqual(await a.device.receive(), back);
  }
  const [stats] = await a.plane.stats();
  assert.deepEqual([stats!.packetsOut, stats!.packetsIn], [2, 2]);
  const { drops, sends } = await a.plane.counters();
  assert.equal(Object.values(drops).reduce((sum, count) => sum + count), 0);
  assert.equal(sends, 2);
});

test("startDataPlane measures both AEADs", async () => {
  await using end = await End.start();
  assert.deepEqual(end.plane.aeadCosts.map(({ aead }) => aead), [1, 2]);
  for (const { costNs } of end.plane.aeadCosts) assert.ok(costNs > 50 && costNs < 5_000_000, `${costNs}`);
});

test("startDataPlane binds the port it is told and refuses one that is taken, in words", async () => {
  await using end = await End.start();
  assert.ok(end.plane.port > 0);
  await assert.rejects(End.start(end.plane.port), {
    name: "UserError",
    message: `Cannot listen on UDP port ${end.plane.port}: Cannot bind a socket: the address is in use (EADDRINUSE)`,
    exitCode: 1,
  });
});

test("DataPlane tells frames, answers to probes and control datagrams, and wants tunnels", async () => {
  await using a = await End.start();
  await using b = await End.start();
  join(a, b);
  a.plane.sendFrame(SPI_A, null, CHAT, Uint8Array.of(1, 2, 3));
  const frame = await b.next("frame");
  assert.deepEqual([frame.frameType, frame.payload, frame.from], [CHAT, Uint8Array.of(1, 2, 3), a.endpoint]);

  a.plane.sendFrame(SPI_A, b.endpoint, 4, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 9));
  const answer = await a.next("probeAnswer");
  assert.equal(answer.probeId, 9n);
  assert.ok(answer.rttMs >= 0 && answer.rttMs < 5000);
  assert.deepEqual(answer.seenAs, a.endpoint);

  a.plane.sendDatagram(b.endpoint, Uint8Array.of(0, 0, 0, 0, 7));
  assert.deepEqual((await b.next("control")).datagram, Uint8Array.of(0, 0, 0, 0, 7));

  a.device.send(buildPacket({ source: A, destination: B + 1 }));
  assert.equal((await a.next("tunnelWanted")).virtualAddress, B + 1);
});

test("DataPlane goes on telling control datagrams as long as they are taken", async () => {
  await using a = await End.start();
  await using b = await End.start();
  // b speaks to a first, so that a's datagrams are of one it knows.
  b.plane.sendDatagram(a.endpoint, Uint8Array.of(0, 0, 0, 0, 1));
  await a.next("control");
  let told = 0;
  b.plane.onEvent(({ on }) => void (on === "control" && told++));
  // More than may lie before the main thread untaken; the rate is limited too, so that some are lost on the way.
  for (let round = 0; told < 700 && round < 50_000; round++) {
    for (let count = 0; count < 10; count++) a.plane.sendDatagram(b.endpoint, Uint8Array.of(0, 0, 0, 0, count));
    await b.plane.counters();
  }
  assert.ok(told >= 700, `${told}`);
});

test("DataPlane carries out commands in order when there are more than its worker takes at once", async () => {
  await using a = await End.start();
  await using b = await End.start();
  join(a, b);
  for (let count = 0; count < 1500; count++) {
    a.plane.sendFrame(SPI_A, null, CHAT, Uint8Array.of(count >> 8, count & 255, ...new Uint8Array(1000)));
  }
  for (let count = 0; count < 1500; count++) {
    const { payload } = await b.next("frame");
    assert.equal((payload[0]! << 8) | payload[1]!, count);
  }
});

test("DataPlane refuses what its worker could not use, and goes on", async () => {
  await using end = await End.start();
  const { plane } = end;
  const tunnel = { remoteSpi: 500, suite: 2, virtualAddress: B, peerAcceptsPartialChecksum: true } as const;
  const { a } = keyPair(0);
  const short = new Uint8Array(11);
  for (const localSpi of [0, 255]) assert.throws(() => plane.addTunnel({ ...tunnel, localSpi }), RangeError);
  for (const name of ["sealKey", "openKey", "sealSalt", "openSalt"]) {
    assert.throws(() => plane.installKeys(SPI_A, { ...a, [name]: short }, "both"), RangeError, name);
  }
  const classic = { cipherKey: new Uint8Array(32), macKey: new Uint8Array(20), firstSequence: 65 };
  assert.throws(() => plane.installKeys(SPI_A, { ...classic, cipherKey: short }, "both"), RangeError);
  assert.throws(() => plane.installKeys(SPI_A, { ...classic, macKey: short }, "both"), RangeError);
  assert.throws(() => plane.setOverlay({ virtualAddress: A, pool: POOL, prefix6: short }), RangeError);
  assert.throws(() => plane.sendFrame(SPI_A, null, CHAT, new Uint8Array(1501)), RangeError);
  assert.throws(() => plane.sendDatagram(end.endpoint, new Uint8Array(1501)), RangeError);
  assert.deepEqual(await plane.stats(), []);
});

test("DataPlane.addTunnel takes 4,096 tunnels, and another in the place of one of them", async () => {
  await using end = await End.start();
  const { plane } = end;
  const tunnel = { remoteSpi: 500, suite: 2, virtualAddress: B, peerAcceptsPartialChecksum: true } as const;
  for (let index = 0; index < 4096; index++) plane.addTunnel({ ...tunnel, localSpi: 1000 + index });
  plane.addTunnel({ ...tunnel, localSpi: 1000 });
  assert.throws(() => plane.addTunnel({ ...tunnel, localSpi: 999 }), RangeError);
  plane.removeTunnel(1000);
  plane.addTunnel({ ...tunnel, localSpi: 999 });
  assert.equal((await plane.stats()).length, 4096);
});

test("DataPlane.stop frees the port, may be called twice, and nothing after it fails but counting", async () => {
  const end = await End.start();
  const { port } = end.plane;
  await Promise.all([end.plane.stop(), end.plane.stop()]);
  end.plane.sendDatagram(end.endpoint, new Uint8Array(5));
  await assert.rejects(end.plane.stats(), /has stopped/);
  end.device.close();
  await using again = await End.start(port);
  assert.equal(again.plane.port, port);
});

test("DataPlane says that it failed when its device goes away, and stops all the same", async () => {
  const [descriptor, otherEnd] = openSocketPair();
  const device: TunnelDevice = {
    name: "",
    descriptor,
    hasUdpSegmentation: false,
    close: () => closeDescriptor(descriptor),
  };
  const plane = await startDataPlane({ device, port: 0 });
  const failed = new Promise<string>((resolve) =>
    plane.onEvent((event) => event.on === "failed" && resolve(event.reason))
  );
  closeDescriptor(otherEnd);
  assert.match(await failed, /Cannot read the tunnel device/);
  await plane.stop();
  await assert.rejects(plane.counters(), /has stopped/);
  device.close();
});
