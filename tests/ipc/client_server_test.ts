import assert from "node:assert/strict";
import { utf8 } from "../../src/base/bytes.ts";
import { createLogger, type Logger, silentLogger } from "../../src/base/log.ts";
import { type ControlConnection, openControl } from "../../src/ipc/client.ts";
import { decodeReply, encodeRequest } from "../../src/ipc/frames.ts";
import { type ByteStream, LineWriter, readLines } from "../../src/ipc/lines.ts";
import { ControlError, type EngineControl } from "../../src/ipc/schema.ts";
import { serveStream } from "../../src/ipc/server.ts";
import { FakeEngine } from "../support/fake_engine.ts";
import { memoryStreamPair } from "../support/memory_stream.ts";
import { sampleMember, sampleNetwork, sampleStatus } from "../support/sample_views.ts";

const ONE_NETWORK = () => [sampleNetwork({ members: [sampleMember()] })];
const PING = { peer: "bob", count: 3, intervalMs: 10, timeoutMs: 100 };

interface Session {
  connection: ControlConnection;
  control: EngineControl;
  stopping: AbortController;
  served: Promise<void>;
}

/** Runs `use` between a client and a server, and ends with nothing left open. */
async function withSession(
  engine: EngineControl,
  use: (session: Session) => Promise<void>,
  log: Logger = silentLogger,
): Promise<void> {
  const [near, far] = memoryStreamPair();
  const stopping = new AbortController();
  const served = serveStream(far, engine, log, stopping.signal);
  const connection = openControl(near);
  try {
    await use({ connection, control: connection.control, stopping, served });
  } finally {
    connection.close();
    await Promise.all([served, connection.ended]);
  }
}

/** Talks to a server without the client's care. */
async function withRawSession(
  engine: EngineControl,
  use: (writer: LineWriter, replies: AsyncGenerator<string>, stream: ByteStream) => Promise<void>,
): Promise<void> {
  const [near, far] = memoryStreamPair();
  const served = serveStream(far, engine, silentLogger, new AbortController().signal);
  try {
    await use(new LineWriter(near), readLines(near), near);
  } finally {
    near.close();
    await served;
  }
}

const isRefused = (code: string) => (error: unknown) => error instanceof ControlError && error.code === code;

/** A fake whose one method is replaced. */
function engineWith(change: Partial<EngineControl>): EngineControl {
  return Object.assign(new FakeEngine(ONE_NETWORK()), change);
}

Deno.test("openControl gives what the engine on the other end gives", async () => {
  const engine = new FakeEngine(ONE_NETWORK());
  await withSession(engine, async ({ control }) => {
    assert.deepEqual(await control.status(), sampleStatus());
    assert.deepEqual(await control.list(), ONE_NETWORK());
    assert.deepEqual(await control.peer({ peer: "bob" }), {
      ...sampleMember(),
      networks: ["office"],
      plainWanted: false,
    });
    assert.equal(await control.setNick({ nick: "carol" }), undefined);
    assert.deepEqual(await control.logout(), { changed: true });
  });
  assert.deepEqual(engine.calls, ["status", "list", "peer", "setNick", "logout"]);
});

Deno.test("openControl rejects with the engine's refusal", async () => {
  await withSession(new FakeEngine(), async ({ control }) => {
    await assert.rejects(control.join({ network: "office", password: "" }), isRefused("invalidPassword"));
  });
});

Deno.test("openControl carries a list far longer than a line", async () => {
  const members = Array.from({ length: 256 }, (_, at) => sampleMember({ nick: `€"${at}`.repeat(20) }));
  const networks = Array.from({ length: 20 }, (_, at) => sampleNetwork({ id: `net ${at}`, members }));
  await withSession(new FakeEngine(networks), async ({ control }) => {
    assert.deepEqual(await control.list(), networks);
  });
});

Deno.test("openControl keeps answers apart that come in another order", async () => {
  const slow = Promise.withResolvers<void>();
  const engine = engineWith({ login: () => slow.promise.then(() => ({ changed: false })) });
  await withSession(engine, async ({ control }) => {
    const login = control.login();
    assert.equal((await control.status()).pid, 4711);
    slow.resolve();
    assert.deepEqual(await login, { changed: false });
  });
});

