import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { compile, findWorkers, parseCompileArgs } from "../../scripts/compile.ts";
import { needs } from "../support/needs.ts";

async function inFolder(files: Record<string, string>, fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "buri-compile-test-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(join(folder, name, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, name), text);
    }
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("parseCompileArgs makes the Linux executable with Deno's own base unless told otherwise", async () => {
  const { target, base } = await parseCompileArgs([], undefined);
  assert.deepEqual([target, base], ["linux-x64", undefined]);
});

Deno.test("parseCompileArgs prefers --base to DENORT_BIN, and takes the target's file from a folder", async () => {
  const files = { "denort-win32-x64.exe": "", "denort-linux-arm64": "", VERSION: `${Deno.version.deno}\n` };
  await inFolder(files, async (folder) => {
    const baseOf = async (...args: string[]) => (await parseCompileArgs(args, "/usr/lib/denort")).base;
    assert.equal(await baseOf(), "/usr/lib/denort");
    assert.equal(await baseOf("--base", join(folder, "VERSION")), join(folder, "VERSION"));
    assert.equal(await baseOf("--base", folder, "--target", "win32-x64"), join(folder, "denort-win32-x64.exe"));
    assert.equal(await baseOf("--base", folder, "--target=linux-arm64"), join(folder, "denort-linux-arm64"));
    await assert.rejects(baseOf("--base", folder), { name: "UserError", message: /denort-linux-x64 does not exist/ });
  });
});

Deno.test("parseCompileArgs refuses bases of another minor version of Deno and names the one to use", async () => {
  await inFolder({ "denort-linux-x64": "", VERSION: "1.46.3\n" }, async (folder) => {
    await assert.rejects(parseCompileArgs(["--base", folder], undefined), {
      message: /they are Deno 1\.46\.3/,
      hint: /npx -y deno@1\.46\.3 task compile/,
    });
  });
});

Deno.test("parseCompileArgs refuses what it does not know with exit code 2", async () => {
  for (const args of [["--target", "beos-x64"], ["--target", "toString"], ["--fast"], ["stray"]]) {
    await assert.rejects(parseCompileArgs(args, undefined), { name: "UserError", exitCode: 2 });
  }
  await assert.rejects(parseCompileArgs(["--base", "/nonexistent"], undefined), { exitCode: 1 });
});

Deno.test("findWorkers finds the entry files of workers in any folder and nothing else", async () => {
  const files = {
    "a/worker.ts": "",
    "a/worker_linux.ts": "",
    "a/b/hash_worker.ts": "",
    "a/worker_pool.ts": "",
    "coworker.ts": "",
    "worker.md": "",
  };
  await inFolder(files, async (folder) => {
    const expected = ["a/b/hash_worker.ts", "a/worker.ts", "a/worker_linux.ts"].map((name) => join(folder, name));
    assert.deepEqual(await findWorkers(folder), expected);
  });
});

// Any ELF file can carry the program; only a real base could run it.
Deno.test(needs("compile makes one file and measures it", "linux"), async () => {
  await inFolder({ "hello.ts": "console.log('hello');" }, async (folder) => {
    const made = await compile({
      target: "linux-x64",
      base: "/bin/true",
      entry: join(folder, "hello.ts"),
      outputFolder: join(folder, "dist"),
    });
    const bytes = await Deno.readFile(made.path);
    assert.match(made.path, /\/dist\/buri-\d+\.\d+\.\d+-linux-x64$/);
    assert.equal(made.size, bytes.length);
    assert.equal(made.sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.ok(new TextDecoder("latin1").decode(bytes).includes("console.log('hello')"));
  });
});

Deno.test("compile says what is wrong with a base that is no executable", async () => {
  await inFolder({ "hello.ts": "console.log('hello');", base: "not an ELF file" }, async (folder) => {
    const made = compile({
      target: "linux-x64",
      base: join(folder, "base"),
      entry: join(folder, "hello.ts"),
      outputFolder: join(folder, "dist"),
    });
    await assert.rejects(made, { name: "UserError", message: /Cannot compile with the base .*ELF/, hint: /denort/ });
  });
});
