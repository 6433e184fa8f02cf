/** `server` and `up` as real processes on loopback, without a device: ready lines, signals, exit codes, faults. */
import assert from "node:assert/strict";
import { buri, LongRun, outputOf } from "../support/buri_process.ts";
import { needs } from "../support/needs.ts";

const ANY_PORTS = "--listen 127.0.0.1:0 --udp 0 --udp2 0 --relay 0".split(" ");

async function withDir(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "buri-roles-" });
  try {
    await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Starts a server on free ports; resolves to it and to its control port. */
async function startServer(dir: string): Promise<{ server: LongRun; port: string }> {
  const server = new LongRun(["server", "--data", `${dir}/data`, ...ANY_PORTS]);
  const port = /^buri server ready 127\.0\.0\.1:(\d+)$/.exec(await server.line())?.[1];
  assert.ok(port !== undefined);
  return { server, port };
}

Deno.test(
  needs("server serves, gives out its invite, and ends by SIGTERM with 0", "linux"),
  async () => {
    await withDir(async (dir) => {
      const { server, port } = await startServer(dir);
      const invite = await outputOf(buri(["server", "invite", "--data", `${dir}/data`]));
      assert.match(invite.stdout, new RegExp(`^buri://127\\.0\\.0\\.1:${port}/#[\\w-]{114}\\n$`));
      const taken = await outputOf(
        buri(["server", "--data", `${dir}/other`, "--listen", `127.0.0.1:${port}`, "--udp", "0"]),
      );
      assert.deepEqual([taken.code, taken.stdout], [1, ""]);
      assert.match(taken.stderr, new RegExp(`^Cannot .*${port}`, "m"));
      const { code, ms } = await server.end("SIGTERM");
      assert.equal(code, 0);
      assert.ok(ms < 2000, `${ms} ms`);
    });
  },
);

Deno.test("server ends by SIGINT with 130", async () => {
  await withDir(async (dir) => {
    const { server } = await startServer(dir);
    const { code, ms } = await server.end("SIGINT");
    assert.equal(code, 130);
    assert.ok(ms < 2000, `${ms} ms`);
  });
});

Deno.test(needs("server started as root serves as nobody, and so does the next start", "linux", "root"), async () => {
  await withDir(async (dir) => {
    for (const start of ["first", "second"]) {
      const { server } = await startServer(dir);
      const status = await Deno.readTextFile(`/proc/${server.process.pid}/status`);
      assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m, start);
      assert.match(status, /^CapEff:\t0+$/m, start);
      const { code, stderr } = await server.end("SIGTERM");
      assert.equal(code, 0, stderr);
    }
  });
});

Deno.test("server invite without an address, or with one that is none, ends with 2", async () => {
  await withDir(async (dir) => {
    const { code, stdout } = await outputOf(buri(["server", "invite", "--data", `${dir}/data`]));
    assert.deepEqual([code, stdout], [2, ""]);
    const named = await outputOf(buri(["server", "invite", "--data", `${dir}/data`, "--host", "no where:1"]));
    assert.deepEqual([named.code, named.stdout], [2, ""]);
  });
});

Deno.test("up refuses what is no invite with 2, and a folder without a server with a hint", async () => {
  await withDir(async (dir) => {
    const up = ["up", "--state", `${dir}/state`, "--device", "none"];
    for (const invite of ["x", "buri://127.0.0.1:1/", "buri://127.0.0.1:1/#AQ", "http://127.0.0.1:1/#AQ"]) {
      const { code, stdout, stderr } = await outputOf(buri([...up, "--server", invite]));
      assert.deepEqual([code, stdout], [2, ""], `${invite}: ${stderr}`);
    }
    const { code, stderr } = await outputOf(buri(up));
    assert.notEqual(code, 0);
    assert.match(stderr, /--server/);
  });
});

Deno.test("up logs in, answers commands, refuses a second engine, and ends by SIGINT and by down with 0", async () => {
  await withDir(async (dir) => {
    const { server } = await startServer(dir);
    const invite = (await outputOf(buri(["server", "invite", "--data", `${dir}/data`]))).stdout.trim();
    const up = ["up", "--state", `${dir}/state`, "--device", "none"];
    const command = (...words: string[]) => outputOf(buri([...words, "--state", `${dir}/state`]));

    const first = new LongRun([...up, "--server", invite, "--nick", "-=a=-"]);
    const ready = await first.line();
    assert.match(ready, /^buri up ready 10\.\d+\.\d+\.\d+ fd[0-9a-f:]+$/);
    const second = await outputOf(buri(up));
    assert.deepEqual([second.code, second.stdout], [1, ""]);
    assert.match(second.stderr, /another engine/);
    assert.match((await command()).stdout, /^ {2}status {6}: logged in\n(.*\n)* {2}nickname {4}: -=a=-$/m);
    assert.equal((await command("create", "office", "")).stdout, "Creating office .. ok\n");
    const interrupted = await first.end("SIGINT");
    assert.equal(interrupted.code, 0, interrupted.stderr);
    assert.ok(interrupted.ms < 2000, `${interrupted.ms} ms`);
    assert.equal((await command("list")).code, 3);

    const again = new LongRun(up);
    assert.equal(await again.line(), ready, "the address stays, and so does the server");
    assert.match((await command("list")).stdout, /^ \* \[office\] {2}capacity: 1\//);
    const down = await command("down");
    assert.deepEqual([down.code, down.stdout], [0, "Stopping Buri .. ok\n"]);
    assert.equal((await again.end()).code, 0);
    assert.equal((await server.end("SIGTERM")).code, 0);
  });
});
