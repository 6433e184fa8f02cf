import assert from "node:assert/strict";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { LoginError } from "../../src/engine/login_error.ts";
import { type ControlSession, ServerLink } from "../../src/engine/server_link.ts";
import { ControlError } from "../../src/ipc/schema.ts";
import { type ControlMessage, GOODBYE, RESULT_CODE } from "../../src/protocol/mod.ts";
import { FakeSession, type Rig, rig, rigWith, welcome } from "../support/server_link_rig.ts";
import { settle } from "../support/turns.ts";

const create = {
  type: "create",
  operation: 5n,
  name: "games",
  hasPassword: false,
  joinSecret: new Uint8Array(32),
  kind: 1,
} as const;

Deno.test("ServerLink logs in, hands on what the server pushes, and says goodbye", async () => {
  const { link, sessions, events } = rig();
  assert.equal(link.state, "offline");
  link.start();
  await link.loggedIn();
  assert.equal(link.state, "logged in");
  sessions[0]!.push({ type: "synchronised", requestId: 0 });
  await settle();
  assert.deepEqual(events, ["login", "synchronised"]);
  await link.stop();
  assert.deepEqual(sessions[0]!.sent.map(({ type }) => type), ["goodbye"]);
  assert.equal(link.state, "offline");
  assert.deepEqual(events.at(-1), "logout");
});

Deno.test("ServerLink tries again with pauses until the server is there", async () => {
  const { link, sessions, clock } = rig("fails", "fails", "fails");
  link.start();
  await assert.rejects(link.loggedIn(), (error) => error instanceof ControlError && error.code === "serverUnreachable");
  for (const _try of [1, 2, 3]) {
    assert.equal(sessions.length, 0);
    await settle();
    assert.equal(clock.pendingCount, 1);
    clock.advance(60_000);
    await settle();
  }
  assert.equal(link.state, "logged in");
  await link.stop();
});

Deno.test("ServerLink connects again after a loss", async () => {
  const { link, sessions, events, clock } = rig();
  link.start();
  await link.loggedIn();
  sessions[0]!.push(null);
  await settle();
  assert.equal(link.state, "logging in");
  clock.advance(1_000);
  await settle();
  assert.deepEqual(events, ["login", "logout", "login"]);
  assert.equal(sessions.length, 2);
  await link.stop();
});

Deno.test("ServerLink gives up where the first login fails for good", async () => {
  const { link, fatal, clock } = rig(new LoginError("another key", { code: "serverKeyChanged", isFinal: true }));
  link.start();
  await assert.rejects(link.loggedIn(), (error) => error instanceof ControlError && error.code === "serverKeyChanged");
  await settle();
  assert.equal(fatal.length, 1);
  assert.equal(clock.pendingCount, 0);
  assert.equal(link.state, "offline");
  await link.stop();
});

Deno.test("ServerLink that was logged in does not believe that it cannot be again", async () => {
  const { link, sessions, fatal, clock } = rig("ok", new LoginError("another key", { isFinal: true }));
  link.start();
  await link.loggedIn();
  sessions[0]!.push(null);
  await settle();
  clock.advance(60_000);
  await settle();
  clock.advance(60_000);
  await settle();
  assert.deepEqual([fatal.length, link.state, sessions.length], [0, "logged in", 2]);
  await link.stop();
});

Deno.test("ServerLink resolves a request with its answer and rejects with the server's reason", async () => {
  const { link, sessions } = rig();
  link.start();
  await link.loggedIn();
  const first = link.request(create);
  const second = link.request(create);
  const [a, b] = sessions[0]!.sent.map(({ requestId }) => requestId);
  assert.notEqual(a, b);
  const result = (requestId: number, code: number): ControlMessage => ({
    type: "result",
    requestId,
    code,
    message: "",
    payload: Uint8Array.of(9),
  });
  sessions[0]!.push(result(b!, RESULT_CODE.nameTaken));
  sessions[0]!.push(result(a!, RESULT_CODE.ok));
  sessions[0]!.push(result(999, RESULT_CODE.ok));
  assert.deepEqual(await first, Uint8Array.of(9));
  await assert.rejects(second, (error) => error instanceof ControlError && error.code === "nameTaken");
  await link.stop();
});