Deno.test("openControl iterates over a stream to its end", async () => {
  const engine = new FakeEngine(ONE_NETWORK());
  engine.rtts = [1.5, null, 2.5];
  await withSession(engine, async ({ control }) => {
    const replies = await Array.fromAsync(control.ping(PING, new AbortController().signal));
    assert.deepEqual(replies.map(({ sequence, rttMs }) => [sequence, rttMs]), [[1, 1.5], [2, null], [3, 2.5]]);
  });
});

Deno.test("openControl ends an endless stream when its signal aborts, and the engine's part of it too", async () => {
  const engine = new FakeEngine(ONE_NETWORK());
  await withSession(engine, async ({ control }) => {
    const abort = new AbortController();
    for await (const { sequence } of control.ping({ ...PING, count: null }, abort.signal)) {
      if (sequence === 3) abort.abort();
    }
    assert.deepEqual(engine.calls, ["ping", "ping ended"]);
  });
});

Deno.test("openControl ends the engine's part of a stream that the caller leaves", async () => {
  const ended = Promise.withResolvers<void>();
  const engine = new FakeEngine(ONE_NETWORK());
  const push = engine.calls.push.bind(engine.calls);
  engine.calls.push = (...names) => {
    if (names.includes("ping ended")) ended.resolve();
    return push(...names);
  };
  await withSession(engine, async ({ control }) => {
    for await (const _ of control.ping({ ...PING, count: null }, new AbortController().signal)) break;
    await ended.promise;
  });
});

Deno.test("openControl rejects all that is open when the engine goes away", async () => {
  const engine = engineWith({ login: () => new Promise(() => {}), list: () => new Promise(() => {}) });
  const [near, far] = memoryStreamPair();
  const { control, ended } = openControl(near);
  const served = serveStream(far, engine, silentLogger, new AbortController().signal);
  const open = [control.login(), control.list()];
  far.close();
  for (const call of open) await assert.rejects(call, isRefused("engineGone"));
  await Promise.all([ended, served]);
  await assert.rejects(control.status(), isRefused("engineGone"));
});

Deno.test("openControl refuses an engine that sends nonsense", async () => {
  for (const nonsense of ["hello", '{"id":1,"result":{"pid":"x"}}', '{"id":1,"item":{}}']) {
    const [near, far] = memoryStreamPair();
    const { control, ended, close } = openControl(near);
    const call = control.status();
    await new LineWriter(far).write(nonsense);
    await assert.rejects(call, (error) => error instanceof ControlError, nonsense);
    close();
    await ended;
  }
});

Deno.test("openControl refuses a request that is longer than a line", async () => {
  await withSession(new FakeEngine(), async ({ control }) => {
    await assert.rejects(control.setNick({ nick: "x".repeat(70_000) }), isRefused("invalidRequest"));
    assert.equal((await control.status()).pid, 4711, "the connection lives on");
  });
});

Deno.test("serveStream refuses a method it does not know and goes on", async () => {
  await withRawSession(new FakeEngine(), async (writer, replies) => {
    await writer.write(encodeRequest({ id: 1, method: "constructor", params: {} }));
    await writer.write(encodeRequest({ id: 2, method: "list", params: {} }));
    const hint = 'the engine does not know "constructor"';
    const first = decodeReply((await replies.next()).value as string);
    assert.deepEqual(first, { id: 1, failure: { code: "invalidRequest", hint } });
    assert.deepEqual(decodeReply((await replies.next()).value as string), { id: 2, result: [] });
  });
});

Deno.test("serveStream does not let malformed parameters reach the engine", async () => {
  const engine = new FakeEngine();
  await withRawSession(engine, async (writer, replies) => {
    await writer.write(encodeRequest({ id: 1, method: "join", params: { network: "office", password: 7 } }));
    const hint = "malformed parameters of join: password is not as expected";
    assert.deepEqual(decodeReply((await replies.next()).value as string), {
      id: 1,
      failure: { code: "invalidRequest", hint },
    });
  });
  assert.deepEqual(engine.calls, []);
});

Deno.test("serveStream ends a connection that sends nonsense", async () => {
  for (const nonsense of ["hello\n", `${"x".repeat(65536)}\n`, '{"id":1}\n']) {
    await withRawSession(new FakeEngine(), async (_, replies, stream) => {
      await stream.write(new TextEncoder().encode(nonsense));
      assert.equal((await replies.next()).done, true);
    });
  }
});

