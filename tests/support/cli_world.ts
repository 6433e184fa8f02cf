import { safe } from "../../src/base/safe.ts";
import { silentLogger } from "../../src/base/log.ts";
import { type Context, Interrupted, type ProgramName, type Roles } from "../../src/commands/cli/context.ts";
import { chooseStateDir } from "../../src/commands/cli/state_dir.ts";
import { COMMANDS, runCommandLine } from "../../src/commands/mod.ts";
import { connectControl, type ControlConnection, EngineUnreachableError, openControl } from "../../src/ipc/client.ts";
import { serveStream } from "../../src/ipc/server.ts";
import type { Form } from "../../src/tui/form.ts";
import type { FakeEngine } from "./fake_engine.ts";
import { assertDescribed, commandOf } from "./json_output.ts";
import { memoryStreamPair } from "./memory_stream.ts";

/** Parts of a command's world that a test does not want to choose. */
export interface WorldOptions {
  /** The engine; without one none runs. */
  engine?: FakeEngine | "forbidden";
  /** State folder of a real engine, in place of `engine`. */
  running?: string;
  /** Name the program is started under. */
  program?: ProgramName;
  /** Long-running parts; by default calling one is a mistake. */
  roles?: Partial<Roles>;
  /** A person who sits at a terminal, and what it answers to each run of questions; null = leaves by Ctrl-C. */
  answers?: (readonly string[] | null)[];
  /** Lines of stdin. */
  stdin?: string[];
  /** The invite inside this program. */
  packedLink?: () => string | null;
}

/** A world without processes, files and sockets: commands run in it and leave what they print. */
export class CliWorld {
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** State folders that commands looked for an engine in. */
  readonly stateDirs: string[] = [];
  /** What the person was asked. */
  readonly questions: Form["questions"][] = [];
  readonly #options: WorldOptions;
  readonly #interruption = new AbortController();
  readonly #served: Promise<void>[] = [];
  #onPrint: () => void = () => {};

  constructor(options: WorldOptions = {}) {
    this.#options = options;
  }

  /** Runs a command line and resolves to its exit code. */
  async run(...words: string[]): Promise<number> {
    const before = this.stdout.length;
    const code = await runCommandLine(words, COMMANDS, this.#context(), this.#options.packedLink);
    await Promise.all(this.#served);
    if (words.includes("--json")) checkJson(words, this.stdout.slice(before));
    return code;
  }

  /** What Ctrl-C or the system does. */
  interrupt(signalName: "SIGINT" | "SIGTERM" = "SIGINT"): void {
    this.#interruption.abort(new Interrupted(signalName));
  }

  /** Resolves when stdout has its next line. */
  printed(): Promise<void> {
    return new Promise((resolve) => this.#onPrint = resolve);
  }

  #context(): Context {
    const stateDir = (option: string | undefined) => {
      const dir = chooseStateDir(option, { isRoot: true, env: () => undefined });
      this.stateDirs.push(dir);
      return dir;
    };
    return {
      program: this.#options.program ?? "buri",
      print: (line) => {
        this.stdout.push(safe(line));
        this.#onPrint();
        return true;
      },
      complain: (line) => void this.stderr.push(safe(line)),
      signal: this.#interruption.signal,
      wallMs: () => 0,
      isInteractive: this.#options.answers !== undefined,
      ask: (questions) => {
        this.questions.push(questions);
        const answers = this.#options.answers?.shift();
        return answers ? Promise.resolve(answers) : Promise.reject(new Interrupted("SIGINT"));
      },
      readLine: () => Promise.resolve(this.#options.stdin?.shift() ?? null),
      stateDir,
      connect: (option) => {
        stateDir(option);
        return this.#connect();
      },
      roles: {
        startServer: unexpected,
        makeInvite: unexpected,
        readPolicy: unexpected,
        showAccount: unexpected,
        startEngine: unexpected,
        packProgram: unexpected,
        checkTun: () => Promise.resolve([]),
        makeBackup: unexpected,
        restoreBackup: unexpected,
        runMatrix: unexpected,
        runView: unexpected,
        ...this.#options.roles,
      },
    };
  }

  async #connect(): Promise<ControlConnection> {
    const { engine, running } = this.#options;
    if (running !== undefined) return await connectControl(running);
    if (engine === undefined) throw new EngineUnreachableError("notRunning", undefined);
    if (engine === "forbidden") throw new EngineUnreachableError("notPermitted", undefined);
    const [near, far] = memoryStreamPair();
    const stopping = new AbortController();
    engine.isDown.then(() => stopping.abort());
    this.#served.push(serveStream(far, engine, silentLogger, stopping.signal));
    return openControl(near);
  }
}

/** What programs are given is what was published. A line of text is there only where `--json` was a word of another's. */
function checkJson(words: readonly string[], lines: readonly string[]): void {
  const command = commandOf(words);
  for (const line of lines) if (/^[[{]/.test(line)) assertDescribed(command, line);
}

function unexpected(): Promise<never> {
  return Promise.reject(new Error("this test expects no server and no engine to be started"));
}
