import assert from "node:assert/strict";
import { dirname } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import { connectControl, EngineUnreachableError } from "../../src/ipc/client.ts";
import { serveControl } from "../../src/ipc/server.ts";
import { dialControl, isPrivateDir, listenControl, type RuntimeOwner, socketPaths } from "../../src/ipc/socket.ts";
import { FakeEngine } from "../support/fake_engine.ts";
import { needs } from "../support/needs.ts";
import { sampleStatus } from "../support/sample_views.ts";

const isUnreachable = (reason: string) => (error: unknown) =>
  error instanceof EngineUnreachableError && error.reason === reason;

async function withDir(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "buri-ipc-" });
  try {
    await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const serve = (stateDir: string) => serveControl({ stateDir, control: new FakeEngine(), log: silentLogger });

Deno.test(needs("socketPaths puts the socket into the state folder up to the last byte that fits", "linux"), () => {
  const longest = `/${"x".repeat(107 - "/".length - "/control.sock".length)}`;
  const owner = { uid: 1000, xdgRuntimeDir: "/run/user/1000" };
  assert.deepEqual(socketPaths(longest, owner), [`${longest}/control.sock`]);
  const [first, second, ...more] = socketPaths(`${longest}x`, owner);
  assert.match(first ?? "", /^\/run\/user\/1000\/buri\/[0-9a-f]{32}\.sock$/);
  assert.match(second ?? "", /^\/tmp\/buri-1000\/[0-9a-f]{32}\.sock$/);
  assert.deepEqual(more, []);
});

Deno.test("socketPaths counts bytes, not characters", () => {
  assert.equal(
    socketPaths(`/${"€".repeat(40)}`, { uid: 1000, xdgRuntimeDir: undefined })[0]?.startsWith("/tmp/"),
    true,
  );
});

Deno.test("socketPaths gives each long state folder a name of its own, and root the system's runtime folder", () => {
  const root = { uid: 0, xdgRuntimeDir: "" };
  const [a, b] = ["a", "b"].map((letter) => socketPaths(`/${letter.repeat(200)}`, root));
  assert.match(a?.[0] ?? "", /^\/run\/buri\//);
  assert.notEqual(a?.[0], b?.[0]);
});

Deno.test("serveControl answers connectControl on a socket for this user alone, and removes it in the end", async () => {
  await withDir(async (dir) => {
    const server = await serve(dir);
    const { mode } = await Deno.stat(server.path);
    assert.equal((mode ?? 0) & 0o777, 0o600);
    const connection = await connectControl(dir);
    assert.deepEqual(await connection.control.status(), sampleStatus());
    connection.close();
    await connection.ended;
    await server.stop();
    await assert.rejects(Deno.stat(server.path), Deno.errors.NotFound);
    await assert.rejects(connectControl(dir), isUnreachable("notRunning"));
  });
});

Deno.test("serveControl leaves the umask as it was", async () => {
  await withDir(async (dir) => {
    const server = await serve(dir);
    await Deno.writeTextFile(`${dir}/file`, "");
    const { mode } = await Deno.stat(`${dir}/file`);
    assert.equal((mode ?? 0) & 0o400, 0o400);
    assert.notEqual((mode ?? 0) & 0o044, 0, "a umask of 0177 would have taken these bits");
    await server.stop();
  });
});

/** A state folder whose path is too long for a socket, and a user whose runtime folder lies beside it. */
async function withLongDir(use: (long: string, owner: RuntimeOwner) => Promise<void>): Promise<void> {
  await withDir(async (dir) => {
    const long = `${dir}/${"long".repeat(40)}`;
    await Deno.mkdir(long);
    await use(long, { uid: 1000, xdgRuntimeDir: dir });
  });
}

Deno.test("listenControl and dialControl meet where the path is too long for a socket", async () => {
  await withLongDir(async (long, owner) => {
    const { listener, path } = await listenControl(long, owner);
    assert.equal(dirname(path), `${owner.xdgRuntimeDir}/buri`);
    const accepted = listener.accept();
    (await dialControl(long, owner)).close();
    (await accepted).close();
    listener.close();
  });
});

Deno.test("dialControl does not talk to a socket in a runtime folder that others can write to", async () => {
  await withLongDir(async (long, owner) => {
    const { listener, path } = await listenControl(long, owner);
    await Deno.chmod(dirname(path), 0o777);
    await assert.rejects(dialControl(long, owner), Deno.errors.NotFound);
    listener.close();
  });
});

Deno.test("listenControl does not use a runtime folder that others can write to", async () => {
  await withLongDir(async (long, owner) => {
    await Deno.mkdir(`${owner.xdgRuntimeDir}/buri`);
    await Deno.chmod(`${owner.xdgRuntimeDir}/buri`, 0o777);
    const { listener, path } = await listenControl(long, { ...owner, uid: 4_000_000_000 });
    listener.close();
    await Deno.remove("/tmp/buri-4000000000");
    assert.equal(dirname(path), "/tmp/buri-4000000000");
  });
});

Deno.test("serveControl replaces a socket on which nobody answers", async () => {
  await withDir(async (dir) => {
    const script = `Deno.listen({ transport: "unix", path: ${
      JSON.stringify(`${dir}/control.sock`)
    } }); Deno.kill(Deno.pid, "SIGKILL");`;
    await new Deno.Command(Deno.execPath(), { args: ["eval", script], stderr: "null" }).output();
    assert.ok((await Deno.stat(`${dir}/control.sock`)).isSocket, "the dead engine has left its socket");
    await assert.rejects(connectControl(dir), isUnreachable("notRunning"));
    const server = await serve(dir);
    const connection = await connectControl(dir);
    connection.close();
    await connection.ended;
    await server.stop();
  });
});

Deno.test("serveControl leaves a living engine its socket", async () => {
  await withDir(async (dir) => {
    const first = await serve(dir);
    await assert.rejects(serve(dir), (error) => error instanceof UserError && error.exitCode === 1);
    const connection = await connectControl(dir);
    assert.equal((await connection.control.status()).pid, 4711);
    connection.close();
    await connection.ended;
    await first.stop();
  });
});

Deno.test("serveControl keeps a file that is no socket", async () => {
  await withDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/control.sock`, "precious");
    await assert.rejects(serve(dir), (error) => error instanceof UserError && /is in its place/.test(error.message));
    assert.equal(await Deno.readTextFile(`${dir}/control.sock`), "precious");
  });
});

Deno.test("connectControl finds no engine in a folder that does not exist", async () => {
  await assert.rejects(connectControl("/nonexistent/buri"), isUnreachable("notRunning"));
});

Deno.test("serveControl serves many commands at once and ends those beyond 64", async () => {
  await withDir(async (dir) => {
    const server = await serve(dir);
    const connections = await Promise.all(Array.from({ length: 64 }, () => connectControl(dir)));
    await Promise.all(connections.map(({ control }) => control.status()));
    const oneMore = await connectControl(dir);
    await assert.rejects(oneMore.control.status());
    for (const connection of [...connections, oneMore]) connection.close();
    await Promise.all([...connections, oneMore].map(({ ended }) => ended));
    await server.stop();
  });
});

Deno.test("isPrivateDir trusts a folder that only this user can write to", async () => {
  await withDir(async (dir) => {
    await Deno.mkdir(`${dir}/own`, { mode: 0o700 });
    await Deno.symlink(`${dir}/own`, `${dir}/link`);
    await Deno.writeTextFile(`${dir}/file`, "");
    assert.equal(isPrivateDir(`${dir}/own`), true);
    for (const name of ["link", "file", "missing"]) assert.equal(isPrivateDir(`${dir}/${name}`), false, name);
    for (const mode of [0o770, 0o702]) {
      await Deno.chmod(`${dir}/own`, mode);
      assert.equal(isPrivateDir(`${dir}/own`), false, mode.toString(8));
    }
  });
});

Deno.test(needs("isPrivateDir does not trust another user's folder", "linux", "root"), async () => {
  await withDir(async (dir) => {
    await Deno.chown(dir, 65534, 65534);
    assert.equal(isPrivateDir(dir), false);
  });
});
