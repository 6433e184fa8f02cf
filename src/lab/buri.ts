/**
 * Buri as the laboratory runs it: as processes, and through what they print.
 *
 * @module
 */
import type { Lab, LabHost } from "./lab.ts";
import type { LabProcess, ProcessResult } from "./lab_process.ts";

/** Longer than any start takes, also when many run at a time on a busy machine. */
const STARTS_MS = 60_000;

/** A line of an engine's log. */
export interface LogEvent {
  /** Milliseconds since 1970. */
  at: number;
  /** Fixed words. */
  message: string;
  /** Its facts. */
  fields: Record<string, unknown>;
}

/** What the processes have in common. */
export interface BuriOptions {
  /** Owns hosts and processes. */
  lab: Lab;
  /** Starts Buri: the executable, or the runtime with the program's source. */
  program: readonly [string, ...string[]];
  /** Where all of them keep their state; it exists. */
  folder: string;
}

/** A member: a computer with its engine. */
export class LabMember {
  /** Virtual IPv4 address. */
  readonly address4: string;
  readonly #world: LabBuri;
  readonly #host: LabHost;
  readonly #engine: LabProcess;
  readonly #state: string;
  readonly #events: LogEvent[] = [];
  #read = 0;

  /** Made by {@linkcode LabBuri.up}. */
  constructor(world: LabBuri, host: LabHost, engine: LabProcess, state: string, address4: string) {
    this.#world = world;
    this.#host = host;
    this.#engine = engine;
    this.#state = state;
    this.address4 = address4;
  }

  /** Runs a command to its end. */
  command(...words: string[]): Promise<ProcessResult> {
    return this.#world.spawn(this.#host, [...words, "--state", this.#state]).ended;
  }

  /** Runs a command that must succeed, and gives what it printed. @throws {Error} with what it complained of */
  async must(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.command(...words);
    if (code !== 0) {
      throw new Error(`${this.#host.name}: buri ${words.join(" ")} ended with ${code}: ${stderr || stdout}`);
    }
    return stdout;
  }

  /** What its engine has logged so far. */
  events(): readonly LogEvent[] {
    const { stderrLines } = this.#engine;
    for (; this.#read < stderrLines.length; this.#read++) {
      const event = parseLog(stderrLines[this.#read]!);
      if (event !== null) this.#events.push(event);
    }
    return this.#events;
  }
}

/** Starts servers and members in a laboratory. */
export class LabBuri {
  readonly #options: BuriOptions;

  /** Starts nothing yet. */
  constructor(options: BuriOptions) {
    this.#options = options;
  }

  /** Starts Buri on a host. */
  spawn(host: LabHost, words: readonly string[]): LabProcess {
    const { lab, program, folder } = this.#options;
    const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    return lab.spawn(host, [...program, ...words], { name: `buri ${words[0]} on ${host.name}`, cwd: folder, env });
  }

  /** Starts a server and gives the line others join with. */
  async server(host: LabHost, address: string, more: readonly string[] = []): Promise<string> {
    const data = `${this.#options.folder}/${host.name}`;
    const server = this.spawn(host, ["server", "--data", data, "--listen", `${address}:12975`, ...more]);
    await server.waitForLine(/^buri server ready/, STARTS_MS);
    return (await this.spawn(host, ["server", "invite", "--data", data]).ended).stdout.trim();
  }

  /**
   * Starts an engine; without a device, unless `more` names one: what is looked at is mostly the path.
   * @throws {Error} when it does not get ready
   */
  async up(host: LabHost, invite: string, more: readonly string[] = []): Promise<LabMember> {
    const state = `${this.#options.folder}/${host.name}`;
    const device = more.includes("--device") ? [] : ["--device", "none"];
    const words = ["up", "--state", state, "--server", invite, "--nick", host.name, ...device];
    const engine = this.spawn(host, [...words, "--log-json", "--log-level", "debug", ...more]);
    const [, address4 = ""] = await engine.waitForLine(/^buri up ready (\S+) \S+$/, STARTS_MS);
    return new LabMember(this, host, engine, state, address4);
  }
}

function parseLog(line: string): LogEvent | null {
  if (!line.startsWith("{")) return null;
  const { time, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  return { at: Date.parse(String(time)), message: String(message), fields };
}
