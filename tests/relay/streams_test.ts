import { deepEqual, equal } from "node:assert/strict";
import { concat } from "../../src/base/bytes.ts";
import { FakeClock } from "../../src/base/clock.ts";
import { mappedIpv4 } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import {
  BIND_LENGTH,
  DATAGRAM,
  encodeStreamDatagram,
  RELAY_STREAM_FRAMING,
  RELAY_STREAM_OPENING,
  relayDatagrams,
  type Ticket,
} from "../../src/protocol/mod.ts";
import { type Relay, startRelay } from "../../src/relay/mod.ts";
import { RelayStreams } from "../../src/relay/streams.ts";
import { type BufferedStream, connectTcp, tcpStream } from "../../src/transport/stream.ts";
import { systemClock } from "../../src/transport/system.ts";
import { authority, bindDatagram, RELAY_ID, signedTicket } from "./relay_fixture.ts";

const LOOPBACK = mappedIpv4(0x7f000001);
const never = new AbortController().signal;

function open(port: number): Promise<BufferedStream> {
  return connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never });
}

/** A member whose UDP is blocked. */
class StreamClient {
  readonly #stream: BufferedStream;
  readonly #splitter = RELAY_STREAM_FRAMING.splitter();

  constructor(stream: BufferedStream) {
    this.#stream = stream;
  }

  async send(datagram: Uint8Array): Promise<void> {
    await this.#stream.write(encodeStreamDatagram(datagram));
  }

  /** The next datagram; null once the relay has hung up. */
  async receive(): Promise<Uint8Array | null> {
    for (;;) {
      const datagram = this.#splitter.next();
      if (datagram !== null) return datagram;
      const chunk = await this.#stream.read().catch(() => null);
      if (chunk === null) return null;
      this.#splitter.push(chunk);
    }
  }

  async bind(changes: Partial<Ticket>): Promise<Uint8Array | null> {
    const ticket = signedTicket({ issuedAt: BigInt(Date.now()), expiresAt: BigInt(Date.now() + 60_000), ...changes });
    await this.send(bindDatagram(ticket));
    return await this.receive();
  }
}

type Setting = (relay: Relay, connect: () => Promise<BufferedStream>) => Promise<void>;

async function withRelay(run: Setting): Promise<void> {
  const relay = await startRelay({
    address: LOOPBACK,
    port: 0,
    relayId: RELAY_ID,
    authority: authority(),
    clock: systemClock(),
    random: systemRandom(),
    log: silentLogger,
  });
  const streams: BufferedStream[] = [];
  try {
    await run(relay, async () => {
      const stream = await open(relay.port);
      streams.push(stream);
      return stream;
    });
  } finally {
    for (const stream of streams) stream.close();
    await relay.stop();
  }
}

// Native libraries stay open for the life of the process, which a test that opened them first would be blamed for.
await withRelay(() => Promise.resolve());

const packet = (spi: number, length: number): Uint8Array =>
  concat(Uint8Array.of(0, 0, spi >> 8, spi & 255), new Uint8Array(length - 4).fill(length));

Deno.test("startRelay forwards between a member with a stream and one with UDP, both ways", async () => {
  await withRelay(async (relay, connect) => {
    const stream = await connect();
    await stream.write(RELAY_STREAM_OPENING);
    const blocked = new StreamClient(stream);
    equal((await blocked.bind({ spi: 1000, peerSpi: 2000 }))![4], DATAGRAM.bound);
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const to = { transport: "udp" as const, hostname: "127.0.0.1", port: relay.port };
    try {
      const ask = async (datagram: Uint8Array) => {
        await socket.send(datagram, to);
        return new Uint8Array((await socket.receive())[0]);
      };
      const dates = { issuedAt: BigInt(Date.now()), expiresAt: BigInt(Date.now() + 60_000) };
      const ticket = signedTicket({ spi: 2000, peerSpi: 1000, ...dates });
      const { cookie } = relayDatagrams.challenge.decode(await ask(bindDatagram(ticket)));
      equal((await ask(bindDatagram(ticket, cookie)))[4], DATAGRAM.bound);
      for (const length of [4, 1400]) {
        await blocked.send(packet(2000, length));
        deepEqual(new Uint8Array((await socket.receive())[0]), packet(2000, length));
        await socket.send(packet(1000, length), to);
        deepEqual(await blocked.receive(), packet(1000, length));
      }
      equal(relay.stats().streams, 1);
    } finally {
      socket.close();
    }
  });
});

