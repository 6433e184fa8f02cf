import assert from "node:assert/strict";
import { fromUtf8, utf8 } from "../../src/base/bytes.ts";
import { connectThroughProxy, parseProxy, proxyFromEnvironment } from "../../src/transport/http_proxy.ts";
import { type BufferedStream, connectTcp, tcpStream } from "../../src/transport/stream.ts";

const never = new AbortController().signal;
const TARGET = { hostname: "buri.example", port: 443 };
const PROXY = { hostname: "proxy.example", port: 3128, credentials: null };

/** Our end of a connection to a proxy that answers what `answer` makes of the request's head. */
async function withProxy(
  answer: (head: string) => string,
  run: (stream: BufferedStream) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const [accepted, stream] = await Promise.all([
    listener.accept(),
    connectTcp({ hostname: "127.0.0.1", port, timeoutMs: 5_000, signal: never }),
  ]);
  const other = tcpStream(accepted);
  const serving = (async () => {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) head += fromUtf8((await other.read())!);
    await other.write(utf8(answer(head)));
    if (answer(head) === "") other.close();
  })();
  try {
    await run(stream);
    await serving;
  } finally {
    stream.close();
    other.close();
  }
}

Deno.test("connectThroughProxy asks for the target, gives its credentials, and hands over what follows the answer", async () => {
  let asked = "";
  await withProxy((head) => {
    asked = head;
    return "HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\nfirst bytes";
  }, async (stream) => {
    const through = await connectThroughProxy(stream, { ...PROXY, credentials: "bob:s3:cret" }, TARGET);
    assert.equal(fromUtf8((await through.read())!), "first bytes");
  });
  assert.deepEqual(asked.split("\r\n"), [
    "CONNECT buri.example:443 HTTP/1.1",
    "Host: buri.example:443",
    "Proxy-Authorization: Basic Ym9iOnMzOmNyZXQ=",
    "",
    "",
  ]);
});

Deno.test("connectThroughProxy puts an IPv6 target in brackets and sends no credentials where there are none", async () => {
  let asked = "";
  await withProxy((head) => {
    asked = head;
    return "HTTP/1.0 200 OK\r\n\r\n";
  }, async (stream) => {
    await connectThroughProxy(stream, PROXY, { hostname: "2001:db8::5", port: 443 });
  });
  assert.match(asked, /^CONNECT \[2001:db8::5\]:443 HTTP\/1\.1\r\n/);
  assert.doesNotMatch(asked, /authorization/i);
});

Deno.test("connectThroughProxy refuses what a proxy does not let through, and what is no proxy", async () => {
  const refused = (answer: string, pattern: RegExp) =>
    withProxy(() => answer, (stream) => assert.rejects(connectThroughProxy(stream, PROXY, TARGET), pattern));
  await refused("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", /refuses: 407 Proxy Authentication Required$/);
  await refused("HTTP/1.1 403 Forbidden\r\n\r\n", /refuses: 403 Forbidden$/);
  await refused("SSH-2.0-OpenSSH\r\n\r\n", /no HTTP/);
  await refused(`HTTP/1.1 200 OK\r\n${"x".repeat(70_000)}`, /too long/);
  await refused("", /closed the connection/);
});

Deno.test("parseProxy reads what people write for a proxy and nothing else", () => {
  assert.deepEqual(parseProxy("http://bob:p%40ss@proxy.example:8080"), {
    hostname: "proxy.example",
    port: 8080,
    credentials: "bob:p@ss",
  });
  assert.deepEqual(parseProxy("10.0.0.1:80"), { hostname: "10.0.0.1", port: 80, credentials: null });
  assert.deepEqual(parseProxy("proxy"), { hostname: "proxy", port: 3128, credentials: null });
  assert.deepEqual(parseProxy("http://[2001:db8::1]:8080/"), {
    hostname: "2001:db8::1",
    port: 8080,
    credentials: null,
  });
  for (const wrong of ["", "socks5://h:1", "https://h:1", "http://h:99999", "http://h/path", "http://%zz:x@h", "a b"]) {
    assert.equal(parseProxy(wrong), null, wrong);
  }
});

Deno.test("proxyFromEnvironment reads the variables of other programs and heeds their exceptions", () => {
  const find = (environment: Record<string, string>, host = "vpn.example.org") =>
    proxyFromEnvironment((name) => environment[name], host)?.hostname ?? null;
  assert.equal(find({}), null);
  assert.equal(find({ HTTPS_PROXY: "http://one:1" }), "one");
  assert.equal(find({ https_proxy: "http://small:1", HTTPS_PROXY: "http://one:1" }), "small");
  assert.equal(find({ ALL_PROXY: "http://all:1" }), "all");
  assert.equal(find({ ALL_PROXY: "socks5://all:1" }), null);
  for (const list of ["*", "example.org", ".example.org", "*.example.org", "a, vpn.example.ORG"]) {
    assert.equal(find({ HTTPS_PROXY: "one:1", NO_PROXY: list }), null, list);
  }
  assert.equal(find({ HTTPS_PROXY: "one:1", NO_PROXY: "ample.org,other" }), "one");
});
