import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { FakeClock } from "../../src/base/clock.ts";
import { formatEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateTlsKey, selfSign } from "../../src/crypto/mod.ts";
import { NEXT_RUNG_MS, rungName } from "../../src/engine/ladder.ts";
import { NoWayError, ServerWays } from "../../src/engine/server_ways.ts";
import type { HttpProxy } from "../../src/transport/http_proxy.ts";
import { type BufferedStream, connectTcp, tcpStream, withFirst } from "../../src/transport/stream.ts";
import { startTlsServer } from "../../src/transport/tls.ts";

const never = new AbortController().signal;
const CERTIFICATE = selfSign(generateTlsKey(), seededRandom(1), Date.now());

/** Listens on loopback and does `serve` with whoever comes. */
function listen(serve: (stream: BufferedStream) => Promise<void>): Disposable & { port: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const streams: BufferedStream[] = [];
  const running = (async () => {
    for await (const connection of listener) {
      const stream = tcpStream(connection);
      streams.push(stream);
      serve(stream).catch(() => {});
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    [Symbol.dispose]() {
      listener.close();
      for (const stream of streams) stream.close();
      running.catch(() => {});
    },
  };
}

/** Speaks TLS and nothing else, like a port behind a firewall that looks into it. */
const tlsEcho = async (stream: BufferedStream) => {
  const first = await stream.read();
  if (first === null || first[0] !== 0x16) return stream.close();
  const inside = await startTlsServer(withFirst(stream, first), CERTIFICATE);
  await inside.write((await inside.read())!);
};

function makeWays(port: number, proxy: HttpProxy | null = null, last: string | null = null) {
  const clock = new FakeClock();
  const kept: string[] = [];
  const ways = new ServerWays({
    ...{ hostname: "127.0.0.1", port, proxy, last, clock },
    remember: (name) => kept.push(name),
    log: silentLogger,
  });
  return { ways, clock, kept };
}

async function echo(stream: BufferedStream): Promise<string> {
  await stream.write(utf8("hello"));
  return fromUtf8((await stream.read())!);
}

Deno.test("ServerWays opens by TCP where that works", async () => {
  using server = listen(async (stream) => await stream.write((await stream.read())!));
  const { ways } = makeWays(server.port);
  const { stream, rung } = await ways.open(ways.order, never);
  assert.equal(rungName(rung), `tcp:${server.port}`);
  assert.equal(await echo(stream), "hello");
  stream.close();
});

Deno.test("ServerWays opens by TLS where TCP is refused, at once", async () => {
  using server = listen(tlsEcho);
  const { ways, clock } = makeWays(1);
  ways.setTlsPort(server.port);
  const { stream, rung } = await ways.open(ways.order, never);
  assert.equal(rungName(rung), `tls:${server.port}`);
  assert.equal(clock.now(), 0, "nothing was waited for");
  assert.equal(await echo(stream), "hello");
  stream.close();
});

Deno.test("ServerWays tries the next way beside one that does not answer, and closes what comes too late", async () => {
  using silent = listen(() => new Promise(() => {}));
  using server = listen(tlsEcho);
  const { ways, clock } = makeWays(1);
  ways.setTlsPort(server.port);
  const stuck = { way: "tls", port: silent.port } as const;
  const opening = ways.open([stuck, ...ways.order.slice(1)], never);
  clock.advance(NEXT_RUNG_MS);
  const { stream, rung } = await opening;
  assert.equal(rung.port, server.port);
  stream.close();
});

Deno.test("ServerWays goes through a proxy, and takes the server for the other end", async () => {
  using server = listen(tlsEcho);
  let asked = "";
  using proxy = listen(async (stream) => {
    asked = fromUtf8((await stream.read())!);
    const onward = await connectTcp({ hostname: "127.0.0.1", port: server.port, timeoutMs: 5_000, signal: never });
    await stream.write(utf8("HTTP/1.1 200 OK\r\n\r\n"));
    const copy = async (from: BufferedStream, to: BufferedStream) => {
      for (let bytes = await from.read(); bytes !== null; bytes = await from.read()) await to.write(bytes);
      to.close();
    };
    await Promise.allSettled([copy(stream, onward), copy(onward, stream)]);
  });
  const { ways } = makeWays(1, { hostname: "127.0.0.1", port: proxy.port, credentials: "a:b" });
  ways.setTlsPort(2);
  const { stream, rung } = await ways.open(ways.order, never);
  assert.equal(rungName(rung), "proxy:2");
  assert.match(asked, /^CONNECT 127\.0\.0\.1:2 HTTP\/1\.1\r\n.*Proxy-Authorization: Basic YTpi\r\n/s);
  assert.equal(formatEndpoint(stream.remote), "127.0.0.1:2");
  assert.equal(await echo(stream), "hello");
  stream.close();
});

Deno.test("ServerWays says why no way opened, the best first", async () => {
  const { ways } = makeWays(1);
  ways.setTlsPort(0);
  await assert.rejects(ways.open(ways.order, never), (error) => {
    assert(error instanceof NoWayError);
    assert.deepEqual([...error.reasons.keys()], ["tcp:1", "tls:1"]);
    assert.match(error.message, /refused/);
    return true;
  });
});

Deno.test("ServerWays opens nothing once its signal has aborted", async () => {
  const { ways } = makeWays(1);
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(ways.open(ways.order, signal), /enough/);
});

Deno.test("ServerWays gives up with the reason of its signal", async () => {
  using silent = listen(() => new Promise(() => {}));
  const { ways } = makeWays(1);
  const abort = new AbortController();
  const opening = ways.open([{ way: "tls", port: silent.port }], abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(opening, /enough/);
});

Deno.test("ServerWays begins with the way that worked last, and keeps it", () => {
  const { ways, kept } = makeWays(12975, null, "tls:443");
  assert.equal(rungName(ways.order[0]!), "tls:443");
  ways.worked(ways.order[1]!);
  assert.deepEqual(kept, ["tcp:12975"]);
  assert.equal(rungName(ways.order[0]!), "tcp:12975");
});