Deno.test("ServerLink repeats a change under its operation number after a loss, and fails what cannot be repeated", async () => {
  const { link, sessions, clock } = rig();
  link.start();
  await link.loggedIn();
  const change = link.request(create);
  const question = link.request({ type: "tunnelRequest", peer: 1, reason: 1 });
  sessions[0]!.push(null);
  await assert.rejects(question, (error) => error instanceof ControlError && error.code === "notLoggedIn");
  clock.advance(1_000);
  await settle();
  const [repeated] = sessions[1]!.sent;
  assert.deepEqual(repeated, sessions[0]!.sent[0]);
  sessions[1]!.push({
    type: "result",
    requestId: repeated!.requestId,
    code: 0,
    message: "",
    payload: new Uint8Array(),
  });
  await change;
  await link.stop();
});

Deno.test("ServerLink times a request out after 15 s and refuses one without a login", async () => {
  const { link, clock } = rig();
  await assert.rejects(link.request(create), (error) => error instanceof ControlError && error.code === "notLoggedIn");
  link.start();
  await link.loggedIn();
  const request = link.request(create);
  clock.advance(15_000);
  await assert.rejects(request, (error) => error instanceof ControlError && error.code === "timedOut");
  await link.stop();
});

Deno.test("ServerLink pings after an interval of silence, and closes after three without a word", async () => {
  const { link, sessions, clock, events } = rig();
  link.start();
  await link.loggedIn();
  clock.advance(59_999);
  assert.equal(sessions[0]!.sent.length, 0);
  clock.advance(1);
  assert.deepEqual(sessions[0]!.sent.map(({ type }) => type), ["ping"]);
  sessions[0]!.push({ type: "pong", requestId: 0, time: 0n });
  await settle();
  clock.advance(179_999);
  await settle();
  assert.ok(!events.includes("logout"));
  clock.advance(1);
  await settle();
  assert.ok(events.includes("logout"));
  await link.stop();
});

Deno.test("ServerLink answers PING with the same id", async () => {
  const { link, sessions } = rig();
  link.start();
  await link.loggedIn();
  sessions[0]!.push({ type: "ping", requestId: 77 });
  await settle();
  assert.deepEqual(sessions[0]!.sent.map(({ type, requestId }) => [type, requestId]), [["pong", 77]]);
  await link.stop();
});

Deno.test("ServerLink waits as long as GOODBYE asks, and a minute after another engine took its place", async () => {
  for (
    const [reason, retryAfterMs, waitMs] of [[GOODBYE.serverStops, 5_000, 5_000], [
      GOODBYE.replaced,
      0,
      60_000,
    ]] as const
  ) {
    const { link, sessions, clock } = rig();
    link.start();
    await link.loggedIn();
    sessions[0]!.push({ type: "goodbye", requestId: 0, reason, retryAfterMs });
    await settle();
    clock.advance(waitMs - 1);
    await settle();
    assert.equal(sessions.length, 1);
    clock.advance(2_001);
    await settle();
    assert.equal(sessions.length, 2);
    await link.stop();
  }
});

Deno.test("ServerLink gives up a server that is silent after the login", async () => {
  const clock = new FakeClock();
  const session = new FakeSession();
  const link = new ServerLink({
    clock,
    random: seededRandom(1),
    log: silentLogger,
    open: () => Promise.resolve(session),
    onLogin: () => {},
    onLogout: () => {},
    onMessage: () => {},
    onFatal: () => {},
  });
  link.start();
  const login = assert.rejects(link.loggedIn(), ControlError);
  await settle();
  clock.advance(15_000);
  await login;
  assert.ok(session.isClosed);
  await link.stop();
});

