import assert from "node:assert/strict";
import { mappedIpv4 } from "../../src/base/ip.ts";
import { RELAY_STREAM_FRAMING } from "../../src/protocol/mod.ts";
import { bridgeDatagrams, type BridgeOptions, type DatagramBridge } from "../../src/transport/datagram_bridge.ts";
import { type BufferedStream, connectTcp, tcpStream } from "../../src/transport/stream.ts";

const never = new AbortController().signal;
const LOOPBACK = mappedIpv4(0x7f000001);

interface World {
  /** The UDP socket that the bridge is for. */
  socket: Deno.DatagramConn;
  /** The other end of the stream. */
  other: BufferedStream;
  bridge: DatagramBridge;
}

async function withBridge(run: (world: World) => Promise<void>, options: Partial<BridgeOptions> = {}): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [accepted, stream] = await Promise.all([
    listener.accept(),
    connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never }),
  ]);
  const other = tcpStream(accepted);
  const peer = { address: LOOPBACK, port: (socket.addr as Deno.NetAddr).port };
  const bridge = bridgeDatagrams({ stream, framing: RELAY_STREAM_FRAMING, peer, ...options });
  try {
    await run({ socket, other, bridge });
  } finally {
    bridge.close();
    stream.close();
    other.close();
    socket.close();
    await bridge.ended;
  }
}

function to({ bridge }: World): Deno.NetAddr {
  return { transport: "udp", hostname: "127.0.0.1", port: bridge.endpoint.port };
}

Deno.test("bridgeDatagrams writes a datagram of its peer into the stream, with its length", async () => {
  await withBridge(async (world) => {
    await world.socket.send(Uint8Array.of(7, 8, 9), to(world));
    assert.deepEqual(await world.other.read(), Uint8Array.of(0, 3, 7, 8, 9));
  });
});

Deno.test("bridgeDatagrams sends each datagram of the stream to its peer, however it was cut", async () => {
  await withBridge(async (world) => {
    await world.other.write(Uint8Array.of(0, 2, 1));
    await world.other.write(Uint8Array.of(2, 0, 1, 3));
    const [first, from] = await world.socket.receive();
    assert.deepEqual(new Uint8Array(first), Uint8Array.of(1, 2));
    assert.equal((from as Deno.NetAddr).port, world.bridge.endpoint.port);
    assert.deepEqual(new Uint8Array((await world.socket.receive())[0]), Uint8Array.of(3));
  });
});

Deno.test("bridgeDatagrams ignores whoever is not its peer", async () => {
  await withBridge(async (world) => {
    const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    await stranger.send(Uint8Array.of(1), to(world));
    stranger.close();
    await world.socket.send(Uint8Array.of(2), to(world));
    assert.deepEqual(await world.other.read(), Uint8Array.of(0, 1, 2));
  });
});

Deno.test("bridgeDatagrams drops what mayEnter refuses and shows what leaves", async () => {
  const left: number[] = [];
  await withBridge(async (world) => {
    await world.other.write(Uint8Array.of(0, 1, 66, 0, 1, 1));
    assert.deepEqual(new Uint8Array((await world.socket.receive())[0]), Uint8Array.of(1));
    await world.socket.send(Uint8Array.of(5), to(world));
    await world.other.read();
    assert.deepEqual(left, [5]);
  }, { mayEnter: (datagram) => datagram[0] !== 66, onLeaving: (datagram) => left.push(datagram[0]!) });
});

Deno.test("bridgeDatagrams drops datagrams while the stream takes nothing, and ends when it closes", async () => {
  let wrote = 0;
  const never = new Promise<void>(() => {});
  const closed = Promise.withResolvers<null>();
  const stuck = {
    local: { address: LOOPBACK, port: 1 },
    remote: { address: LOOPBACK, port: 2 },
    read: () => closed.promise,
    write: (bytes: Uint8Array) => {
      wrote += bytes.length;
      return Promise.race([never, closed.promise.then(() => {})]);
    },
    close: () => closed.resolve(null),
  };
  const seen: number[] = [];
  await withBridge(async (world) => {
    for (let n = 0; n < 600; n++) {
      await world.socket.send(new Uint8Array(1000).fill(n & 255), to(world));
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    stuck.close();
    assert.match(await world.bridge.ended, /stream has ended/);
  }, { stream: stuck, onLeaving: () => seen.push(1) });
  assert(wrote > 0 && wrote < 100_000, `${wrote} bytes were written to a stream that takes none`);
  assert(seen.length > 100 && seen.length <= 262, `${seen.length} datagrams were taken`);
});

Deno.test("bridgeDatagrams ends at a length that is out of all bounds", async () => {
  await withBridge(async ({ other, bridge }) => {
    await other.write(Uint8Array.of(255, 255));
    assert.match(await bridge.ended, /frame of 65535 bytes/);
  });
});
