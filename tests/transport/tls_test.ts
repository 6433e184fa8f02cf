import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import { generateTlsKey, selfSign } from "../../src/crypto/mod.ts";
import { type BufferedStream, connectTcp, tcpStream, withFirst } from "../../src/transport/stream.ts";
import { startTlsClient, startTlsServer } from "../../src/transport/tls.ts";

const never = new AbortController().signal;
const IDENTITY = selfSign(generateTlsKey(), seededRandom(1), Date.now());

async function withPair(run: (a: BufferedStream, b: BufferedStream) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { port } = listener.addr as Deno.NetAddr;
  const a = await connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never });
  const b = tcpStream(await accepted);
  try {
    await run(a, b);
  } finally {
    a.close();
    b.close();
  }
}

/** Both ends of a TLS connection, whose first bytes somebody looked at before the server took it. */
async function withTls(run: (client: BufferedStream, server: BufferedStream) => Promise<void>): Promise<void> {
  await withPair(async (a, b) => {
    const opening = startTlsClient(a, "203.0.113.1");
    const first = (await b.read())!;
    assert.equal(first[0], 0x16);
    const server = await startTlsServer(withFirst(b, first), IDENTITY);
    const client = await opening;
    try {
      await run(client, server);
    } finally {
      client.close();
      server.close();
    }
  });
}

Deno.test("startTlsClient and startTlsServer carry bytes both ways, and no more than a buffer takes", async () => {
  await withTls(async (client, server) => {
    await client.write(Uint8Array.of(1, 2, 3));
    const buffer = new Uint8Array(2);
    assert.equal(await server.readInto(buffer), 2);
    assert.deepEqual(buffer, Uint8Array.of(1, 2));
    assert.deepEqual(await server.read(), Uint8Array.of(3));
    const large = crypto.getRandomValues(new Uint8Array(65_536));
    const writing = server.write(large).then(() => server.write(large));
    const got: number[] = [];
    while (got.length < 2 * large.length) got.push(...(await client.read())!);
    await writing;
    assert.deepEqual(new Uint8Array(got.slice(large.length)), large);
  });
});

Deno.test("a TLS stream ends when the other end closes, and a read that waits ends with close", async () => {
  await withTls(async (client, server) => {
    const waiting = client.read();
    client.close();
    assert.equal(await waiting, null);
    assert.equal(await client.read(), null);
    assert.equal(await server.read().catch(() => null), null);
  });
});

Deno.test("startTlsClient fails where the other end speaks no TLS", async () => {
  await withPair(async (a, b) => {
    const opening = startTlsClient(a, "example.test");
    await b.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await assert.rejects(opening);
  });
});

Deno.test("startTlsServer fails when its stream is closed during the handshake", async () => {
  await withPair(async (_, b) => {
    const opening = startTlsServer(b, IDENTITY);
    b.close();
    await assert.rejects(opening, /closed|reset|broken/i);
  });
});

Deno.test("withFirst gives what was read before, then what follows", async () => {
  await withPair(async (a, b) => {
    const stream = withFirst(b, Uint8Array.of(1, 2, 3));
    await a.write(Uint8Array.of(4));
    const buffer = new Uint8Array(2);
    assert.equal(await stream.readInto(buffer), 2);
    assert.deepEqual(buffer, Uint8Array.of(1, 2));
    assert.deepEqual(await stream.read(), Uint8Array.of(3));
    assert.deepEqual(await stream.read(), Uint8Array.of(4));
  });
});
