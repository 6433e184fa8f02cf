import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { parseEndpoint } from "../../src/base/ip.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { generateEd25519, sshRsaFingerprintSha256 } from "../../src/crypto/mod.ts";
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  FrameSplitter,
  GOODBYE,
  MAX_FRAME_SIZE,
} from "../../src/protocol/mod.ts";
import { ControlConnection, type ControlSocket } from "../../src/server/control_connection.ts";
import { makeWorld } from "../../src/server/make_world.ts";
import { POLICIES } from "../../src/server/plans.ts";
import { accountHandlers } from "../../src/server/requests_account.ts";
import { KEEPALIVE_SECONDS } from "../../src/server/sessions.ts";
import { type ClientLogin, type ControlStream, startClientLogin, stepClientLogin } from "../../src/session/mod.ts";
import { makeTestStore, type TestStore } from "./store_support.ts";

const KEYS = generateEd25519(systemRandom());
const OFFERS = [{ aead: 1, costNs: 1 }];
const PING = encodeControl({ type: "ping", requestId: 1 });

/** The client's end of a connection in memory. */
class Wire implements ControlSocket {
  readonly local = parseEndpoint("127.0.0.1:12975")!;
  readonly remote = parseEndpoint("127.0.0.1:50000")!;
  readonly splitter = new FrameSplitter({ maxSize: MAX_FRAME_SIZE.afterAuthentication });
  isClosed = false;
  /** Whether the system takes what is written. */
  isStuck = false;
  #waiting: (() => void) | null = null;
  #arrived: Uint8Array[] = [];
  #sent: (() => void) | null = null;
  #unstick: ((error: Error) => void) | null = null;

