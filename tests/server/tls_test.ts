import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { UserError } from "../../src/base/errors.ts";
import { BIND_REFUSED, encodeStreamDatagram, RELAY_STREAM_OPENING, relayDatagrams } from "../../src/protocol/mod.ts";
import { type BufferedStream, connectTcp } from "../../src/transport/stream.ts";
import { startTlsClient } from "../../src/transport/tls.ts";
import { bindDatagram, signedTicket } from "../relay/relay_fixture.ts";
import { startTestServer } from "./server_support.ts";

const never = new AbortController().signal;
const ANY_TLS = { port: 0, isOptional: false };

async function open(port: number): Promise<BufferedStream> {
  const stream = await connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never });
  return await startTlsClient(stream, "127.0.0.1");
}

async function readAll(stream: BufferedStream): Promise<string> {
  let text = "";
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) text += fromUtf8(chunk);
  return text;
}

Deno.test("startServer shows a web browser an ordinary page over TLS, on either port", async () => {
  await using test = await startTestServer({ tls: ANY_TLS });
  for (const port of [test.server.port, test.server.tlsPort!]) {
    const stream = await open(port);
    await stream.write(utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert.match(await readAll(stream), /^HTTP\/1\.1 404 Not Found\r\n/);
    stream.close();
  }
});

Deno.test("startServer leads a relay stream over TLS to its own relay", async () => {
  await using test = await startTestServer({ tls: ANY_TLS });
  const stream = await open(test.server.tlsPort!);
  await stream.write(RELAY_STREAM_OPENING);
  // Its ticket is another server's: that the relay says so shows that the BIND has come to it.
  await stream.write(encodeStreamDatagram(bindDatagram(signedTicket())));
  const answer = (await stream.read())!;
  assert.deepEqual(relayDatagrams.refused.decode(answer.subarray(2)).code, BIND_REFUSED.ticketInvalid);
  stream.close();
});

Deno.test("startServer keeps its certificate over a restart, and refuses a damaged one", async () => {
  await using test = await startTestServer({ tls: ANY_TLS });
  const kept = Deno.readTextFileSync(`${test.dataDir}/tls.pem`);
  await test.restart();
  assert.equal(Deno.readTextFileSync(`${test.dataDir}/tls.pem`), kept);
  Deno.writeTextFileSync(`${test.dataDir}/tls.pem`, "no certificate");
  await assert.rejects(
    test.restart(),
    (error) => error instanceof UserError && /tls\.pem is damaged/.test(error.message),
  );
  Deno.writeTextFileSync(`${test.dataDir}/tls.pem`, kept);
  await test.restart();
});

Deno.test("startServer does without a TLS port that is taken, unless it was asked for by number", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using test = await startTestServer({ tls: { port, isOptional: true } });
  assert.equal(test.server.tlsPort, null);
  await assert.rejects(
    startTestServer({ tls: { port, isOptional: false } }),
    (error) => error instanceof UserError && /TCP 127\.0\.0\.1:\d+: the port is in use/.test(error.message),
  );
});

Deno.test("startServer tells clients where TLS is spoken and which relay takes streams", async () => {
  await using test = await startTestServer({ tls: ANY_TLS });
  const client = await test.connect();
  const told = await client.next("streams");
  assert.equal(told.tlsPort, test.server.tlsPort);
  assert.equal(told.relayId.length, 16);
  await client.close();
});