Deno.test("startRelay takes BIND from a stream without a cookie, and from the same machine's UDP only with one", async () => {
  await withRelay(async (relay, connect) => {
    const stream = await connect();
    await stream.write(RELAY_STREAM_OPENING);
    const bound = await new StreamClient(stream).bind({ spi: 1000, peerSpi: 2000 });
    equal(relayDatagrams.bound.decode(bound!).spi, 1000);
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    await socket.send(bindDatagram(signedTicket()), { transport: "udp", hostname: "127.0.0.1", port: relay.port });
    equal((await socket.receive())[0][4], DATAGRAM.challenge);
    socket.close();
  });
});

Deno.test("startRelay hangs up on a stream that opens with anything else, however it comes", async () => {
  await withRelay(async (relay, connect) => {
    for (const opening of [[0, 0, 0, 1, 1], [71, 69, 84, 32], [0, 0, 1]]) {
      const stream = await connect();
      for (const byte of opening) await stream.write(Uint8Array.of(byte)).catch(() => {});
      equal(await stream.read().catch(() => null), null);
    }
    equal(relay.stats().streams, 0);
  });
});

Deno.test("startRelay takes an opening that comes byte by byte", async () => {
  await withRelay(async (_, connect) => {
    const stream = await connect();
    for (const byte of RELAY_STREAM_OPENING) await stream.write(Uint8Array.of(byte));
    equal((await new StreamClient(stream).bind({ spi: 1000, peerSpi: 2000 }))![4], DATAGRAM.bound);
  });
});

interface Bench {
  clock: FakeClock;
  streams: RelayStreams;
  /** The relay's socket. */
  relay: Deno.DatagramConn;
  /** A client of one more stream, and where it stands at the relay. */
  add(): Promise<StreamClient>;
}

/** Streams before a relay that is nothing but a socket. */
async function withStreams(run: (bench: Bench) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relay = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const clock = new FakeClock();
  const at = { address: LOOPBACK, port: (relay.addr as Deno.NetAddr).port };
  const streams = new RelayStreams({ relay: at, clock, log: silentLogger });
  const opened: BufferedStream[] = [];
  try {
    const add = async () => {
      const [accepted, stream] = await Promise.all([listener.accept(), open((listener.addr as Deno.NetAddr).port)]);
      opened.push(stream);
      streams.serve(tcpStream(accepted));
      return new StreamClient(stream);
    };
    await run({ clock, streams, relay, add });
  } finally {
    await streams.stop();
    for (const stream of opened) stream.close();
    relay.close();
  }
}

Deno.test("RelayStreams hangs up on who does not bind in 10 s, and on who renews nothing for two lifetimes", async () => {
  await withStreams(async ({ clock, streams, relay, add }) => {
    const [idle, bound] = [await add(), await add()];
    await bound.send(new Uint8Array(8).fill(1));
    const [, from] = await relay.receive();
    const answer = relayDatagrams.bound.encode({ spi: 1000, lifetimeSeconds: 60, class: 1 });
    await relay.send(answer, from);
    deepEqual(await bound.receive(), answer);
    clock.advance(10_000);
    equal(await idle.receive(), null);
    equal(streams.count, 1);
    const at = { address: LOOPBACK, port: (from as Deno.NetAddr).port };
    equal(streams.serves(at), true);
    clock.advance(110_000);
    equal(await bound.receive(), null);
    equal(streams.count, 0);
    equal(streams.serves(at), false);
  });
});

Deno.test("RelayStreams serves 32 streams of one address and closes the next", async () => {
  await withStreams(async ({ streams, add }) => {
    for (let n = 0; n < 32; n++) await add();
    const extra = await add();
    equal(await extra.receive(), null);
    equal(streams.count, 32);
  });
});

Deno.test("RelayStreams lets a stream bind 128 times at once and 10 times a second", async () => {
  await withStreams(async ({ clock, relay, add }) => {
    const client = await add();
    const counts: number[] = [];
    for (const binds of [140, 30]) {
      for (let n = 0; n < binds; n++) await client.send(new Uint8Array(BIND_LENGTH));
      await client.send(new Uint8Array(7));
      let count = 0;
      while ((await relay.receive())[0].length === BIND_LENGTH) count++;
      counts.push(count);
      clock.advance(1000);
    }
    deepEqual(counts, [128, 10]);
  });
});