  /** Bytes from the client. */
  push(bytes: Uint8Array): void {
    this.#arrived.push(bytes);
    this.#waiting?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#arrived.length === 0 && !this.isClosed) await new Promise<void>((resolve) => this.#waiting = resolve);
    const chunk = this.#arrived.shift();
    if (chunk === undefined) return null;
    if (chunk.length > buffer.length) this.#arrived.unshift(chunk.subarray(buffer.length));
    buffer.set(chunk.subarray(0, buffer.length));
    return Math.min(chunk.length, buffer.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.isStuck) return new Promise((_, reject) => this.#unstick = reject);
    this.splitter.push(bytes);
    this.#sent?.();
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#waiting?.();
    this.#unstick?.(new Error("closed"));
  }

  /** The next frame of the server. */
  async frame(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.splitter.next();
      if (frame !== null) return frame;
      await new Promise<void>((resolve) => this.#sent = resolve);
    }
  }
}

interface Served extends AsyncDisposable {
  clock: FakeClock;
  wire: Wire;
  connection: ControlConnection;
  run: Promise<void>;
  /** Moves time on and ticks once, as the listener does. */
  pass(ms: number, stalledMs?: number): void;
}

async function serve(): Promise<Served> {
  const test: TestStore = await makeTestStore();
  const clock = new FakeClock();
  const { world } = makeWorld({
    store: test.store,
    plan: test.plan,
    relays: { offers: () => [], revoke: () => {} },
    ports: { udpPort: 1, udp2Port: 2 },
    policy: POLICIES.open,
    clock,
    random: systemRandom(),
    log: silentLogger,
  });
  const wire = new Wire();
  const connection = new ControlConnection(wire, {
    world,
    login: { ed25519: KEYS, rsa: null, suites: [2], offers: OFFERS },
    handlers: accountHandlers,
    source: "test",
    onAuthenticated: () => {},
  });
  const run = connection.run();
  const pass = (ms: number, stalledMs = 0) => {
    clock.advance(ms);
    connection.tick(clock.now(), stalledMs);
  };
  const dispose = async () => {
    wire.close();
    await run;
    await test[Symbol.asyncDispose]();
  };
  return { clock, wire, connection, run, pass, [Symbol.asyncDispose]: dispose };
}

function begin() {
  const blob = new Uint8Array(32);
  return startClientLogin({
    suite: 2,
    server: { ed25519: KEYS.publicKey, rsaSha1: new Uint8Array(20), rsaSha256: sshRsaFingerprintSha256(blob) },
    identity: { address: 0, nick: "", ed25519: generateEd25519(systemRandom()), rsa: null },
    suites: [2],
    offers: OFFERS,
  }, systemRandom());
}

async function logIn({ wire }: Served): Promise<ControlStream> {
  let { state, effects } = begin();
  for (;;) {
    const established = effects.find((effect) => effect.do === "established");
    if (established !== undefined) return (established as { login: ClientLogin }).login.stream;
    for (const effect of effects) if (effect.do === "send") wire.push(effect.frame);
    ({ state, effects } = stepClientLogin(state, { on: "frame", frame: await wire.frame() }, systemRandom()));
  }
}

async function receive({ wire }: Served, stream: ControlStream): Promise<ControlMessage> {
  return decodeControl(stream.open(await wire.frame())!, "server") as ControlMessage;
}

async function logInFully(served: Served): Promise<ControlStream> {
  const stream = await logIn(served);
  // The server takes requests, and counts silence, once everything it says by itself is said.
  served.wire.push(stream.seal(PING)!);
  while ((await receive(served, stream)).type !== "pong");
  return stream;
}

Deno.test("ControlConnection waits 5 s for HELO, also from one that sends it byte by byte", async () => {
  await using served = await serve();
  const { effects } = begin();
  const helo = (effects[0] as { frame: Uint8Array }).frame;
  for (let second = 0; second < 4; second++) {
    served.wire.push(helo.subarray(second, second + 1));
    served.pass(1000);
    assert.ok(!served.wire.isClosed);
  }
  served.pass(1001);
  await served.run;
  assert.ok(served.wire.isClosed);
});

Deno.test("ControlConnection waits 10 s in all for AUTH or REGISTER", async () => {
  await using served = await serve();
  served.pass(4000);
  served.wire.push((begin().effects[0] as { frame: Uint8Array }).frame);
  await served.wire.frame();
  served.pass(5999);
  assert.ok(!served.wire.isClosed);
  served.pass(2);
  await served.run;
  assert.ok(served.wire.isClosed);
});

Deno.test("ControlConnection does not hold it against a client that the server was busy", async () => {
  await using served = await serve();
  served.pass(20_000, 19_000);
  assert.ok(!served.wire.isClosed);
  await logInFully(served);
});

Deno.test("ControlConnection closes on a frame larger than 4 KiB before the login", async () => {
  await using served = await serve();
  served.wire.push(Uint8Array.of(0, 0, 0x10, 0x01));
  await served.run;
  assert.ok(served.wire.isClosed);
});

Deno.test("ControlConnection sends PING when it has been silent, and gives up on a client that is", async () => {
  await using served = await serve();
  const stream = await logInFully(served);
  served.pass(KEEPALIVE_SECONDS * 1000 - 1);
  served.pass(1);
  const ping = await receive(served, stream);
  assert.equal(ping.type, "ping");
  served.pass(KEEPALIVE_SECONDS * 1000);
  assert.equal((await receive(served, stream)).type, "ping");
  served.pass(KEEPALIVE_SECONDS * 1000);
  const goodbye = await receive(served, stream);
  assert.deepEqual(goodbye, { type: "goodbye", requestId: 0, reason: GOODBYE.idle, retryAfterMs: 0 });
  await served.run;
});

Deno.test("ControlConnection cuts off a client that does not read for 10 s", async () => {
  await using served = await serve();
  const stream = await logInFully(served);
  served.wire.isStuck = true;
  served.wire.push(stream.seal(PING)!);
  for (let round = 0; round < 50; round++) await Promise.resolve();
  served.pass(9_999);
  assert.ok(!served.wire.isClosed);
  served.pass(1);
  await served.run;
  assert.ok(served.wire.isClosed);
});

Deno.test("ControlConnection cuts off a client for which more than 256 KiB wait", async () => {
  await using served = await serve();
  const stream = await logInFully(served);
  served.wire.isStuck = true;
  for (let count = 0; count < 12_000 && !served.wire.isClosed; count++) {
    served.wire.push(stream.seal(PING)!);
    if (count % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await served.run;
  assert.ok(served.wire.isClosed);
});
