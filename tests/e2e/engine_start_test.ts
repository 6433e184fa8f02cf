/** How an engine refuses to start, without a device and without root. */
import "../support/load_native.ts";
import assert from "node:assert/strict";
import { UserError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { generateEd25519 } from "../../src/crypto/mod.ts";
import { type EngineOptions, type RunningEngine, startEngine } from "../../src/engine/mod.ts";
import { connectControl, type ControlConnection, EngineUnreachableError } from "../../src/ipc/mod.ts";
import { formatInvite, parseInvite } from "../../src/protocol/mod.ts";
import { EngineWorld, until } from "../support/engine_world.ts";

/** An engine of ann's, logged in. */
async function start(world: EngineWorld, options: Partial<EngineOptions> = {}): Promise<RunningEngine> {
  const engine = await begin(world, { server: world.invite, ...options });
  assert.ok(engine !== null);
  return engine;
}

function begin(world: EngineWorld, options: Partial<EngineOptions> = {}): ReturnType<typeof startEngine> {
  return startEngine({ stateDir: world.stateDir("ann"), device: "none", suite: 2, log: silentLogger, ...options });
}

/** An error for the person, with this exit code; its message is one line. */
function isUserError(exitCode: number, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    assert.equal(error.exitCode, exitCode);
    return true;
  };
}

/** The same host and port with a key of somebody else. */
function withOtherKey(invite: string): string {
  const { host, port, pin } = parseInvite(invite);
  return formatInvite({ host, port, pin: { ...pin, ed25519: generateEd25519(systemRandom()).publicKey } });
}

const stateOf = (world: EngineWorld) => Deno.readTextFileSync(`${world.stateDir("ann")}/identity.json`);

Deno.test("startEngine without a server or with a malformed invite ends with exit code 2", async () => {
  await using world = await EngineWorld.make();
  await assert.rejects(begin(world), isUserError(2, /no server is known/));
  await assert.rejects(start(world, { server: world.invite.slice(0, -1) }), isUserError(2, /Cannot read the invite/));
  await assert.rejects(start(world, { nick: "" }), isUserError(2, /nickname/));
});

Deno.test("startEngine refuses a server that has not the key of the invite", async () => {
  await using world = await EngineWorld.make();
  await assert.rejects(start(world, { server: withOtherKey(world.invite) }), isUserError(1, /does not have the key/));
  // What was not proved is not remembered: the right invite needs no word from the user.
  await (await start(world, { server: world.invite })).stop();
});

Deno.test("startEngine refuses an invite with another key for a server it knows, and changes nothing", async () => {
  await using world = await EngineWorld.make();
  await (await start(world)).stop();
  const { stop } = await start(world, { server: world.invite });
  await stop();
  await assert.rejects(
    start(world, { server: withOtherKey(world.invite) }),
    isUserError(1, /another key than the one pinned/),
  );
  const engine = await begin(world);
  await engine!.stop();
  // Accepted by name it is tried, and then it is the server that lacks the key.
  const accepted = start(world, { server: withOtherKey(world.invite), acceptNew: true });
  await assert.rejects(accepted, isUserError(1, /does not have the key/));
  const again = await begin(world);
  await again!.stop();
});

Deno.test("startEngine refuses a second engine on one state folder, and a UDP port in use", async () => {
  await using world = await EngineWorld.make();
  const taken = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0 });
  await assert.rejects(start(world, { udpPort: (taken.addr as Deno.NetAddr).port }), isUserError(1, /UDP port/));
  taken.close();
  const engine = await start(world);
  await assert.rejects(start(world), isUserError(1, /another engine/));
  assert.equal((await engine.control.status()).status, "logged in");
  await engine.stop();
});

Deno.test("startEngine refuses damaged state and writes nothing over it", async () => {
  await using world = await EngineWorld.make();
  await (await start(world)).stop();
  const folder = world.stateDir("ann");
  const [server] = [...Deno.readDirSync(`${folder}/servers`)].map(({ name }) => name);
  for (const name of ["identity.json", "settings.json", `servers/${server}/account.json`]) {
    const good = Deno.readTextFileSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/${name}`, good.slice(0, 20));
    await assert.rejects(start(world), isUserError(1, new RegExp(`${name}: the file is damaged`)));
    assert.equal(Deno.readTextFileSync(`${folder}/${name}`), good.slice(0, 20));
    Deno.writeTextFileSync(`${folder}/${name}`, good);
  }
  await (await start(world)).stop();
});

Deno.test("startEngine makes no new keys where an account belongs to keys that are gone", async () => {
  await using world = await EngineWorld.make();
  await (await start(world)).stop();
  const file = `${world.stateDir("ann")}/identity.json`;
  Deno.renameSync(file, `${file}.aside`);
  await assert.rejects(start(world), isUserError(1, /identity.json is gone/));
  Deno.renameSync(`${file}.aside`, file);
  await (await start(world)).stop();
});

Deno.test("startEngine refuses suite 1 with a server that was seen with suite 2", async () => {
  await using world = await EngineWorld.make([1, 2]);
  await (await start(world)).stop();
  await assert.rejects(start(world, { suite: 1 }), isUserError(1, /Cannot use suite 1/));
  // Accepted by name it is tried; that account has no key of suite 1 until it was used once more in suite 2.
  const lowered = () => start(world, { suite: 1, acceptNew: true });
  await assert.rejects(lowered(), isUserError(1, /by another key/));
  const classic: RunningEngine[] = [];
  let id: string | null = null;
  await until("the account has both keys", async () => {
    const modern = await start(world);
    ({ id } = await modern.control.status());
    await modern.stop();
    return await lowered().then((engine) => classic.push(engine) > 0, () => false);
  });
  const [engine] = classic as [RunningEngine];
  assert.equal((await engine.control.status()).id, id);
  await engine.stop();
});

Deno.test("startEngine says that a server does not speak its suite, and tries no other", async () => {
  await using world = await EngineWorld.make([2]);
  await assert.rejects(start(world, { suite: 1 }), isUserError(1, /does not speak this suite/));
});

Deno.test("startEngine waits for a server that is away, until it is told to give up", async () => {
  await using world = await EngineWorld.make();
  await world.stopServer();
  const giveUp = new AbortController();
  const starting = start(world, { signal: giveUp.signal });
  setTimeout(() => giveUp.abort(new Error("interrupted")), 300);
  await assert.rejects(starting, /interrupted/);
  const other = start(world);
  setTimeout(() => void world.restartServer(), 300);
  await (await other).stop();
});

Deno.test("startEngine ends without a failure when `down` comes before the login", async () => {
  await using world = await EngineWorld.make();
  await world.stopServer();
  const starting = begin(world, { server: world.invite });
  let connection: ControlConnection | undefined;
  await until("it can be told", async () => {
    connection = await connectControl(world.stateDir("ann")).catch(() => undefined);
    return connection !== undefined;
  });
  const { control, ended } = connection!;
  await control.down();
  assert.equal(await starting, null);
  await ended;
  await assert.rejects(connectControl(world.stateDir("ann")), EngineUnreachableError);
});

Deno.test("startEngine keeps keys and account from one start to the next", async () => {
  await using world = await EngineWorld.make();
  const first = await start(world, { nick: "ann" });
  await first.stop();
  const keys = stateOf(world);
  const second = await start(world);
  await second.stop();
  assert.deepEqual([second.address4, second.address6], [first.address4, first.address6]);
  assert.equal(stateOf(world), keys);
});
