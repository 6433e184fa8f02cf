import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import type { EngineOptions, RunningEngine, RunningServer, ServerOptions } from "../../src/commands/cli/context.ts";
import { CliWorld } from "../support/cli_world.ts";
import { FakeEngine } from "../support/fake_engine.ts";

/** Something that runs until it is stopped, and counts how often that was asked for. */
class FakeRole {
  readonly #ended = Promise.withResolvers<void>();
  readonly stopped = this.#ended.promise;
  stops = 0;

  stop(): Promise<void> {
    this.stops++;
    this.#ended.resolve();
    return this.stopped;
  }

  fail(error: Error): void {
    this.#ended.reject(error);
  }
}

function serverWorld(): { world: CliWorld; role: FakeRole; seen: ServerOptions[] } {
  const role = new FakeRole();
  const seen: ServerOptions[] = [];
  const startServer = (options: ServerOptions): Promise<RunningServer> => {
    seen.push(options);
    const { host, port } = options.listen;
    const ports = {
      port: port || 40001,
      udpPort: 40002,
      udp2Port: 40003,
      relayPort: 40004,
      tlsPort: options.tls?.port ?? null,
    };
    return Promise.resolve({ host, ...ports, stopped: role.stopped, stop: () => role.stop() });
  };
  return { world: new CliWorld({ roles: { startServer } }), role, seen };
}

function engineWorld(): { world: CliWorld; role: FakeRole; seen: EngineOptions[] } {
  const role = new FakeRole();
  const seen: EngineOptions[] = [];
  const startEngine = (options: EngineOptions): Promise<RunningEngine> => {
    seen.push(options);
    const addresses = { address4: "10.77.0.1", address6: "fd12::a4d:1" };
    return Promise.resolve({ ...addresses, control: new FakeEngine(), stopped: role.stopped, stop: () => role.stop() });
  };
  return { world: new CliWorld({ roles: { startEngine } }), role, seen };
}

Deno.test("server prints where it serves and passes its defaults on", async () => {
  const { world, role, seen } = serverWorld();
  const code = world.run("server", "--data", "/tmp/data");
  await world.printed();
  assert.deepEqual(world.stdout, ["buri server ready 0.0.0.0:12975"]);
  world.interrupt();
  assert.equal(await code, 130);
  assert.equal(role.stops, 1);
  const { log: _, ...options } = seen[0] as ServerOptions;
  assert.deepEqual(options, {
    dataDir: "/tmp/data",
    listen: { host: "0.0.0.0", port: 12975 },
    udpPort: 12975,
    udp2Port: 12976,
    relayPort: 17771,
    tls: { port: 443, isOptional: true },
    suites: [2],
  });
});

Deno.test("server passes its options on and prints the port that was bound", async () => {
  const { world, seen } = serverWorld();
  const options =
    "--listen [::1]:0 --udp 0 --udp2 1 --relay 2 --tls 8443 --pool 10.77.0.0/16 --suite 2,1 --log-level silent";
  const code = world.run("server", "--data", "/tmp/data", ...options.split(" "));
  await world.printed();
  assert.deepEqual(world.stdout, ["buri server ready [::1]:40001"]);
  world.interrupt("SIGTERM");
  assert.equal(await code, 0);
  const { log: _, ...passed } = seen[0] as ServerOptions;
  assert.deepEqual(passed, {
    dataDir: "/tmp/data",
    listen: { host: "::1", port: 0 },
    udpPort: 0,
    udp2Port: 1,
    relayPort: 2,
    tls: { port: 8443, isOptional: false },
    pool: "10.77.0.0/16",
    suites: [1, 2],
  });
});

Deno.test("server --json prints all its ports", async () => {
  const { world } = serverWorld();
  const code = world.run("server", "--data", "/tmp/data", "--listen", "127.0.0.1:0", "--tls", "off", "--json");
  await world.printed();
  const ports = { port: 40001, udpPort: 40002, udp2Port: 40003, relayPort: 40004, tlsPort: null };
  assert.deepEqual(world.stdout.map((line) => JSON.parse(line)), [{ ready: true, host: "127.0.0.1", ...ports }]);
  world.interrupt();
  await code;
});

Deno.test("server and up fail with what the role fails with", async () => {
  const { world, role } = serverWorld();
  const code = world.run("server", "--data", "/tmp/data");
  await world.printed();
  role.fail(new UserError("Cannot write to the database: the disk is full", { hint: "Make room." }));
  assert.equal(await code, 1);
  assert.deepEqual(world.stderr, ["Cannot write to the database: the disk is full", "Make room."]);
});

Deno.test("up passes on the exit code of an engine that cannot start", async () => {
  for (const exitCode of [1, 2, 4] as const) {
    const startEngine = () => Promise.reject(new UserError("Cannot open the device", { exitCode }));
    const world = new CliWorld({ roles: { startEngine } });
    assert.equal(await world.run("up"), exitCode);
    assert.deepEqual([world.stdout, world.stderr], [[], ["Cannot open the device"]]);
  }
});

Deno.test("up prints its addresses and ends with 0 by either signal", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const { world, role, seen } = engineWorld();
    const code = world.run("up");
    await world.printed();
    assert.deepEqual(world.stdout, ["buri up ready 10.77.0.1 fd12::a4d:1"]);
    world.interrupt(signal);
    assert.equal(await code, 0);
    assert.equal(role.stops, 1);
    const { log: _, signal: __, ...options } = seen[0] as EngineOptions;
    assert.deepEqual(options, { stateDir: "/var/lib/buri", suite: 2 });
  }
});

