import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { parseEndpoint } from "../../src/base/ip.ts";
import { seededRandom } from "../../src/base/random.ts";
import { generateEd25519, sha1, sha256 } from "../../src/crypto/mod.ts";
import { logIn, type OpenedSession } from "../../src/engine/control_session.ts";
import { LoginError } from "../../src/engine/login_error.ts";
import {
  AUTH_FAILED,
  type ControlMessage,
  decodeControl,
  encodeControl,
  encodePlainFrame,
  FRAME,
  FrameSplitter,
  MAX_FRAME_SIZE,
  REFUSED,
  refused,
} from "../../src/protocol/mod.ts";
import { type ServerLogin, startServerLogin, stepServerLogin } from "../../src/session/mod.ts";
import type { ByteStream } from "../../src/ipc/lines.ts";
import type { StreamConnection } from "../../src/transport/stream.ts";
import { memoryStreamPair } from "../support/memory_stream.ts";
import { settle } from "../support/turns.ts";

const random = seededRandom(11);
const serverKey = generateEd25519(random);
const clientKey = generateEd25519(random);
const offers = [{ aead: 1, costNs: 1000 }];
const ADDRESS = 0x0a070001;

const options = {
  suite: 2 as const,
  server: { ed25519: serverKey.publicKey, rsaSha1: sha1(), rsaSha256: sha256() },
  identity: { address: ADDRESS, nick: "ann", ed25519: clientKey, rsa: null },
  suites: [2],
  offers,
};

/** The client's end of a connection in memory, in chunks of 7 bytes. */
function connection(): { stream: StreamConnection; other: ByteStream } {
  const [own, other] = memoryStreamPair({ chunk: 7 });
  const endpoint = parseEndpoint("127.0.0.1:1")!;
  const stream: StreamConnection = {
    local: endpoint,
    remote: endpoint,
    async read() {
      const buffer = new Uint8Array(7);
      const length = await own.read(buffer);
      return length === null ? null : buffer.slice(0, length);
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await own.write(bytes.subarray(at));
    },
    close: () => own.close(),
  };
  return { stream, other };
}

async function send(other: ByteStream, frame: Uint8Array): Promise<void> {
  for (let at = 0; at < frame.length;) at += await other.write(frame.subarray(at));
}

/** The server's end of a connection: its frames one by one. */
class FakeServer {
  readonly #other: ByteStream;
  readonly #splitter = new FrameSplitter({ maxSize: MAX_FRAME_SIZE.afterAuthentication });
  login!: ServerLogin;

  constructor(other: ByteStream) {
    this.#other = other;
  }

  async frame(): Promise<Uint8Array> {
    const buffer = new Uint8Array(64);
    for (let frame = this.#splitter.next();; frame = this.#splitter.next()) {
      if (frame !== null) return frame;
      const length = await this.#other.read(buffer);
      if (length === null) throw new Error("the client has closed");
      this.#splitter.push(buffer.subarray(0, length));
    }
  }

  /** Logs the client in with the machine of the real server, or refuses it with `authFailed`. */
  async logIn(authFailed: number | null = null): Promise<void> {
    const server = { ed25519: serverKey, rsa: null, suites: [2], offers };
    let { state, effects } = startServerLogin(0);
    const step = (event: Parameters<typeof stepServerLogin>[1]) => {
      ({ state, effects } = stepServerLogin(state, event, { server, now: 0, random }));
    };
    for (;;) {
      for (const effect of effects.splice(0)) {
        if (effect.do === "send") await send(this.#other, effect.frame);
        else if (effect.do === "established") return void (this.login = effect.login);
        else if (effect.do === "close") return;
        else if (effect.do === "register") step({ on: "registered", address: ADDRESS });
        else if (effect.do === "lookUp") {
          const account = { publicKey: clientKey.publicKey, isDisabled: false };
          step({ on: "account", account: authFailed === AUTH_FAILED.noSuchAccount ? null : account });
        }
      }
      if (effects.length === 0) step({ on: "frame", frame: await this.frame() });
    }
  }

  send(message: ControlMessage): Promise<void> {
    return send(this.#other, this.login.stream.seal(encodeControl(message))!);
  }
}

async function loggedIn(): Promise<OpenedSession & { server: FakeServer; other: ByteStream }> {
  const { stream, other } = connection();
  const server = new FakeServer(other);
  const [opened] = await Promise.all([logIn(stream, options, { clock: new FakeClock(), random }), server.logIn()]);
  return { ...opened, server, other };
}

function isLoginError(code: string, isFinal: boolean): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LoginError, String(error));
    assert.deepEqual([error.code, error.isFinal], [code, isFinal], error.message);
    return true;
  };
}

