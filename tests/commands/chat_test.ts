import assert from "node:assert/strict";
import { CliWorld } from "../support/cli_world.ts";
import type { FakeEngine } from "../support/fake_engine.ts";
import { sampleMessage } from "../support/sample_views.ts";
import { WORLDS } from "../support/cli_worlds.ts";

const engineOf = () => WORLDS["chatting"]!() as FakeEngine;

Deno.test("chat sends each line of its input, in order, leaves out blank ones, and fails when one failed", async () => {
  const engine = engineOf();
  engine.messages = [];
  const world = new CliWorld({ engine, stdin: ["one", "", "two"] });
  assert.equal(await world.run("chat", "bob"), 0);
  assert.deepEqual(engine.messages.map(({ text }) => text), ["one", "two"]);
  assert.deepEqual(world.stdout, ["Writing to bob .. ok, delivered", "Writing to bob .. ok, delivered"]);
  const failing = new CliWorld({ engine, stdin: ["one"] });
  assert.equal(await failing.run("chat", "gina"), 1);
});

Deno.test("chat in a terminal shows what comes from there and nothing else, marks it read, and says what has not arrived", async () => {
  const engine = engineOf();
  const at = 0;
  const from = { id: "090-123-459", nick: "dave" };
  const message = sampleMessage({ from, id: "3".repeat(32), text: "\u001b[31mhere" });
  const elsewhere = sampleMessage({ from, id: "4".repeat(32), network: "game night", to: null });
  engine.messages = [message, elsewhere];
  engine.happening = [sampleMessage(), elsewhere, message].map((each) => ({ at, kind: "message", message: each }));
  const world = new CliWorld({ engine, answers: [], stdin: ["hello", "are you there?"] });
  assert.equal(await world.run("chat", "dave"), 0);
  assert.deepEqual(world.stdout.toSorted(), [
    "(stored until dave is online)",
    "(stored until dave is online)",
    "Each line is a message to dave. Ctrl-D ends.",
    "dave (090-123-459): [31mhere",
  ]);
  assert.equal(engine.messages.find(({ id }) => id === message.id)!.read, true);
  assert.deepEqual(engine.messages.filter(({ direction }) => direction === "out").map(({ to }) => to?.nick), [
    "dave",
    "dave",
  ]);
});

Deno.test("chat in a terminal talks in a network, too", async () => {
  const engine = engineOf();
  const message = sampleMessage({ network: "game night", to: null, id: "3".repeat(32), text: "me" });
  engine.messages = [message];
  engine.happening = [{ at: 0, kind: "message", message }, { at: 0, kind: "message", message: sampleMessage() }];
  const world = new CliWorld({ engine, answers: [], stdin: ["who plays?"] });
  assert.equal(await world.run("chat", "game night"), 0);
  assert.deepEqual(world.stdout.toSorted(), [
    "(1 delivered, 1 stored)",
    "Each line is a message to game night. Ctrl-D ends.",
    "bob (090-123-456): me",
  ]);
});

Deno.test("events goes on until it is interrupted", async () => {
  const engine = engineOf();
  engine.endsEvents = false;
  engine.happening = engine.happening.slice(0, 1);
  const world = new CliWorld({ engine });
  const running = world.run("events");
  await world.printed();
  world.interrupt();
  assert.equal(await running, 130);
  assert.equal(world.stdout.length, 1);
});
