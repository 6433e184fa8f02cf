import assert from "node:assert/strict";
import { rig } from "../support/server_link_rig.ts";
import { settle } from "../support/turns.ts";

Deno.test("ServerLink.check keeps a connection that answers within a second", async () => {
  const { link, sessions, clock, events } = rig();
  link.start();
  await link.loggedIn();
  clock.advance(5_000);
  link.check(() => true);
  assert.deepEqual(sessions[0]!.sent.map(({ type }) => type), ["ping"]);
  clock.advance(900);
  sessions[0]!.push({ type: "pong", requestId: 0, time: 0n });
  await settle();
  clock.advance(10_000);
  await settle();
  assert.deepEqual(events, ["login", "pong"]);
  await link.stop();
});

Deno.test("ServerLink.check replaces a connection that is silent for a second at once", async () => {
  const { link, sessions, clock, events } = rig();
  link.start();
  await link.loggedIn();
  clock.advance(5_000);
  link.check(() => true);
  clock.advance(1_000);
  await settle();
  assert.deepEqual(events, ["login", "logout"]);
  clock.advance(250);
  await settle();
  assert.deepEqual(events, ["login", "logout", "login"]);
  assert.equal(sessions.length, 2);
  await link.stop();
});

Deno.test("ServerLink.check does not wait for a connection from an address that is gone", async () => {
  const { link, sessions, clock, events } = rig();
  link.start();
  await link.loggedIn();
  link.check(() => false);
  await settle();
  assert.equal(sessions[0]!.isClosed, true);
  clock.advance(250);
  await settle();
  assert.deepEqual(events, ["login", "logout", "login"]);
  await link.stop();
});

Deno.test("ServerLink.check ends a pause between two tries, and keeps the next ones short for 5 s", async () => {
  const { link, sessions, clock } = rig("ok", "fails", "fails", "fails", "fails", "fails");
  link.start();
  await link.loggedIn();
  sessions[0]!.push(null);
  for (let tries = 0; tries < 5; tries++) {
    await settle();
    clock.advance(60_000);
  }
  await settle();
  // The fifth failure pauses for up to half a minute.
  assert.equal(sessions.length, 1);
  link.check(() => true);
  await settle();
  assert.equal(sessions.length, 2);
  assert.equal(link.state, "logged in");
  await link.stop();
});