Deno.test("logIn opens a session that carries messages both ways, however the stream is cut", async () => {
  const { session, server, login } = await loggedIn();
  assert.equal(login.address, ADDRESS);
  await session.send({ type: "setNick", requestId: 5, operation: 9n, nick: "Zoë" });
  const plaintext = server.login.stream.open(await server.frame())!;
  assert.deepEqual(decodeControl(plaintext, "client"), { type: "setNick", requestId: 5, operation: 9n, nick: "Zoë" });
  await server.send({ type: "networkGone", requestId: 0, networkId: 1, reason: 2 });
  assert.deepEqual(await session.receive(), { type: "networkGone", requestId: 0, networkId: 1, reason: 2 });
  session.close();
  assert.equal(await session.receive(), null);
});

Deno.test("logIn registers where there is no address yet", async () => {
  const { stream, other } = connection();
  const server = new FakeServer(other);
  const fresh = { ...options, identity: { ...options.identity, address: 0 } };
  const [{ login, session }] = await Promise.all([
    logIn(stream, fresh, { clock: new FakeClock(), random }),
    server.logIn(),
  ]);
  assert.deepEqual([login.isRegistration, login.address], [true, ADDRESS]);
  session.close();
});

Deno.test("logIn tells a server without the key of the invite from one that refuses the client", async () => {
  const means = { clock: new FakeClock(), random };
  const silent = connection();
  const asked = new FakeServer(silent.other).frame().then(() => silent.other.close());
  await assert.rejects(logIn(silent.stream, options, means), isLoginError("serverKeyChanged", true));
  await asked;
  const { stream, other } = connection();
  const [outcome] = await Promise.allSettled([
    logIn(stream, options, means),
    new FakeServer(other).logIn(AUTH_FAILED.noSuchAccount),
  ]);
  assert.ok(outcome.status === "rejected" && isLoginError("notPermitted", true)(outcome.reason));
});

Deno.test("logIn takes REFUSED for a hint: busy is tried again, another suite is not", async () => {
  const cases = [[REFUSED.busy, false, 30_000], [REFUSED.suiteNotSpoken, true, 30_000]] as const;
  for (const [code, isFinal, retryAfterMs] of cases) {
    const { stream, other } = connection();
    await send(other, encodePlainFrame(FRAME.refused, refused.encode({ code, retryAfterSeconds: 30 })));
    await assert.rejects(
      logIn(stream, options, { clock: new FakeClock(), random }),
      (error) =>
        isLoginError("serverUnreachable", isFinal)(error) && (error as LoginError).retryAfterMs === retryAfterMs,
    );
  }
});

Deno.test("logIn refuses nonsense and frames beyond 4 KiB, and closes the stream", async () => {
  for (
    const nonsense of [Uint8Array.of(0, 0, 0, 1, 0x77), Uint8Array.of(0, 0, 0x10, 1), Uint8Array.of(0xff, 0, 0, 0)]
  ) {
    const { stream, other } = connection();
    await send(other, nonsense);
    await assert.rejects(
      logIn(stream, options, { clock: new FakeClock(), random }),
      isLoginError("serverUnreachable", false),
    );
    await assert.rejects(send(other, nonsense), /closed/);
  }
});

Deno.test("logIn gives up when nothing comes", async () => {
  const clock = new FakeClock();
  const { stream } = connection();
  const login = logIn(stream, options, { clock, random });
  await settle(2_000);
  clock.advance(15_000);
  await assert.rejects(login, /in time/);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("a session refuses a message that is not sealed by the server, or is one too many in the queue", async () => {
  const { session, other } = await loggedIn();
  await send(other, Uint8Array.of(0, 0, 0, 32, ...new Uint8Array(32)));
  await assert.rejects(session.receive(), /does not hold/);
  const second = await loggedIn();
  const large: ControlMessage = {
    type: "announce",
    requestId: 1,
    operation: 1n,
    networkId: 1,
    message: "x".repeat(1000),
  };
  const sends = Array.from({ length: 300 }, () => second.session.send(large));
  const outcomes = await Promise.allSettled(sends.slice(-1));
  assert.equal(outcomes[0]!.status, "rejected");
  second.session.close();
  await Promise.allSettled(sends);
});
