import assert from "node:assert/strict";
import { concat, fromUtf8, utf8 } from "../../../src/base/bytes.ts";
import { ProtocolError } from "../../../src/base/errors.ts";
import {
  decodeHttpResponse,
  encodeHttpRequest,
  isWholeResponse,
  parseHeaders,
  splitHead,
} from "../../../src/transport/port_mapping/http.ts";

const URL = { host: "192.168.1.1", port: 5000, target: "/ctl" };

Deno.test("encodeHttpRequest writes a request that asks for one answer on the connection", () => {
  const get = { url: URL, method: "GET" as const, headers: {}, body: "" };
  assert.equal(
    fromUtf8(encodeHttpRequest(get)),
    "GET /ctl HTTP/1.1\r\nHost: 192.168.1.1:5000\r\nConnection: close\r\nUser-Agent: Buri UPnP/1.1\r\n\r\n",
  );
  const post = fromUtf8(encodeHttpRequest({ ...get, method: "POST", headers: { SOAPAction: '"a#b"' }, body: "<ä/>" }));
  assert.match(post, /\r\nSOAPAction: "a#b"\r\nContent-Length: 5\r\n\r\n<ä\/>$/);
});

Deno.test("decodeHttpResponse takes a body by its length, by its chunks, or up to the end", () => {
  const bodies = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more",
    "HTTP/1.0 200 OK\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n003;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
  ];
  for (const text of bodies) assert.deepEqual(decodeHttpResponse(utf8(text)), { status: 200, body: "hello" }, text);
  assert.deepEqual(decodeHttpResponse(utf8("HTTP/1.1 500 \r\n\r\n")), { status: 500, body: "" });
});

Deno.test("decodeHttpResponse shows bytes outside UTF-8 as such", () => {
  const bytes = concat(utf8("HTTP/1.1 200 OK\r\n\r\n"), Uint8Array.of(0x61, 0xe9));
  assert.equal(decodeHttpResponse(bytes).body, "a\ufffd");
});

Deno.test("isWholeResponse knows the end where a length is stated, and waits for the close where none is", () => {
  const whole = utf8("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
  for (let length = 0; length < whole.length; length++) assert.equal(isWholeResponse(whole.slice(0, length)), false);
  assert.equal(isWholeResponse(whole), true);
  assert.equal(isWholeResponse(utf8("HTTP/1.1 200 OK\r\n\r\nab")), false);
  const both = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
  assert.equal(isWholeResponse(utf8(both)), false);
});

Deno.test("decodeHttpResponse refuses what is malformed, short or too long", () => {
  const heads = [
    "",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 999 OK\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
  ];
  const chunks = [
    "",
    "x",
    "2\r\n",
    "2\r\nab",
    "2\r\nabcd",
    "-1\r\n\r\n",
    "20\nab\r\n0\r\n\r\n",
    "fffffff\r\nab\r\n",
    "2\r\nab\r\n",
  ];
  heads.push(...chunks.map((chunk) => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`));
  for (const text of heads) assert.throws(() => decodeHttpResponse(utf8(text)), ProtocolError, JSON.stringify(text));
});

Deno.test("splitHead gives up on a head beyond 8 KiB", () => {
  assert.equal(splitHead(utf8("a".repeat(8191))), null);
  assert.throws(() => splitHead(utf8("a".repeat(8192))), /head too long/);
});

Deno.test("parseHeaders joins repeated headers, so that none of them can hide another", () => {
  assert.deepEqual([...parseHeaders(["A: 1", "b:2", "a:\t3 "])], [["a", "1, 3"], ["b", "2"]]);
  assert.throws(() => parseHeaders(Array.from({ length: 65 }, (_, index) => `h${index}: x`)), /too many headers/);
});