Deno.test("up passes its options on", async () => {
  const { world, seen } = engineWorld();
  const options = "--state /tmp/s --server buri://h:1/#k --nick -=a=- --device none --port 42000 --suite 1 --json";
  const code = world.run("up", ...options.split(" "));
  await world.printed();
  assert.deepEqual(world.stdout.map((line) => JSON.parse(line)), [
    { ready: true, address4: "10.77.0.1", address6: "fd12::a4d:1" },
  ]);
  world.interrupt();
  await code;
  const { log: _, signal: __, ...passed } = seen[0] as EngineOptions;
  const expected = {
    stateDir: "/tmp/s",
    server: "buri://h:1/#k",
    nick: "-=a=-",
    device: "none",
    udpPort: 42000,
    suite: 1,
  };
  assert.deepEqual(passed, expected);
});

Deno.test("up ends with 0 when the engine is stopped by `down`", async () => {
  const { world, role } = engineWorld();
  const code = world.run("up");
  await world.printed();
  await role.stop();
  assert.equal(await code, 0);
});

Deno.test("up ends with 0 when it is interrupted while it starts", async () => {
  const startEngine = ({ signal }: EngineOptions) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const world = new CliWorld({ roles: { startEngine } });
  const code = world.run("up");
  world.interrupt();
  assert.equal(await code, 0);
  assert.deepEqual([world.stdout, world.stderr], [[], []]);
});

Deno.test("up ends with 0 when `down` ends it before it is logged in", async () => {
  const world = new CliWorld({ roles: { startEngine: () => Promise.resolve(null) } });
  assert.equal(await world.run("up"), 0);
  assert.deepEqual([world.stdout, world.stderr], [[], []]);
});

Deno.test("up stops an engine whose start ends only after the signal", async () => {
  const role = new FakeRole();
  const start = Promise.withResolvers<RunningEngine>();
  const world = new CliWorld({ roles: { startEngine: () => start.promise } });
  const code = world.run("up");
  world.interrupt();
  const addresses = { address4: "10.77.0.1", address6: "fd12::a4d:1" };
  start.resolve({ ...addresses, control: new FakeEngine(), stopped: role.stopped, stop: () => role.stop() });
  assert.equal(await code, 0);
  assert.deepEqual([role.stops, world.stdout], [1, []]);
});

Deno.test("up does not wait for a start that heeds no signal", async () => {
  const world = new CliWorld({ roles: { startEngine: () => new Promise(() => {}) } });
  const code = world.run("up");
  world.interrupt();
  assert.equal(await code, 0);
});

Deno.test("server invite prints the invite and nothing else", async () => {
  const makeInvite = (options: { dataDir: string; host?: string }) =>
    Promise.resolve(`buri://${JSON.stringify(options)}`);
  const world = new CliWorld({ roles: { makeInvite } });
  assert.equal(await world.run("server", "invite", "--data", "/d", "--host", "vpn.example.org:12975"), 0);
  assert.equal(await world.run("server", "invite", "--data", "/d", "--json"), 0);
  assert.deepEqual(world.stdout, [
    'buri://{"dataDir":"/d","host":"vpn.example.org:12975"}',
    '{"invite":"buri://{\\"dataDir\\":\\"/d\\"}"}',
  ]);
});

Deno.test("ping prints its summary and ends with 130 when it is interrupted", async () => {
  const engine = new FakeEngine();
  engine.ping = async function* (_, signal) {
    const none = { path: null, transport: null, endpoint: null };
    yield { sequence: 1, rttMs: 5, ...none };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  const world = new CliWorld({ engine });
  const code = world.run("ping", "bob", "-c", "0");
  await world.printed();
  world.interrupt();
  assert.equal(await code, 130);
  assert.deepEqual(world.stdout, [
    "answer from bob: seq=1 time=5.00 ms",
    "1 sent, 1 answered, round trip least 5.00 ms, mean 5.00 ms, most 5.00 ms",
  ]);
});

Deno.test("a command that waits for the engine ends with 130 and prints nothing when it is interrupted", async () => {
  const engine = new FakeEngine();
  const asked = Promise.withResolvers<void>();
  engine.login = () => {
    asked.resolve();
    return new Promise(() => {});
  };
  const world = new CliWorld({ engine });
  const code = world.run("login");
  await asked.promise;
  world.interrupt();
  assert.equal(await code, 130);
  assert.deepEqual([world.stdout, world.stderr], [[], []]);
});

Deno.test("down stops the engine and waits until it is gone", async () => {
  const engine = new FakeEngine();
  const world = new CliWorld({ engine });
  assert.equal(await world.run("down"), 0);
  assert.deepEqual([world.stdout, engine.calls], [["Stopping Buri .. ok"], ["down"]]);
});

Deno.test("--state and its default decide in which folder the engine is looked for", async () => {
  const world = new CliWorld({ engine: new FakeEngine() });
  await world.run("list");
  await world.run("list", "--state", "/tmp/other");
  assert.deepEqual(world.stateDirs, ["/var/lib/buri", "/tmp/other"]);
});

Deno.test("backup and restore hand the password over, and tell what was done", async () => {
  const seen: unknown[] = [];
  const files = (options: unknown) => Promise.resolve(seen.push(options));
  const world = new CliWorld({ roles: { makeBackup: files, restoreBackup: files } });
  assert.equal(await world.run("backup", "b", "s3same", "--state", "/s"), 0);
  assert.equal(await world.run("restore", "b", "s3same", "--state", "/s", "--force", "--json"), 0);
  const options = { stateDir: "/s", file: "b", password: "s3same" };
  assert.deepEqual(seen, [options, { ...options, force: true }]);
  assert.deepEqual(world.stdout, ["Writing backup b .. ok", '{"ok":true,"file":"b","files":2}']);
});
