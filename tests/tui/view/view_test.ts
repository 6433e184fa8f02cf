import assert from "node:assert/strict";
import { silentLogger } from "../../../src/base/log.ts";
import { FakeClock } from "../../../src/base/clock.ts";
import { type ControlConnection, EngineUnreachableError, openControl } from "../../../src/ipc/mod.ts";
import { serveStream } from "../../../src/ipc/server.ts";
import { runView } from "../../../src/tui/view/view.ts";
import { FakeEngine } from "../../support/fake_engine.ts";
import { FakeTerminal } from "../../support/fake_terminal.ts";
import { memoryStreamPair } from "../../support/memory_stream.ts";
import { sampleMember, sampleMessage, sampleNetwork } from "../../support/sample_views.ts";
import { keys } from "../scenes.ts";

/** The view on a terminal in memory, with an engine that comes and goes. */
class ViewRun {
  readonly terminal = new FakeTerminal();
  readonly clock = new FakeClock();
  readonly interruption = new AbortController();
  readonly ended: Promise<void>;
  #engine: FakeEngine | null;
  #stopping = new AbortController();
  readonly #served: Promise<void>[] = [];

  constructor(engine: FakeEngine | null) {
    this.#engine = engine;
    this.ended = runView({
      terminal: this.terminal,
      connect: () => Promise.resolve().then(() => this.#connect()),
      clock: this.clock,
      signal: this.interruption.signal,
      startCommand: "buri up",
    }).then(() => Promise.all(this.#served)).then(() => {});
  }

  start(engine: FakeEngine): void {
    this.#engine = engine;
  }

  stop(): void {
    this.#engine = null;
    this.#stopping.abort();
    this.#stopping = new AbortController();
  }

  /** Lets a second pass. */
  second(): void {
    this.clock.advance(1000);
  }

  /** Lets seconds pass until the screen shows `text`, which was not there before. */
  async showsInTime(text: RegExp): Promise<void> {
    this.terminal.written.length = 0;
    while (!text.test(this.terminal.written.join(""))) {
      this.second();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async quit(): Promise<void> {
    this.terminal.press(...keys("q"));
    await this.ended;
  }

  #connect(): ControlConnection {
    if (this.#engine === null) throw new EngineUnreachableError("notRunning", undefined);
    const [near, far] = memoryStreamPair();
    this.#served.push(serveStream(far, this.#engine, silentLogger, this.#stopping.signal));
    return openControl(near);
  }
}

function engineWithBob(): FakeEngine {
  return new FakeEngine([sampleNetwork({ members: [sampleMember()] })], {
    attic: { password: "s3same", view: sampleNetwork({ id: "attic", name: "attic" }) },
  });
}

Deno.test("runView shows what the engine says, and what it says a second later", async () => {
  const engine = engineWithBob();
  const run = new ViewRun(engine);
  await run.terminal.shows(/direct/);
  engine.networks = [sampleNetwork({ members: [sampleMember({ path: "relay" })] })];
  run.second();
  await run.terminal.shows(/relay/);
  await run.quit();
});

Deno.test("runView joins by keys and shows at once what came of it", async () => {
  const run = new ViewRun(engineWithBob());
  await run.terminal.shows(/direct/);
  run.terminal.press(...keys("n", "attic", "enter", "wrong", "enter"));
  await run.terminal.shows(/Cannot join: invalid password/);
  run.terminal.press(...keys("n", "attic", "enter", "s3same", "enter"));
  await run.terminal.shows(/Joined attic/);
  await run.terminal.shows(/attic.*1\/256/);
  assert.ok(!run.terminal.written.join("").includes("s3same"));
  await run.quit();
});

Deno.test("runView waits for an engine, and again when it has ended", async () => {
  const run = new ViewRun(null);
  await run.terminal.shows(/buri up/);
  run.start(engineWithBob());
  await run.showsInTime(/direct/);
  run.stop();
  await run.showsInTime(/buri up/);
  run.start(engineWithBob());
  await run.showsInTime(/direct/);
  await run.quit();
});

Deno.test("runView writes to the selected member and shows what comes", async () => {
  const engine = engineWithBob();
  engine.happening.push({ at: 0, kind: "message", message: sampleMessage({ direction: "in", text: "are you there" }) });
  const run = new ViewRun(engine);
  await run.terminal.shows(/direct/);
  await run.terminal.shows(/are you there/);
  run.terminal.press(...keys("down", "m", "see you", "enter"));
  await run.terminal.shows(/Delivered/);
  assert.equal(engine.messages.at(-1)?.text, "see you");
  await run.quit();
});

Deno.test("runView says so when the engine is silent", async () => {
  const engine = engineWithBob();
  const run = new ViewRun(engine);
  await run.terminal.shows(/direct/);
  const silence = Promise.withResolvers<never[]>();
  engine.list = () => silence.promise;
  for (let count = 0; count < 6; count++) run.second();
  await run.terminal.shows(/the engine does not answer/);
  silence.resolve([]);
  await run.terminal.shows(/No networks yet/);
  await run.quit();
});

Deno.test("runView pings until the key is pressed again", async () => {
  const engine = engineWithBob();
  const run = new ViewRun(engine);
  await run.terminal.shows(/direct/);
  run.terminal.press(...keys("down", "p"));
  await run.terminal.shows(/12 ms direct, 3 of 3 from bob/);
  run.terminal.press(...keys("p"));
  while (!engine.calls.includes("ping ended")) await new Promise((resolve) => setTimeout(resolve, 1));
  await run.quit();
});

Deno.test("runView copies by OSC 52 and suspends by the terminal", async () => {
  const run = new ViewRun(engineWithBob());
  await run.terminal.shows(/direct/);
  run.terminal.press(...keys("down", "y", "ctrl-z"));
  await run.terminal.shows(/Copied 10\.77\.0\.2/);
  assert.ok(run.terminal.written.includes(`\u001b]52;c;${btoa("10.77.0.2")}\u0007`));
  await run.quit();
  assert.deepEqual(run.terminal.calls, ["suspend"]);
});

Deno.test("runView draws anew for another size", async () => {
  const run = new ViewRun(engineWithBob());
  await run.terminal.shows(/direct/);
  run.terminal.written.length = 0;
  run.terminal.resize({ columns: 100, rows: 30 });
  await run.terminal.shows(/\[30;1H/);
  await run.quit();
});

for (const end of ["signal", "hang-up"] as const) {
  Deno.test(`runView ends by ${end} with a ping on its way`, async () => {
    const run = new ViewRun(engineWithBob());
    await run.terminal.shows(/direct/);
    run.terminal.press(...keys("down", "p"));
    await run.terminal.shows(/from bob/);
    if (end === "signal") run.interruption.abort();
    else run.terminal.hangUp();
    await run.ended;
  });
}
