import assert from "node:assert/strict";

/** Longer than any screen of a test takes to come, even on a busy machine. */
const HANGS_MS = 20_000;
const POLL_MS = 40;

/** How a terminal is started. */
export interface TmuxOptions {
  /** Program and arguments. */
  command: readonly string[];
  columns?: number;
  rows?: number;
  /** Besides that of this process. */
  env?: Record<string, string>;
  /** Folder it starts in. */
  cwd?: string;
}

/** A real terminal with a program in it, kept by a tmux server of its own. */
export class TmuxTerminal implements AsyncDisposable {
  readonly #socket: string;
  readonly #env: Record<string, string>;

  private constructor(socket: string, env: Record<string, string>) {
    this.#socket = socket;
    this.#env = { ...env, TMUX: "" };
  }

  /** Starts the program. */
  static async start({ command, columns = 80, rows = 24, env = {}, cwd }: TmuxOptions): Promise<TmuxTerminal> {
    const terminal = new TmuxTerminal(`buri-test-${crypto.randomUUID()}`, { LC_ALL: "C.UTF-8", NO_COLOR: "", ...env });
    const place = cwd === undefined ? [] : ["-c", cwd];
    const size = ["-x", String(columns), "-y", String(rows)];
    await terminal.#tmux("-f", "/dev/null", "new-session", "-d", ...size, ...place, ...command);
    return terminal;
  }

  /** Types text as it is. */
  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  /** Presses keys by tmux's names: Enter, Tab, Escape, Up, C-c … */
  async press(...names: string[]): Promise<void> {
    await this.#tmux("send-keys", ...names);
  }

  /** Makes it another size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** The lines as they are shown, blanks at their ends left out. */
  async screen(): Promise<string[]> {
    return (await this.#tmux("capture-pane", "-p")).split("\n");
  }

  /** Waits until a line of the screen matches, and resolves to the screen. */
  async shows(...lines: RegExp[]): Promise<string[]> {
    const until = performance.now() + HANGS_MS;
    for (;;) {
      const screen = await this.screen();
      if (lines.every((line) => screen.some((text) => line.test(text)))) return screen;
      if (performance.now() > until) assert.fail(`no ${lines.join(" and ")} in:\n${screen.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** What tmux knows of the pane, in its format language. */
  async ask(format: string): Promise<string> {
    return (await this.#tmux("display-message", "-p", format)).trim();
  }

  /** Writes all that the program sends from now on, byte by byte, into a file. */
  async record(path: string): Promise<void> {
    await this.#tmux("pipe-pane", "-o", `cat > ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const pid = await this.ask("#{pane_pid}");
      await this.#tmux("kill-server");
      const until = performance.now() + HANGS_MS;
      // What it writes at its end, a history say, must not come into a folder that is being removed.
      while (performance.now() < until && await Deno.stat(`/proc/${pid}`).then(() => true, () => false)) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } catch {
      // the server ended with its last program
    }
  }

  async #tmux(...args: string[]): Promise<string> {
    const command = new Deno.Command("tmux", { args: ["-L", this.#socket, "-u", ...args], env: this.#env });
    const { success, stdout, stderr } = await command.output();
    if (!success) throw new Error(`tmux ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}
