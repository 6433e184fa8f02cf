import assert from "node:assert/strict";
import { isMethodName, METHOD_NAMES, parseFailure, parseParams, parseResult } from "../../src/ipc/methods.ts";
import { ControlError } from "../../src/ipc/schema.ts";
import { sampleMember, sampleNetwork, sampleStatus } from "../support/sample_views.ts";

const isRefused = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;

Deno.test("isMethodName knows the methods and nothing an object inherits", () => {
  assert.ok(METHOD_NAMES.every(isMethodName));
  for (const name of ["", "toString", "__proto__", "constructor", "Status"]) assert.ok(!isMethodName(name), name);
});

Deno.test("parseParams takes a method's parameters as they are", () => {
  assert.deepEqual(parseParams("join", { network: "a b", password: "" }), { network: "a b", password: "" });
  assert.deepEqual(parseParams("list", {}), {});
});

Deno.test("parseParams refuses missing, further, wrong and oversized parameters", () => {
  const ping = { peer: "bob", count: 1, intervalMs: 1000, timeoutMs: 1000 };
  const wrong: [Parameters<typeof parseParams>[0], unknown][] = [
    ["join", { network: "a" }],
    ["join", { network: "a", password: null }],
    ["join", { network: "a", password: "", more: 1 }],
    ["list", null],
    ["list", { more: 1 }],
    ["peer", { peer: 7 }],
    ["peer", { peer: "x".repeat(1025) }],
    ["peer", { peer: "€".repeat(342) }],
    ["ping", { ...ping, count: 0 }],
    ["ping", { ...ping, count: 1_000_001 }],
    ["ping", { ...ping, intervalMs: 9 }],
    ["ping", { ...ping, intervalMs: Infinity }],
    ["ping", { ...ping, timeoutMs: 0.5 }],
  ];
  assert.deepEqual(parseParams("ping", ping), ping);
  for (const [method, params] of wrong) {
    assert.throws(
      () => parseParams(method, params),
      isRefused("invalidRequest"),
      `${method} ${JSON.stringify(params)}`,
    );
  }
});

Deno.test("parseParams does not repeat a password in its refusal", () => {
  assert.throws(
    () => parseParams("join", { network: "a", password: "s3same".repeat(400) }),
    (error: unknown) =>
      error instanceof ControlError && !error.hint?.includes("s3same") && /password/.test(error.hint ?? ""),
  );
});

Deno.test("parseResult takes what an engine of a later version adds, and leaves it out", () => {
  assert.deepEqual(parseResult("status", { ...sampleStatus(), news: 1 }), sampleStatus());
  assert.deepEqual(parseResult("list", [sampleNetwork({ members: [sampleMember()] })]), [
    sampleNetwork({ members: [sampleMember()] }),
  ]);
  assert.equal(parseResult("setNick", null), undefined);
});

Deno.test("parseResult refuses records that a printer could not trust", () => {
  const member = (changes: object) => [sampleNetwork({ members: [{ ...sampleMember(), ...changes }] })];
  const wrong: [Parameters<typeof parseResult>[0], unknown][] = [
    ["status", { ...sampleStatus(), status: "confused" }],
    ["status", { ...sampleStatus(), id: "90-1-2" }],
    ["list", {}],
    ["list", member({ id: "0901-23-456" })],
    ["list", member({ address4: "10.77.0.256" })],
    ["list", member({ address6: "fd00::g" })],
    ["list", member({ alias: "none" })],
    ["list", member({ status: "away" })],
    ["list", member({ path: "wormhole" })],
    ["list", member({ rttMs: -1 })],
    ["list", member({ rttMs: NaN })],
    ["list", member({ bytesIn: 2 ** 53 })],
    ["list", member({ suite: 3 })],
    ["list", member({ nick: "x".repeat(1025) })],
    ["list", [{ ...sampleNetwork(), memberCount: 1.5 }]],
  ];
  for (const [method, result] of wrong) {
    assert.throws(() => parseResult(method, result), isRefused("internal"), JSON.stringify(result));
  }
});

Deno.test("parseFailure keeps a known code with its hint and does not believe in others", () => {
  const known = parseFailure({ code: "networkFull", hint: "Ask the owner." });
  assert.deepEqual([known.code, known.message, known.hint], ["networkFull", "the network is full", "Ask the owner."]);
  for (const value of [{ code: "toString" }, { code: "newer" }, { code: 7 }, null, "networkFull"]) {
    assert.equal(parseFailure(value).code, "internal", JSON.stringify(value));
  }
});