Deno.test("serveStream refuses a request beyond 32 open ones and one whose id is in use", async () => {
  const engine = engineWith({ login: () => new Promise(() => {}) });
  await withRawSession(engine, async (writer, replies) => {
    const ask = (id: number, method: string) => writer.write(encodeRequest({ id, method, params: {} }));
    const nextReply = async () => decodeReply((await replies.next()).value as string);
    const failure = { code: "busy", hint: "too many requests are open on this connection" };
    await ask(0, "login");
    await ask(0, "status");
    assert.deepEqual(await nextReply(), { id: 0, failure });
    for (let id = 1; id < 32; id++) await ask(id, "login");
    await ask(32, "status");
    assert.deepEqual(await nextReply(), { id: 32, failure });
  });
});

Deno.test("serveStream ends the streams of a command that has gone", async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const engine = engineWith({
    // deno-lint-ignore require-yield -- a peer that never answers
    ping: async function* (_, signal) {
      signal.addEventListener("abort", () => ended.resolve());
      begun.resolve();
      await ended.promise;
    },
  });
  await withRawSession(engine, async (writer, _, stream) => {
    await writer.write(encodeRequest({ id: 1, method: "ping", params: PING }));
    await begun.promise;
    stream.close();
    await ended.promise;
  });
});

Deno.test("serveStream takes a command that leaves in the middle of an answer for nothing to report", async () => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", json: false, write: (line) => lines.push(line) });
  const [near, far] = memoryStreamPair();
  let hasTried = false;
  const write = (bytes: Uint8Array) => {
    hasTried = true;
    return Promise.reject(new Deno.errors.BrokenPipe(`${bytes.length} bytes for nobody`));
  };
  const served = serveStream({ ...far, write }, new FakeEngine(ONE_NETWORK()), log, new AbortController().signal);
  await new LineWriter(near).write(encodeRequest({ id: 1, method: "ping", params: PING }));
  while (!hasTried) await new Promise((resolve) => setTimeout(resolve));
  near.close();
  await served;
  assert.deepEqual(lines, []);
});

Deno.test("openControl gives up on an answer in parts that does not end", async () => {
  const line = utf8(`{"id":1,"part":"${"x".repeat(60_000)}"}\n`);
  let isClosed = false;
  let at = 0;
  let reads = 0;
  const endless: ByteStream = {
    read: async (buffer) => {
      if (reads++ % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
      if (isClosed) return null;
      const chunk = line.subarray(at, at + buffer.length);
      buffer.set(chunk);
      at = (at + chunk.length) % line.length;
      return chunk.length;
    },
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => void (isClosed = true),
  };
  const { control, ended, close } = openControl(endless);
  await assert.rejects(control.list(), (error) => error instanceof ControlError && /too long/.test(error.hint ?? ""));
  close();
  await ended;
});

Deno.test("serveStream reports a fault of the engine as internal and logs it", async () => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", json: false, write: (line) => lines.push(line) });
  const engine = engineWith({ list: () => Promise.reject(new Error("disk on fire")) });
  await withSession(engine, async ({ control }) => {
    await assert.rejects(
      control.list(),
      (error) => error instanceof ControlError && error.code === "internal" && error.hint === "disk on fire",
    );
  }, log);
  assert.match(lines.join("\n"), /error "?a control request failed"? method=list error="Error: disk on fire"/);
});

Deno.test("serveStream lets a reply in the making leave when the server stops, and ends streams", async () => {
  const reply = Promise.withResolvers<{ changed: boolean }>();
  await withSession(engineWith({ login: () => reply.promise }), async ({ control, stopping, served }) => {
    const pings = Array.fromAsync(control.ping({ ...PING, count: null }, new AbortController().signal));
    const login = control.login();
    await control.status(); // so that both have reached the server
    stopping.abort();
    reply.resolve({ changed: true });
    assert.deepEqual(await login, { changed: true });
    assert.ok((await pings).length > 0);
    await served;
  });
});

Deno.test("serveStream does not wait for ever for a reply when the server stops", async () => {
  await withSession(engineWith({ login: () => new Promise(() => {}) }), async ({ control, stopping, served }) => {
    const login = control.login();
    await control.status();
    stopping.abort();
    await assert.rejects(login, isRefused("engineGone"));
    await served;
  });
});