Deno.test("ServerLink does not believe a server whose WELCOME asks for the Internet", async () => {
  const wrong = [
    { poolBase: 0x08000000, poolBits: 8, address: 0x08000001 },
    { poolBase: 0, poolBits: 0 },
    { poolBits: 7, poolBase: 0x0a000000 },
    { poolBase: 0x0a070001 },
    { address: 0x0a080001 },
    { prefix6: Uint8Array.of(0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
  ];
  for (const change of wrong) {
    const { link, events } = rig();
    const session = new FakeSession();
    session.push({ ...welcome, ...change });
    const hostile = new ServerLink({
      clock: new FakeClock(),
      random: seededRandom(1),
      log: silentLogger,
      open: () => Promise.resolve(session),
      onLogin: () => events.push("login"),
      onLogout: () => {},
      onMessage: () => {},
      onFatal: () => {},
    });
    hostile.start();
    await assert.rejects(hostile.loggedIn(), ControlError, JSON.stringify(change));
    assert.deepEqual(events, []);
    assert.ok(session.isClosed);
    await Promise.all([hostile.stop(), link.stop()]);
  }
});

/** A link whose first connection is a detour, and what it is offered as a better one. */
function detour(): Rig & { offer: (session: ControlSession | null) => void; tries: AbortSignal[] } {
  const offers: PromiseWithResolvers<ControlSession | null>[] = [];
  const tries: AbortSignal[] = [];
  const better = {
    at: () => tries.length < 2 ? 1_000 * (tries.length + 1) : null,
    open: (signal: AbortSignal) => {
      tries.push(signal);
      const offer = Promise.withResolvers<ControlSession | null>();
      signal.addEventListener("abort", () => offer.reject(signal.reason));
      offers.push(offer);
      return offer.promise;
    },
  };
  return { ...rigWith({ better }), offer: (session) => offers.shift()!.resolve(session), tries };
}

Deno.test("ServerLink goes over to a better connection, and keeps the one it has until there is one", async () => {
  const { link, clock, sessions, events, offer, tries } = detour();
  link.start();
  await link.loggedIn();
  clock.advance(1_000);
  offer(null);
  await settle();
  assert.equal(link.state, "logged in");
  assert(!sessions[0]!.isClosed);
  clock.advance(1_000);
  assert.equal(tries.length, 2);
  const better = new FakeSession();
  better.push(welcome);
  // The server says so before our own login has returned.
  sessions[0]!.push({ type: "goodbye", requestId: 0, reason: GOODBYE.replaced, retryAfterMs: 0 });
  await settle();
  offer(better);
  await settle();
  assert.deepEqual(events, ["login", "logout", "login"]);
  assert(sessions[0]!.isClosed && !better.isClosed);
  assert.equal(sessions.length, 1, "nothing was opened anew");
  await link.stop();
  assert(better.isClosed);
});

Deno.test("ServerLink gives up looking for a better connection when the one it has is lost", async () => {
  const { link, clock, sessions, tries } = detour();
  link.start();
  await link.loggedIn();
  clock.advance(1_000);
  sessions[0]!.push(null);
  await settle();
  assert(tries[0]!.aborted);
  clock.advance(60_000);
  await link.loggedIn();
  assert.equal(sessions.length, 2);
  await link.stop();
});

Deno.test("ServerLink plans anew when it is told to reconsider", async () => {
  let at: number | null = null;
  const tries: number[] = [];
  const { link, clock } = rigWith({
    better: {
      at: () => at,
      open: () => {
        tries.push(clock.now());
        at = null;
        return Promise.resolve(null);
      },
    },
  });
  link.start();
  await link.loggedIn();
  clock.advance(10_000);
  assert.deepEqual(tries, []);
  at = 12_000;
  link.reconsider();
  clock.advance(10_000);
  assert.deepEqual(tries, [12_000]);
  await link.stop();
});
