/** The scripts of `completion` in real shells: what Tab leaves on the line, and what the program then gets. */
import assert from "node:assert/strict";
import { COMMANDS } from "../../../src/commands/mod.ts";
import { CliWorld } from "../../support/cli_world.ts";
import { needs } from "../../support/needs.ts";
import { TmuxTerminal } from "../../support/tmux.ts";

/** Names that other people chose. */
const NETWORKS = ["game night", "office", "$(touch pwned)", "`touch pwned`", 'it\'s "so" $HOME; touch pwned', "-=a=-"];

/** Stands for the program: gives names, and keeps what it was called with. */
const STUB = `#!/bin/sh
if [ "$1" = __complete ]; then printf '%s\\n' "$@" > asked; cat names; exit; fi
for word; do printf '%s\\n' "$word"; done > called.new
mv called.new called
`;

const SHELLS = {
  bash: {
    start: ["bash", "--norc", "--noprofile", "-i"],
    prepare: "bind 'set bell-style none'; PS1='ready$ '; source ./script",
  },
  zsh: {
    start: ["zsh", "-f", "-i"],
    prepare: "autoload -Uz compinit && compinit -u -D; unsetopt beep; source ./script; PS1='ready$ '",
  },
  fish: {
    start: ["fish", "--no-config", "-i"],
    prepare: "function fish_prompt; echo -n 'ready$ '; end; set -g fish_autosuggestion_enabled 0; source ./script",
  },
} as const;

type Shell = keyof typeof SHELLS;

class ShellRun implements AsyncDisposable {
  readonly #terminal: TmuxTerminal;
  readonly dir: string;

  private constructor(terminal: TmuxTerminal, dir: string) {
    this.#terminal = terminal;
    this.dir = dir;
  }

  static async start(shell: Shell): Promise<ShellRun> {
    const dir = await Deno.makeTempDir({ prefix: "buri-completion-" });
    await Deno.writeTextFile(`${dir}/buri`, STUB, { mode: 0o755 });
    await Deno.writeTextFile(`${dir}/names`, NETWORKS.map((name) => `${name}\n`).join(""));
    await Deno.mkdir(`${dir}/folder`);
    const world = new CliWorld();
    assert.equal(await world.run("completion", shell), 0);
    await Deno.writeTextFile(`${dir}/script`, world.stdout.map((line) => `${line}\n`).join(""));
    const env = { PATH: `${dir}:${Deno.env.get("PATH")}`, HOME: dir, XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir };
    const run = new ShellRun(
      await TmuxTerminal.start({ command: [...SHELLS[shell].start], columns: 100, rows: 12, env, cwd: dir }),
      dir,
    );
    await run.#terminal.type(SHELLS[shell].prepare);
    await run.#terminal.press("Enter");
    await run.#terminal.shows(/^ready\$/);
    return run;
  }

