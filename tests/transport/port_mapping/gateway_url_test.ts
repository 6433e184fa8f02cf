import assert from "node:assert/strict";
import { parseIpv4 } from "../../../src/base/ip.ts";
import { parseGatewayUrl, resolveGatewayUrl } from "../../../src/transport/port_mapping/gateway_url.ts";

const GATEWAY = parseIpv4("192.168.1.1")!;
const BASE = { host: "192.168.1.1", port: 5000, target: "/dev/root.xml?x=/y" };

Deno.test("parseGatewayUrl reads URLs on the gateway", () => {
  const rest = { host: "192.168.1.1" };
  assert.deepEqual(parseGatewayUrl("http://192.168.1.1:5000/a/b.xml?c=d", GATEWAY), {
    ...rest,
    port: 5000,
    target: "/a/b.xml?c=d",
  });
  assert.deepEqual(parseGatewayUrl("HTTP://192.168.1.1", GATEWAY), { ...rest, port: 80, target: "/" });
});

Deno.test("parseGatewayUrl refuses every other host, however it is written", () => {
  const urls = [
    "http://192.168.1.2/",
    "http://127.0.0.1/",
    "http://router.lan/",
    "http://192.168.1.1.evil.example/",
    "http://192.168.1.1@192.168.1.2/",
    "http://192.168.1.2#@192.168.1.1/",
    "http://user@192.168.1.1/",
    "http://3232235777/",
    "http://0300.0250.1.1/",
    "http://192.168.257/",
    "http://192.168.001.001/",
    "http://[::ffff:192.168.1.1]/",
    "http://192.168.1.1\\@192.168.1.2/",
  ];
  for (const url of urls) assert.equal(parseGatewayUrl(url, GATEWAY), null, url);
});

Deno.test("parseGatewayUrl refuses other schemes, ports that are none, and targets that could break a request line", () => {
  const urls = [
    "https://192.168.1.1/",
    "ftp://192.168.1.1/",
    "//192.168.1.1/",
    "192.168.1.1",
    "http://192.168.1.1:0/",
    "http://192.168.1.1:65536/",
    "http://192.168.1.1:80a/",
    "http://192.168.1.1:/",
    "http://192.168.1.1/a b",
    "http://192.168.1.1/a\r\nX: y",
    "http://192.168.1.1/\u00e9",
    "http://192.168.1.1/#a",
    `http://192.168.1.1/${"a".repeat(1024)}`,
    "",
  ];
  for (const url of urls) assert.equal(parseGatewayUrl(url, GATEWAY), null, url);
});

Deno.test("resolveGatewayUrl resolves against the base and never leaves the gateway", () => {
  const target = (text: string) => resolveGatewayUrl(text, BASE)?.target ?? null;
  assert.equal(target("/ctl/IPConn"), "/ctl/IPConn");
  assert.equal(target("ctl"), "/dev/ctl");
  assert.equal(target("?x"), "/dev/?x");
  assert.deepEqual(resolveGatewayUrl("http://192.168.1.1:49152/ctl", BASE), {
    host: "192.168.1.1",
    port: 49152,
    target: "/ctl",
  });
  for (const text of ["", "//192.168.1.2/ctl", "http://192.168.1.2/ctl", "javascript:x", "/a b", "a\nb"]) {
    assert.equal(resolveGatewayUrl(text, BASE), null, text);
  }
});
