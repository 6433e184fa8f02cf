import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../../src/base/bytes.ts";
import { formatEndpoint, mappedIpv4, parseEndpoint, parseIpv4 } from "../../../src/base/ip.ts";
import type { Gateway } from "../../../src/transport/port_mapping/mod.ts";
import { systemNetwork } from "../../../src/transport/port_mapping/network.ts";

const LOOPBACK = mappedIpv4(parseIpv4("127.0.0.1")!);
const GATEWAY: Gateway = { address: LOOPBACK, localAddress: LOOPBACK, zone: null };
const never = new AbortController().signal;

/** What a router says on one connection, given a way to say it; it closes afterwards. */
type Router = (say: (text: string) => Promise<unknown>, connection: Deno.TcpConn) => Promise<unknown>;

/** Serves one request on loopback and gives what came of asking. */
async function ask(router: Router, signal = never, timeoutMs = 5000): Promise<{ body?: string; error?: string }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    await router((text) => connection.write(utf8(text)).catch(() => {}), connection);
  })();
  const url = { host: "127.0.0.1", port: listener.addr.port, target: "/" };
  try {
    const { body } = await systemNetwork(timeoutMs).sendHttp({ url, method: "GET", headers: {}, body: "" }, signal);
    return { body };
  } catch (error) {
    return { error: (error as Error).message };
  } finally {
    await serving;
    listener.close();
  }
}

Deno.test("sendHttp reads an answer of stated length without waiting for the end, and one without up to the end", async () => {
  const stayOpen: Router = async (say, connection) => {
    await say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    assert.equal(await connection.read(new Uint8Array(1)), null, "we close first");
  };
  assert.deepEqual(await ask(stayOpen), { body: "ab" });
  assert.deepEqual(await ask((say) => say("HTTP/1.1 200 OK\r\n\r\nabc")), { body: "abc" });
});

Deno.test("sendHttp follows no redirect", async () => {
  assert.deepEqual(await ask((say) => say("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n")), {
    body: "",
  });
});

Deno.test("sendHttp reads 64 KiB and no more", async () => {
  const head = "HTTP/1.1 200 OK\r\n\r\n";
  const room = 65_536 - head.length;
  assert.equal((await ask((say) => say(head + "x".repeat(room)))).body?.length, room);
  assert.deepEqual(await ask((say) => say(head + "x".repeat(10_000_000))), { error: "the answer is too long" });
});

Deno.test("sendHttp gives up on a router that says nothing, or goes on for ever", async () => {
  const untilClosed = async (connection: Deno.TcpConn) => {
    while (await connection.read(new Uint8Array(1)).catch(() => null) !== null);
  };
  assert.deepEqual(await ask((_, connection) => untilClosed(connection), never, 50), { error: "no answer" });
  const began = performance.now();
  const dribble: Router = async (say, connection) => {
    let isOpen = true;
    const closed = untilClosed(connection).then(() => isOpen = false);
    await say("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
    while (isOpen) {
      await say("x");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await closed;
  };
  assert.deepEqual(await ask(dribble, never, 100), { error: "HTTP answer ends early" });
  assert.ok(performance.now() - began < 3000);
});

Deno.test("sendHttp ends when it is told to", async () => {
  const abort = new AbortController();
  const router: Router = async (_, connection) => {
    abort.abort(new Error("cancelled"));
    await connection.read(new Uint8Array(1)).catch(() => null);
  };
  const began = performance.now();
  assert.deepEqual(await ask(router, abort.signal), { error: "cancelled" });
  assert.ok(performance.now() - began < 2000);
  await assert.rejects(
    systemNetwork().sendHttp(
      { url: { host: "127.0.0.1", port: 1, target: "/" }, method: "GET", headers: {}, body: "" },
      abort.signal,
    ),
    /cancelled/,
  );
});

Deno.test("openPort sends from our own address and hears answers until it is closed", async () => {
  const server = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { promise, resolve } = Promise.withResolvers<string>();
  const port = systemNetwork().openPort(
    GATEWAY,
    (bytes, from) => resolve(`${fromUtf8(bytes)} ${formatEndpoint(from)}`),
  );
  const serverAt = `127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
  port.send(utf8("question"), parseEndpoint(serverAt)!);
  const [question, from] = await server.receive();
  assert.equal(fromUtf8(question), "question");
  await server.send(utf8("answer"), from);
  assert.equal(await promise, `answer ${serverAt}`);
  await port.close();
  await port.close();
  server.close();
});

Deno.test("openPort takes a datagram that cannot be sent for a lost one", async () => {
  const port = systemNetwork().openPort(GATEWAY, () => {});
  port.send(new Uint8Array(1), parseEndpoint("255.255.255.255:1")!);
  port.send(new Uint8Array(70_000), parseEndpoint("127.0.0.1:9")!);
  await port.close();
});

Deno.test("openAnnouncements shares its port with other programs", async () => {
  const network = systemNetwork();
  const ports = [network.openAnnouncements(GATEWAY, () => {}), network.openAnnouncements(GATEWAY, () => {})];
  await Promise.all(ports.map((port) => port.close()));
});
