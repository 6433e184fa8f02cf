/**
 * A server and two members as processes of their own that write to each other while any of them is killed at any moment.
 * What a command has acknowledged must arrive, and nothing twice.
 */
import assert from "node:assert/strict";
import { systemRandom } from "../../src/base/random.ts";
import { connectControl, type ControlConnection, type MessageView } from "../../src/ipc/mod.ts";
import { LongRun } from "./buri_process.ts";

type Name = "server" | "ann" | "bob";

const NAMES: readonly Name[] = ["server", "ann", "bob"];
/** A message that does not arrive while none of the others does either is lost; a long queue only takes its time. */
const STALLED_MS = 60_000;
/** Slower than the pace of an outbox, so that the queue is not all there is to wait for. */
const WRITE_PAUSE_MS = 100;

/** What came of a run. */
export interface CrashReport {
  /** Processes killed. */
  killCount: number;
  /** Messages that were acknowledged to their writers. */
  acknowledgedCount: number;
  /** Messages whose writer died before it could say so; they may have arrived, once. */
  openCount: number;
}

/** Kills one of the three `killCount` times while messages go both ways, and checks what arrived. */
export async function runChatCrashes(killCount: number): Promise<CrashReport> {
  await using world = new CrashWorld();
  await world.start();
  const random = systemRandom();
  const writing = [world.write("ann", "bob"), world.write("bob", "ann")];
  for (let kill = 0; kill < killCount; kill++) {
    await pause(200 + random.below(1_300));
    await world.kill(NAMES[random.below(NAMES.length)]!);
  }
  world.endWriting();
  const written = await Promise.all(writing);
  await world.startAll();
  const [toBob, toAnn] = written as [Written, Written];
  await world.check(toBob, "bob");
  await world.check(toAnn, "ann");
  const sum = (key: keyof Written) => written.reduce((total, each) => total + each[key].size, 0);
  return { killCount, acknowledgedCount: sum("acknowledged"), openCount: sum("open") };
}

/** Texts that one member wrote. */
interface Written {
  acknowledged: Set<string>;
  open: Set<string>;
}

class CrashWorld implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "buri-chat-crash-" });
  readonly #running = new Map<Name, LongRun>();
  readonly #starting = new Map<Name, Promise<void>>();
  #port = 0;
  #invite = "";
  #isWriting = true;

  /** Starts all three, and makes the members' network. */
  async start(): Promise<void> {
    await this.#startOne("server");
    for (const name of ["ann", "bob"] as const) await this.#startOne(name);
    await this.#with("ann", ({ control }) => control.create({ network: "games", password: "" }));
    await this.#with("bob", ({ control }) => control.join({ network: "games", password: "" }));
  }

  /** Starts whoever does not run. */
  async startAll(): Promise<void> {
    for (const name of NAMES) await this.#ensure(name);
  }

  /** Kills a process without warning and starts it again, while the others go on. */
  async kill(name: Name): Promise<void> {
    await this.#starting.get(name);
    const victim = this.#running.get(name);
    this.#running.delete(name);
    await victim?.end("SIGKILL");
    void this.#ensure(name);
  }

  endWriting(): void {
    this.#isWriting = false;
  }

  /** Writes numbered messages until told to stop; a message is acknowledged when the engine has said so. */
  async write(from: "ann" | "bob", to: string): Promise<Written> {
    const written: Written = { acknowledged: new Set(), open: new Set() };
    for (let number = 0; this.#isWriting; number++) {
      const text = `${from} ${number}`;
      written.open.add(text);
      try {
        await this.#with(from, ({ control }) => control.send({ to, kind: "peer", text, waitMs: 0 }));
        written.open.delete(text);
        written.acknowledged.add(text);
        await pause(WRITE_PAUSE_MS);
      } catch {
        await pause(200);
      }
    }
    return written;
  }

  /** Waits until everything acknowledged is there, and counts what is. */
  async check({ acknowledged, open }: Written, receiver: "ann" | "bob"): Promise<void> {
    let [end, count] = [performance.now() + STALLED_MS, 0];
    for (;;) {
      const texts = await this.#received(receiver);
      const present = new Set(texts);
      assert.equal(texts.length, present.size, `a message was shown twice at ${receiver}`);
      const missing = [...acknowledged].filter((text) => !present.has(text));
      if (missing.length === 0) {
        const strange = texts.filter((text) => !acknowledged.has(text) && !open.has(text));
        assert.deepEqual(strange, [], `messages that nobody wrote at ${receiver}`);
        return;
      }
      if (texts.length > count) [end, count] = [performance.now() + STALLED_MS, texts.length];
      if (performance.now() > end) {
        assert.fail(`${missing.length} messages are lost at ${receiver}: ${missing.slice(0, 5)}`);
      }
      await pause(300);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isWriting = false;
    await Promise.all(this.#starting.values());
    for (const process of this.#running.values()) await process.end("SIGKILL");
    Deno.removeSync(this.#folder, { recursive: true });
  }

  async #received(name: "ann" | "bob"): Promise<string[]> {
    const inbox = { with: null, all: true, markRead: false, limit: 10_000 };
    const messages: MessageView[] = await this.#with(name, ({ control }) => control.inbox(inbox));
    return messages.filter(({ direction }) => direction === "in").map(({ text }) => text ?? "unreadable");
  }

  async #with<T>(name: "ann" | "bob", talk: (connection: ControlConnection) => Promise<T>): Promise<T> {
    const connection = await connectControl(`${this.#folder}/${name}`);
    try {
      return await talk(connection);
    } finally {
      connection.close();
      await connection.ended;
    }
  }

  #ensure(name: Name): Promise<void> {
    const known = this.#starting.get(name);
    if (known !== undefined || this.#running.has(name)) return known ?? Promise.resolve();
    const starting = this.#startOne(name).finally(() => this.#starting.delete(name));
    this.#starting.set(name, starting);
    return starting;
  }

  async #startOne(name: Name): Promise<void> {
    const ports = ["--udp", "0", "--udp2", "0", "--relay", "0"];
    const server = ["server", "--data", `${this.#folder}/server`, "--listen", `127.0.0.1:${this.#port}`, ...ports];
    const member = ["up", "--state", `${this.#folder}/${name}`, "--device", "none"];
    const first = this.#invite === "" ? [] : ["--server", this.#invite, "--nick", name];
    const process = new LongRun([...(name === "server" ? server : [...member, ...first]), "--log-level", "error"]);
    this.#running.set(name, process);
    const line = await process.line();
    if (name !== "server" || this.#port !== 0) return;
    this.#port = Number(line.split(":").at(-1));
    const { makeInvite } = await import("../../src/server/mod.ts");
    this.#invite = await makeInvite({ dataDir: `${this.#folder}/server`, host: `127.0.0.1:${this.#port}` });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
