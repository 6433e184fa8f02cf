import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { formatEndpoint, mappedIpv4 } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { Rung } from "../../src/engine/ladder.ts";
import { type RelayStream, RelayStreams, type StreamUser } from "../../src/engine/relay_streams.ts";
import { RELAY_STREAM_OPENING } from "../../src/protocol/mod.ts";
import { type BufferedStream, connectTcp, tcpStream } from "../../src/transport/stream.ts";

const never = new AbortController().signal;
const LOOPBACK = mappedIpv4(0x7f000001);
const RELAY_ID = new Uint8Array(16).fill(1);
const TCP: Rung = { way: "tcp", port: 12975 };
const TLS: Rung = { way: "tls", port: 443 };

/** Whoever uses a stream, and what it was told. */
class User implements StreamUser {
  readonly told: (RelayStream | null)[] = [];
  #wake = () => {};

  streamChanged(_: Uint8Array, stream: RelayStream | null): void {
    this.told.push(stream);
    this.#wake();
  }

  async next(count: number): Promise<RelayStream | null> {
    while (this.told.length < count) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.told[count - 1]!;
  }
}

interface World {
  clock: FakeClock;
  streams: RelayStreams;
  /** The data plane's socket. */
  plane: Deno.DatagramConn;
  /** The relay: its port serves the server's ways as well. */
  listener: Deno.TcpListener;
  place: { relayId: Uint8Array; endpoints: { address: Uint8Array; port: number }[] };
  /** The relay's end of the next stream, behind the opening. */
  accept(): Promise<BufferedStream>;
  /** How often the ways to the server were used. */
  opens: number;
  /** The way that opens; null = none. */
  rung: Rung | null;
}

async function withStreams(run: (world: World) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const plane = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const clock = new FakeClock();
  const accepted: BufferedStream[] = [];
  const open = async () => {
    world.opens++;
    if (world.rung === null) throw new Error("no way");
    const stream = await connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never });
    return { stream, rung: world.rung };
  };
  const dataPlanePort = (plane.addr as Deno.NetAddr).port;
  const streams = new RelayStreams({ ways: { open, order: [TCP] }, dataPlanePort, clock, log: silentLogger });
  const world: World = {
    ...{ clock, streams, plane, listener, opens: 0, rung: TLS },
    place: { relayId: RELAY_ID, endpoints: [{ address: LOOPBACK, port }] },
    async accept() {
      const stream = tcpStream(await listener.accept());
      accepted.push(stream);
      assert.deepEqual(await stream.read(), RELAY_STREAM_OPENING);
      return stream;
    },
  };
  try {
    await run(world);
  } finally {
    await streams.stop();
    for (const stream of accepted) stream.close();
    plane.close();
  }
}

Deno.test("RelayStreams opens a stream to a relay's own port and carries the data plane's datagrams", async () => {
  await withStreams(async ({ streams, place, plane, accept }) => {
    const user = new User();
    streams.use(place, user);
    const relay = await accept();
    const stream = (await user.next(1))!;
    assert.equal(stream.transport, "tcp");
    assert.equal(formatEndpoint(stream.relay), formatEndpoint(place.endpoints[0]!));
    await plane.send(Uint8Array.of(7, 8), { transport: "udp", hostname: "127.0.0.1", port: stream.endpoint.port });
    assert.deepEqual(await relay.read(), Uint8Array.of(0, 2, 7, 8));
    await relay.write(Uint8Array.of(0, 1, 9));
    const [datagram, from] = await plane.receive();
    assert.deepEqual(new Uint8Array(datagram), Uint8Array.of(9));
    assert.equal((from as Deno.NetAddr).port, stream.endpoint.port);
  });
});

Deno.test("RelayStreams reaches the server's own relay by the ways to the server", async () => {
  await withStreams(async (world) => {
    const { streams, place, accept } = world;
    streams.setServerRelay(RELAY_ID);
    const user = new User();
    streams.use(place, user);
    await accept();
    assert.equal((await user.next(1))!.transport, "tls");
    assert.equal(world.opens, 1);
  });
});

Deno.test("RelayStreams opens one stream for all, tells each of it, and keeps it 15 s after the last has left", async () => {
  await withStreams(async ({ streams, place, accept, clock }) => {
    const [first, second] = [new User(), new User()];
    streams.use(place, first);
    const relay = await accept();
    const stream = await first.next(1);
    streams.use(place, second);
    streams.use(place, second);
    assert.deepEqual(second.told, [stream]);
    streams.leave(place, first);
    clock.advance(60_000);
    streams.leave(place, second);
    clock.advance(14_999);
    streams.use(place, first);
    streams.leave(place, first);
    clock.advance(15_000);
    assert.equal(await relay.read(), null);
  });
});

Deno.test("RelayStreams opens another stream where one has ended or died, after a pause", async () => {
  await withStreams(async ({ streams, place, accept, clock }) => {
    const user = new User();
    streams.use(place, user);
    (await accept()).close();
    assert.equal(await user.next(2), null);
    clock.advance(1_000);
    await accept();
    assert.notEqual(await user.next(3), null);
    streams.died(place);
    assert.equal(await user.next(4), null);
  });
});

Deno.test("RelayStreams tries again where no way is open, ever more rarely", async () => {
  await withStreams(async (world) => {
    const { streams, place, clock } = world;
    const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
    world.rung = null;
    streams.setServerRelay(RELAY_ID);
    streams.use(place, new User());
    const counts: number[] = [];
    for (const pauseMs of [0, 999, 1, 1_999, 1, 5_000, 10_000, 30_000]) {
      clock.advance(pauseMs);
      await settle();
      counts.push(world.opens);
    }
    assert.deepEqual(counts, [1, 1, 2, 2, 3, 4, 5, 6]);
  });
});
