import assert from "node:assert/strict";

/** The program of this source tree. */
export const MAIN: string = new URL("../../main.ts", import.meta.url).pathname;

/** Longer than any command of a test takes, even on a busy machine; whoever needs it has hung. */
const HANGS_MS = 60_000;

/** What a command has left behind. */
export interface Result {
  /** Exit code. */
  code: number;
  /** All of stdout. */
  stdout: string;
  /** All of stderr. */
  stderr: string;
}

/** A command line of this source tree as a process of its own, its input empty. */
export function buri(args: string[], options: Deno.CommandOptions = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(HANGS_MS),
    ...options,
  });
}

/** Runs a command to its end. */
export async function outputOf(command: Deno.Command): Promise<Result> {
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A command that keeps running. */
export class LongRun {
  readonly process: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #stderr: Promise<string>;

  constructor(args: string[]) {
    this.process = buri(args, { signal: new AbortController().signal }).spawn();
    this.#lines = linesOf(this.process.stdout);
    this.#stderr = new Response(this.process.stderr).text();
  }

  /** The next line of stdout; fails when there is none. */
  async line(): Promise<string> {
    const { value, done } = await this.#next();
    if (done) assert.fail(`the process has ended, or said nothing for too long: ${await this.#stderr}`);
    return value;
  }

  /** Sends a signal, waits for the end, and resolves to the exit code and how long that took. */
  async end(signal?: Deno.Signal): Promise<{ code: number; ms: number; stderr: string }> {
    const begun = performance.now();
    if (signal !== undefined) this.process.kill(signal);
    while (!(await this.#next()).done);
    const { code } = await this.process.status;
    return { code, ms: performance.now() - begun, stderr: await this.#stderr };
  }

  /** A process that hangs must not hang the tests, too. */
  async #next(): Promise<IteratorResult<string>> {
    const timer = setTimeout(() => this.process.kill("SIGKILL"), HANGS_MS);
    try {
      return await this.#lines.next();
    } finally {
      clearTimeout(timer);
    }
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let held = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (held + text).split("\n");
    held = lines.pop() ?? "";
    yield* lines;
  }
}
