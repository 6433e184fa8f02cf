import assert from "node:assert/strict";
import { MAIN, outputOf } from "./buri_process.ts";
import { readField, readList, type ReadNetwork } from "./linux_client_reader.ts";

/** Such programs look at the list again so long after an action. */
const EFFECT_WITHIN_MS = 1_000;

/** Longer than any command of a test takes, even on a busy machine. */
const HANGS_MS = 60_000;

/** Versions of the Linux client that such programs refuse. */
const TOO_OLD = /^(0\.9\.9\.|2\.0\.|2\.1\.0\.(1|(68|76|80|81|84|86)$))/;

/**
 * Drives the client as graphical front ends for Hamachi's Linux client do: it is started under that client's name with an
 * empty stdin, exit codes are ignored, and all that is known of it is what the text says (see `linux_client_reader.ts`).
 */
export class LinuxClientDriver {
  readonly #program: string;
  readonly #stateDir: string;

  /** `folder` is for the name of the program; `stateDir` is the engine's. */
  constructor(folder: string, stateDir: string) {
    this.#program = `${folder}/hamachi`;
    this.#stateDir = stateDir;
    Deno.symlinkSync(Deno.execPath(), this.#program);
  }

  /** What the command prints: stdout, or stderr only where stdout is empty. While it is busy it is asked again. */
  async run(...words: string[]): Promise<string> {
    for (const signal = AbortSignal.timeout(HANGS_MS);;) {
      const { stdout, stderr } = await outputOf(
        new Deno.Command(this.#program, {
          args: ["run", "--quiet", "-A", MAIN, ...words],
          env: { BURI_STATE: this.#stateDir },
          stdin: "null",
          stdout: "piped",
          stderr: "piped",
          signal,
        }),
      );
      const text = stdout === "" ? stderr : stdout;
      if (!text.includes(".. failed, busy")) return text;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** An action that must go well: `.. ok` says so, of `approve` and `reject` that nothing says `.. failed`. */
  async act(...words: string[]): Promise<string> {
    const text = await this.run(...words);
    const isOk = words[0] === "approve" || words[0] === "reject" ? !text.includes(".. failed") : text.includes(".. ok");
    assert.ok(isOk, `${words.join(" ")}: ${text}`);
    return text;
  }

  /** Why an action is refused. */
  async refused(...words: string[]): Promise<string> {
    const text = await this.run(...words);
    const reason = /\.\. failed, ([a-z ]+)\n/.exec(text)?.[1];
    assert.ok(reason !== undefined && !text.includes(".. ok"), `${words.join(" ")}: ${text}`);
    return reason;
  }

  /** A field of the status. */
  async status(name: string): Promise<string | null> {
    return readField(await this.run(), name);
  }

  /** Whether the version is new enough for such programs: the one of the status, without an engine that of the usage. */
  async isNewEnough(): Promise<boolean> {
    const version = await this.status("version") ?? /, ver (\S+)/.exec(await this.run("-h"))?.[1];
    assert.match(version ?? "", /^\d+(\.\d+)+$/);
    return !TOO_OLD.test(version!);
  }

  /** The networks and their members. */
  async list(): Promise<ReadNetwork[]> {
    return readList(await this.run("list"));
  }

  /** The list as soon as it fits: right after an action it has to. */
  async effect(what: string, fits: (networks: ReadNetwork[]) => boolean): Promise<ReadNetwork[]> {
    return await this.#listUntil(what, fits, EFFECT_WITHIN_MS);
  }

  /** The list as soon as it fits; for what others do. */
  async listed(what: string, fits: (networks: ReadNetwork[]) => boolean): Promise<ReadNetwork[]> {
    return await this.#listUntil(what, fits, HANGS_MS);
  }

  async #listUntil(what: string, fits: (networks: ReadNetwork[]) => boolean, ms: number): Promise<ReadNetwork[]> {
    for (const end = performance.now() + ms;;) {
      const networks = await this.list();
      if (fits(networks)) return networks;
      assert.ok(performance.now() < end, `${what}: ${JSON.stringify(networks, null, 2)}`);
    }
  }
}
