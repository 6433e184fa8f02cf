import assert from "node:assert/strict";
import plugin, { PURE_FOLDERS } from "../../scripts/lint_plugin.ts";

/** Names of the rules that fire on `source` as the contents of `file`, each with its message. */
function lint(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, file, source).map(({ id, message }) => `${id}: ${message}`);
}

/** Asserts that exactly one rule fires. */
function assertFires(rule: string, file: string, source: string): void {
  const found = lint(file, source);
  assert.equal(found.length, 1, `${source}\n${found.join("\n")}`);
  assert.match(found[0]!, new RegExp(`^buri/${rule}: `));
}

Deno.test("no-pointers fences Deno.dlopen and the Unsafe classes", () => {
  for (const file of ["src/dataplane/worker.ts", "src/base/bytes.ts", "/home/me/buri/src/engine/a.ts", "main.ts"]) {
    for (
      const source of [
        "Deno.dlopen('libc.so.6', {});",
        "new Deno.UnsafePointerView(p);",
        "Deno.UnsafePointer.of(b);",
        "new Deno.UnsafeCallback(d, f);",
        "Deno['dlopen']('libc.so.6', {});",
        "globalThis.Deno.dlopen('libc.so.6', {});",
        "Deno[name]('libc.so.6', {});",
        "const { dlopen } = Deno;",
        "const { dlopen } = globalThis.Deno;",
      ]
    ) assertFires("no-pointers", file, source);
  }
});

Deno.test("no-pointers leaves src/ffi and the rest of Deno alone", () => {
  assert.deepEqual(lint("src/ffi/libc_linux.ts", "Deno.dlopen('libc.so.6', {}); new Deno.UnsafePointerView(p);"), []);
  assert.deepEqual(lint("src/ffi/libc_linux.ts", "const { dlopen } = Deno;"), []);
  assert.deepEqual(lint("src/engine/a.ts", "Deno.readTextFile('x'); const { os } = Deno.build; symbols.dlopen();"), []);
});

Deno.test("no-ambient-input bans time, timers and randomness in each pure folder", () => {
  const banned = [
    "Date.now();",
    "const now = Date.now;",
    "new Date();",
    "Date();",
    "Math.random();",
    "Math['random']();",
    "performance.now();",
    "globalThis.performance.now();",
    "setTimeout(f, 1);",
    "setInterval(f, 1);",
    "globalThis.setTimeout(f, 1);",
    "crypto.getRandomValues(b);",
    "globalThis.crypto.randomUUID();",
    "import { randomBytes } from 'node:crypto';",
    "import { generateKeyPairSync as make } from 'node:crypto';",
    "import * as all from 'node:crypto';",
    "import { setTimeout as sleep } from 'node:timers/promises';",
  ];
  for (const folder of PURE_FOLDERS) {
    for (const source of banned) assertFires("no-ambient-input", `src/${folder}/a.ts`, source);
  }
});

Deno.test("no-ambient-input allows what takes its input from outside, and all of it elsewhere", () => {
  const pure = "new Date(wallMs).toISOString(); Date.UTC(1, 2); Math.min(1, 2); clock.now(); random.bytes(4);";
  assert.deepEqual(lint("src/nat/a.ts", pure), []);
  assert.deepEqual(lint("src/crypto/a.ts", "import { createHash, timingSafeEqual } from 'node:crypto';"), []);
  assert.deepEqual(lint("src/transport/system.ts", "Date.now(); performance.now(); setTimeout(f, 1);"), []);
});

Deno.test("file-length fires on line 451", () => {
  assert.deepEqual(lint("src/engine/a.ts", "f();\n".repeat(450)), []);
  assertFires("file-length", "src/engine/a.ts", "f();\n".repeat(451));
});

Deno.test("function-length fires on line 61 of any kind of function", () => {
  const kinds = [
    (body: string) => `function f() {\n${body}}`,
    (body: string) => `class A {\n  f() {\n${body}}\n}`,
    (body: string) => `const f = () => {\n${body}};`,
    (body: string) => `Deno.test("x", async function () {\n${body}});`,
  ];
  for (const kind of kinds) {
    assert.deepEqual(lint("tests/a_test.ts", kind("f();\n".repeat(58))), []);
    assertFires("function-length", "tests/a_test.ts", kind("f();\n".repeat(59)));
  }
});

Deno.test("ignore-reason wants a reason after every ignore comment", () => {
  assertFires("ignore-reason", "src/a.ts", "// deno-lint-ignore no-explicit-any\nlet a: any;");
  assertFires("ignore-reason", "src/a.ts", "// deno-lint-ignore-file no-explicit-any --\nlet a: any;");
  assertFires("ignore-reason", "src/a.ts", "// deno-fmt-ignore\nlet a;");
  assert.deepEqual(lint("src/a.ts", "// deno-lint-ignore no-explicit-any -- JSON has no type\nlet a: any;"), []);
});
