import { TextLineStream } from "./text_lines.ts";

/** How a process of the laboratory ended. */
export interface ProcessResult {
  /** Exit code; 128 + signal when it was killed. */
  code: number;
  /** All it wrote to standard output. */
  stdout: string;
  /** All it wrote to standard error. */
  stderr: string;
}

/** What a process may be given. */
export interface SpawnOptions {
  /** Name in messages; default the program's. */
  name?: string;
  /** Working folder. */
  cwd?: string;
  /** Added to the environment. */
  env?: Record<string, string>;
}

const KILL_AFTER_MS = 3000;

let deathWrapper: string[] | undefined;

/** Starts a program with both outputs piped, in the namespace the thread is in. It dies with us where the system has `setpriv`. */
export function spawnChild(command: [string, ...string[]], options: SpawnOptions = {}): Deno.ChildProcess {
  deathWrapper ??= findDeathWrapper();
  const [program = "", ...args] = [...deathWrapper, ...command];
  const { cwd, env } = options;
  return new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
  }).spawn();
}

/** `setpriv` of util-linux makes the kernel kill a process when its parent dies, even by SIGKILL. */
function findDeathWrapper(): string[] {
  const wrapper = ["setpriv", "--pdeathsig", "KILL"];
  try {
    const [program = "", ...args] = [...wrapper, "true"];
    return new Deno.Command(program, { args, stderr: "null" }).outputSync().success ? wrapper : [];
  } catch {
    return [];
  }
}

/** A program running in a namespace of the laboratory; its output is collected line by line. */
export class LabProcess {
  /** For messages. */
  readonly name: string;
  /** Lines of standard output so far. */
  readonly stdoutLines: string[] = [];
  /** Lines of standard error so far. */
  readonly stderrLines: string[] = [];
  /** Resolves when the process itself has ended. Never rejects. */
  readonly exited: Promise<number>;
  /** Resolves when, besides, all that held its outputs have ended and all is read. Never rejects. */
  readonly ended: Promise<ProcessResult>;
  readonly #child: Deno.ChildProcess;
  #waiters: (() => void)[] = [];
  #hasEnded = false;

  /** Takes over a process spawned with both outputs piped. */
  constructor(name: string, child: Deno.ChildProcess) {
    this.name = name;
    this.#child = child;
    this.exited = child.status.then((status) => status.code);
    this.ended = this.#collect();
  }

  /** Process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  /**
   * The first line of standard output that matches, also among those already there.
   * @throws {Error} when the process ends before, or after `timeoutMs`, with the last lines it wrote
   */
  async waitForLine(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wakeAll();
    }, timeoutMs);
    try {
      for (let next = 0;; next++) {
        while (next >= this.stdoutLines.length) {
          if (this.#hasEnded || isLate) throw this.#missing(pattern, isLate);
          await new Promise<void>((resolve) => this.#waiters.push(resolve));
        }
        const match = pattern.exec(this.stdoutLines[next]!);
        if (match !== null) return match;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal; nothing happens when it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Ends it, `signal` first, SIGKILL after three seconds, and gives its exit code. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.kill(signal);
    const timer = setTimeout(() => this.kill("SIGKILL"), KILL_AFTER_MS);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  async #collect(): Promise<ProcessResult> {
    const [code] = await Promise.all([
      this.exited,
      this.#read(this.#child.stdout, this.stdoutLines),
      this.#read(this.#child.stderr, this.stderrLines),
    ]);
    this.#hasEnded = true;
    this.#wakeAll();
    const text = (lines: string[]) => lines.map((line) => `${line}\n`).join("");
    return { code, stdout: text(this.stdoutLines), stderr: text(this.stderrLines) };
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, lines: string[]): Promise<void> {
    for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
      lines.push(line);
      this.#wakeAll();
    }
  }

  #wakeAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #missing(pattern: RegExp, isLate: boolean): Error {
    const last = [...this.stdoutLines.slice(-3), ...this.stderrLines.slice(-5)].join("\n");
    const reason = isLate ? "it did not come in time" : "the process ended";
    return new Error(`Cannot find a line like ${pattern} from ${this.name}: ${reason}${last && `\n${last}`}`);
  }
}
