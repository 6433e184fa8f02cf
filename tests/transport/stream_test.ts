import assert from "node:assert/strict";
import { formatEndpoint } from "../../src/base/ip.ts";
import { connectTcp, type StreamConnection, tcpStream } from "../../src/transport/stream.ts";

const never = new AbortController().signal;

async function withPair(run: (a: StreamConnection, b: StreamConnection) => Promise<void>): Promise<void> {
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

Deno.test("connectTcp carries bytes both ways and knows both ends", async () => {
  await withPair(async (a, b) => {
    assert.equal(formatEndpoint(a.remote), formatEndpoint(b.local));
    assert.equal(formatEndpoint(a.local), formatEndpoint(b.remote));
    await a.write(Uint8Array.of(1, 2, 3));
    assert.deepEqual(await b.read(), Uint8Array.of(1, 2, 3));
    const large = new Uint8Array(300_000).fill(7);
    const received: number[] = [];
    const reading = (async () => {
      while (received.reduce((sum, length) => sum + length, 0) < large.length) received.push((await a.read())!.length);
    })();
    await b.write(large);
    await reading;
  });
});

Deno.test("a stream ends with null when the other end closes", async () => {
  await withPair(async (a, b) => {
    b.close();
    assert.equal(await a.read(), null);
  });
});

Deno.test("closing a stream ends a read that waits, and may be done twice", async () => {
  await withPair(async (a) => {
    const reading = a.read();
    a.close();
    a.close();
    assert.equal(await reading, null);
    assert.equal(await a.read(), null);
  });
});

Deno.test("connectTcp rejects when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await assert.rejects(connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never }), /refused/i);
});

Deno.test("connectTcp gives up with the reason of its signal", async () => {
  const signal = AbortSignal.abort(new Error("stopped by the test"));
  await assert.rejects(connectTcp({ hostname: "127.0.0.1", port: 9, timeoutMs: 5_000, signal }), /stopped by the test/);
});