  /**
   * Types a line, `\t` in it is Tab, ends it, and resolves to the words that the program got. `answerTries`: how often to
   * look whether Tab has changed the line; few where it is not to.
   */
  async words(line: string, answerTries = 250): Promise<string[]> {
    await Deno.remove(`${this.dir}/called`).catch(() => {});
    for (const [at, part] of line.split("\t").entries()) {
      if (at > 0) {
        const before = await this.#terminal.screen();
        await this.#terminal.press("Tab");
        await this.#settled(before, answerTries);
      }
      if (part !== "") await this.#typed(part);
    }
    await this.#terminal.press("Enter");
    for (let tries = 0; tries < 200; tries++) {
      const text = await Deno.readTextFile(`${this.dir}/called`).catch(() => null);
      if (text !== null) return text.split("\n").slice(0, -1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return assert.fail(`the program was not called:\n${(await this.#terminal.screen()).join("\n")}`);
  }

  /** What is typed shows before Tab is pressed; else its echo would pass for the answer to Tab. */
  async #typed(part: string): Promise<void> {
    await this.#terminal.type(part);
    for (let tries = 0; tries < 250; tries++) {
      const line = (await this.#terminal.screen()).findLast((each) => each.trim() !== "") ?? "";
      if (line.includes(part.trimEnd())) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** A shell answers Tab when it can; the line has changed then. */
  async #settled(before: string[], most: number): Promise<void> {
    for (let tries = 0; tries < most; tries++) {
      if ((await this.#terminal.screen()).join("\n") !== before.join("\n")) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async exists(name: string): Promise<boolean> {
    return await Deno.stat(`${this.dir}/${name}`).then(() => true, () => false);
  }

  async read(name: string): Promise<string> {
    return await Deno.readTextFile(`${this.dir}/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#terminal[Symbol.asyncDispose]();
    await removeUntilGone(this.dir);
  }
}

/** A shell that loses its terminal still writes its history. */
async function removeUntilGone(dir: string): Promise<void> {
  for (let triesLeft = 50; triesLeft > 0; triesLeft--) {
    try {
      return await Deno.remove(dir, { recursive: true });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  await Deno.remove(dir, { recursive: true });
}

for (const shell of ["bash", "zsh", "fish"] as const) {
  Deno.test(
    needs(`completion ${shell} completes commands, options, choices, folders and names`, "tmux", shell),
    async () => {
      await using run = await ShellRun.start(shell);
      assert.deepEqual(await run.words("buri go-on\toff\t"), ["go-online", "office"]);
      assert.deepEqual(await run.words("buri lea\tga\t"), ["leave", "game night"]);
      assert.deepEqual(await run.words("buri server inv\t"), ["server", "invite"]);
      assert.deepEqual(await run.words("buri up --log-l\tdeb\t"), ["up", "--log-level", "debug"]);
      assert.deepEqual((await run.words("buri list --state fol\t")).map((word) => word.replace("/", "")), [
        "list",
        "--state",
        "folder",
      ]);
      assert.deepEqual(await run.words("buri completion po\t"), ["completion", "powershell"]);
      await run.words("buri --state x leave of\t");
      assert.deepEqual((await run.read("asked")).split("\n").slice(0, 6), [
        "__complete",
        "networks",
        "of",
        "--state",
        "x",
        "leave",
      ]);
    },
  );

  Deno.test(
    needs(`completion ${shell} gives names to the program as they are, whatever is in them`, "tmux", shell),
    async () => {
      await using run = await ShellRun.start(shell);
      const starts: [string, string][] = [["\\$", "$(touch pwned)"], ["\\`", "`touch pwned`"], [
        "it",
        NETWORKS[4] ?? "",
      ]];
      for (const [start, name] of starts) {
        assert.deepEqual(await run.words(`buri leave ${start}\t`), ["leave", name]);
      }
      assert.equal(await run.exists("pwned"), false);
    },
  );
}

Deno.test(needs("completion bash offers no name that opens a quote again", "tmux", "bash"), async () => {
  await using run = await ShellRun.start("bash");
  assert.deepEqual(await run.words('buri leave "ga\t'), ["leave", "game night"]);
  assert.deepEqual(await run.words("buri leave 'ga\t"), ["leave", "game night"]);
  assert.deepEqual(await run.words('buri leave "it\t"', 20), ["leave", "it"], "such a name stays untyped in quotes");
  assert.equal(await run.exists("pwned"), false);
});

Deno.test("completion prints for each shell a script with each command, and none that is hidden", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const world = new CliWorld();
    assert.equal(await world.run("completion", shell), 0);
    const script = world.stdout.join("\n");
    for (const { name, hidden } of COMMANDS) {
      const last = name.split(" ").at(-1) ?? "";
      assert.equal(
        new RegExp(`[' ]${last}['\` :]`).test(script.replace(/\S+ __complete .*/g, "")),
        !hidden,
        `${shell}: ${name}`,
      );
    }
  }
  const world = new CliWorld();
  assert.equal(await world.run("completion", "tcsh"), 2);
});

Deno.test("completion powershell has each key of a table once, for letters of either case are one to it", async () => {
  const world = new CliWorld();
  await world.run("completion", "powershell");
  const tables = world.stdout.join("\n").split(/\$\w+ = @\{/).slice(1).map((part) => part.split("\n    }")[0] ?? "");
  assert.equal(tables.length, 4);
  for (const table of tables) {
    const keys = [...table.matchAll(/^ {8}'([^']*)' = /gm)].map(([, key]) => key?.toLowerCase());
    assert.ok(keys.length > 0);
    assert.equal(new Set(keys).size, keys.length);
  }
});
