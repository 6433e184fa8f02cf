import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateTlsKey, selfSign } from "../../src/crypto/mod.ts";
import { receiveVisitor, type Visitor } from "../../src/server/front_door.ts";
import { type BufferedStream, connectTcp, tcpStream } from "../../src/transport/stream.ts";
import { startTlsClient } from "../../src/transport/tls.ts";

const never = new AbortController().signal;
const NOW = Date.UTC(2026, 10, 22, 10, 17);
const CERTIFICATE = selfSign(generateTlsKey(), seededRandom(1), NOW);
const OPENING = Uint8Array.of(0, 0, 0, 1, 5);

/** What becomes of a visitor who does what `visit` does. */
async function withVisit<T>(
  isTlsOnly: boolean,
  visit: (stream: BufferedStream) => Promise<T>,
  take: (visitor: Visitor | null, came: T) => Promise<void> | void,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [accepted, stream] = await Promise.all([
    listener.accept(),
    connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never }),
  ]);
  const other = tcpStream(accepted);
  try {
    const [visitor, came] = await Promise.all([
      receiveVisitor(other, { isTlsOnly, certificate: CERTIFICATE, wallMs: () => NOW }),
      visit(stream),
    ]);
    await take(visitor, came);
    visitor?.stream.close();
  } finally {
    stream.close();
    other.close();
  }
}

/** All that comes until the other end closes. */
async function readAll(stream: BufferedStream): Promise<string> {
  let text = "";
  for (;;) {
    const chunk = await stream.read().catch(() => null);
    if (chunk === null) return text;
    text += fromUtf8(chunk);
  }
}

async function throughTls(stream: BufferedStream, bytes: Uint8Array): Promise<BufferedStream> {
  const inside = await startTlsClient(stream, "vpn.example");
  await inside.write(bytes);
  return inside;
}

Deno.test("receiveVisitor lets a login in with all its bytes, however they come", async () => {
  const helo = Uint8Array.of(0, 0, 0, 1, 1, 9, 9);
  for (const cuts of [[7], [1, 2, 4], [1, 1, 1, 1, 1, 1, 1]]) {
    await withVisit(false, async (stream) => {
      let at = 0;
      for (const length of cuts) await stream.write(helo.subarray(at, at += length));
    }, async (visitor) => {
      assert.equal(visitor?.wants, "login");
      const came: number[] = [];
      while (came.length < helo.length) came.push(...(await visitor!.stream.read())!);
      assert.deepEqual(Uint8Array.from(came), helo);
    });
  }
});

Deno.test("receiveVisitor takes the opening off a relay stream and leaves what follows", async () => {
  await withVisit(false, async (stream) => {
    for (const byte of [...OPENING, 7]) await stream.write(Uint8Array.of(byte));
  }, async (visitor) => {
    assert.equal(visitor?.wants, "relayStream");
    assert.deepEqual(await visitor!.stream.read(), Uint8Array.of(7));
  });
});

Deno.test("receiveVisitor unwraps TLS on either kind of port", async () => {
  for (const isTlsOnly of [false, true]) {
    await withVisit(
      isTlsOnly,
      (stream) => throughTls(stream, Uint8Array.of(...OPENING, 7)),
      async (visitor, inside) => {
        assert.equal(visitor?.wants, "relayStream");
        assert.deepEqual(await visitor!.stream.read(), Uint8Array.of(7));
        inside.close();
      },
    );
  }
});

Deno.test("receiveVisitor shows a web browser an ordinary page that tells nothing", async () => {
  const ask = async (stream: BufferedStream, request: string) => readAll(await throughTls(stream, utf8(request)));
  await withVisit(true, (stream) => ask(stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), (visitor, answer) => {
    assert.equal(visitor, null);
    assert.match(
      answer,
      /^HTTP\/1\.1 404 Not Found\r\nDate: Sun, 22 Nov 2026 10:17:00 GMT\r\nContent-Type: text\/html\r\n/,
    );
    const [head, page] = answer.split("\r\n\r\n", 2) as [string, string];
    assert.equal(Number(/Content-Length: (\d+)/.exec(head)![1]), page.length);
    assert.doesNotMatch(answer, /buri|hamachi|vpn/i);
  });
  await withVisit(true, (stream) => ask(stream, "HEAD / HTTP/1.1\r\n\r\n"), (_, answer) => {
    assert.match(answer, /^HTTP\/1\.1 404 .*\r\n\r\n$/s);
  });
  await withVisit(true, (stream) => ask(stream, "\x80hello"), (_, answer) => {
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  });
});

Deno.test("receiveVisitor hangs up without a word on what no door is for", async () => {
  const say = (bytes: Uint8Array) => async (stream: BufferedStream) => {
    await stream.write(bytes);
    return await readAll(stream);
  };
  for (const [isTlsOnly, bytes] of [[false, utf8("GET / HTTP/1.1\r\n\r\n")], [true, OPENING]] as const) {
    await withVisit(isTlsOnly, say(bytes), (visitor, answer) => assert.deepEqual([visitor, answer], [null, ""]));
  }
  const brokenHello = Uint8Array.of(0x16, 3, 1, 0, 4, 1, 0, 0, 0);
  await withVisit(true, say(brokenHello), (visitor) => assert.equal(visitor, null));
});

Deno.test("receiveVisitor ends with a visitor who hangs up before it is clear what it wants", async () => {
  for (const bytes of [[], [0, 0], [0x16]]) {
    await withVisit(false, async (stream) => {
      if (bytes.length > 0) await stream.write(Uint8Array.from(bytes));
      stream.close();
    }, (visitor) => assert.equal(visitor, null));
  }
});
