/** The command line as real processes: sockets, signals, exit codes. The engine they talk to is in this process. */
import assert from "node:assert/strict";
import { silentLogger } from "../../src/base/log.ts";
import { serveControl } from "../../src/ipc/server.ts";
import { WORLDS } from "../support/cli_worlds.ts";
import { buri, MAIN, outputOf } from "../support/buri_process.ts";
import { FakeEngine } from "../support/fake_engine.ts";
import { needs } from "../support/needs.ts";

async function withEngine(use: (dir: string, engine: FakeEngine) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "buri-cli-" });
  const engine = WORLDS["peers"]?.();
  assert.ok(engine instanceof FakeEngine);
  const server = await serveControl({ stateDir: dir, control: engine, log: silentLogger });
  try {
    await use(dir, engine);
  } finally {
    await server.stop();
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("buri talks to the engine of --state and of $BURI_STATE", async () => {
  await withEngine(async (dir) => {
    const byOption = await outputOf(buri(["list", "--state", dir]));
    const byVariable = await outputOf(buri(["list"], { env: { BURI_STATE: dir } }));
    assert.match(byOption.stdout, /^ \* \[game night\] {2}capacity: 6\/256, .*\n {5}\* 090-123-456 {3}bob /);
    assert.deepEqual(byVariable, byOption);
    assert.deepEqual([byOption.code, byOption.stderr], [0, ""]);
  });
});

Deno.test("buri ends with 1 when the engine refuses", async () => {
  await withEngine(async (dir) => {
    const { code, stdout } = await outputOf(buri(["join", "nowhere", "", "--state", dir]));
    assert.deepEqual([code, stdout], [1, "Joining nowhere .. failed, invalid password\n"]);
  });
});

Deno.test("buri prints no character that steers a terminal, wherever it comes from", async () => {
  const { code, stdout, stderr } = await outputOf(buri(["\u001b[2Jlist\u202e"]));
  assert.deepEqual([code, stdout, stderr.split("\n")[0]], [2, "", "Cannot run [2Jlist: there is no such command"]);
});

Deno.test("buri ends with 3 when no engine runs", async () => {
  const { code, stdout, stderr } = await outputOf(buri(["list", "--state", "/nonexistent/buri"]));
  assert.deepEqual([code, stdout, stderr.split("\n")[0]], [3, "", "Buri does not seem to be running."]);
});

Deno.test(needs("buri ends with 4 when it may not talk to the engine", "linux"), async () => {
  await withEngine(async (dir) => {
    await Deno.chmod(dir, 0);
    const denied = buri(["list", "--state", dir]);
    const asRoot = new Deno.Command("setpriv", {
      args: [
        "--bounding-set=-all",
        "--inh-caps=-all",
        Deno.execPath(),
        "run",
        "--quiet",
        "-A",
        MAIN,
        "list",
        "--state",
        dir,
      ],
    });
    const { code, stderr } = await outputOf(Deno.uid() === 0 ? asRoot : denied);
    await Deno.chmod(dir, 0o700);
    assert.deepEqual([code, stderr.split("\n")[0]], [4, "You do not have permission to control the Buri engine."]);
  });
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`buri ping ends with 130 and its summary by ${signal}`, async () => {
    await withEngine(async (dir) => {
      const process = buri(["ping", "bob", "-c", "0", "--state", dir]).spawn();
      const lines: string[] = [];
      const decoded = process.stdout.pipeThrough(new TextDecoderStream());
      for await (const chunk of decoded) {
        if (lines.length === 0) process.kill(signal);
        lines.push(...chunk.split("\n").filter((line) => line !== ""));
      }
      await process.stderr.cancel();
      assert.equal((await process.status).code, 130);
      assert.match(lines.at(-1) ?? "", /^\d+ sent, \d+ answered/);
    });
  });
}

Deno.test("buri list does not mind that its reader has gone", async () => {
  await withEngine(async (dir) => {
    const process = buri(["list", "--state", dir]).spawn();
    await process.stdout.cancel();
    const { code, stderr } = await outputOfStarted(process);
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

Deno.test("buri ping ends when its reader has gone", async () => {
  await withEngine(async (dir) => {
    const process = buri(["ping", "bob", "-c", "0", "-i", "0.05", "--state", dir]).spawn();
    const reader = process.stdout.getReader();
    await reader.read();
    await reader.cancel();
    const { code, stderr } = await outputOfStarted(process);
    assert.deepEqual([code, stderr], [0, ""]);
  });
});

async function outputOfStarted(process: Deno.ChildProcess): Promise<{ code: number; stderr: string }> {
  const stderr = await new Response(process.stderr).text();
  return { code: (await process.status).code, stderr };
}

Deno.test(needs("buri under the name hamachi prints Hamachi's sentence", "linux"), async () => {
  const script = 'exec -a hamachi "$0" "$@"';
  const args = ["-c", script, Deno.execPath(), "run", "--quiet", "-A", MAIN, "list", "--state", "/nonexistent/buri"];
  const { code, stderr } = await outputOf(new Deno.Command("bash", { args, stdin: "null" }));
  assert.deepEqual([code, stderr.split("\n")[0]], [3, "Hamachi does not seem to be running."]);
});
