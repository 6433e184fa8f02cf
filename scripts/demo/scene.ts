import { dirname } from "node:path";
import { EchoSocket } from "../../src/ffi/icmp_linux.ts";
import { Internet } from "../../src/lab/internet.ts";
import { Lab, type LabHost } from "../../src/lab/lab.ts";
import { LabProcess, type ProcessResult, spawnChild, type SpawnOptions } from "../../src/lab/lab_process.ts";
import { isAlive, type Owner, ownOwner } from "../../src/lab/owner.ts";

/** A computer of the demo: a host of the laboratory, or, where there is none, a folder of its own on this machine. */
export interface Computer {
  /** Shown as its prompt. */
  name: string;
  /** Its place in the laboratory, null = this machine. */
  host: LabHost | null;
  /** State folder of its engine, or data folder of the server. */
  folder: string;
}

const FOLDER_PREFIX = "buri-demo";

/** All computers, processes and files of one run; nothing of it is left after `close`. */
export class Scene {
  /** Null on a machine without namespaces. */
  readonly internet: Internet | null;
  readonly #lab: Lab | null;
  readonly #program: [string, ...string[]];
  readonly #folder: string;
  readonly #processes = new Set<LabProcess>();

  /** `program` starts Buri. */
  constructor(program: [string, ...string[]], hasNetworks: boolean) {
    this.#program = program;
    const { pid, startedAt } = ownOwner();
    this.#folder = Deno.makeTempDirSync({ prefix: `${FOLDER_PREFIX}-${pid}-${startedAt}-` });
    sweepFolders(dirname(this.#folder));
    // The server gives up root; it has to be able to walk to its own folder then.
    Deno.chmodSync(this.#folder, 0o755);
    this.#lab = hasNetworks ? new Lab() : null;
    this.internet = this.#lab === null ? null : new Internet(this.#lab);
  }

  /** A computer with its own folder, which Buri makes. */
  computer(name: string, host: LabHost | null): Computer {
    return { name, host, folder: this.path(name) };
  }

  /** A path inside the run's own folder. */
  path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  /** Starts Buri on a computer, in the run's own folder; engine commands find the engine by the environment. */
  startBuri(computer: Computer, args: string[], name = `buri ${args[0]}`): LabProcess {
    const env = { BURI_STATE: computer.folder, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    return this.start(computer, [...this.#program, ...args], { name, env, cwd: this.#folder });
  }

  /** Runs a command of Buri to its end. */
  runBuri(computer: Computer, args: string[]): Promise<ProcessResult> {
    return this.startBuri(computer, args).ended;
  }

  /** Starts any program on a computer. */
  start(computer: Computer, command: [string, ...string[]], options: SpawnOptions): LabProcess {
    if (computer.host !== null && this.#lab !== null) return this.#lab.spawn(computer.host, command, options);
    const process = new LabProcess(options.name ?? command[0], spawnChild(command, options));
    this.#processes.add(process);
    process.ended.then(() => this.#processes.delete(process));
    return process;
  }

  /** A way to ping from a computer of the laboratory; the caller disposes it. */
  echo(computer: Computer, address: string): EchoSocket {
    if (computer.host === null) throw new Error(`Cannot ping from ${computer.name}: it has no network of its own`);
    return computer.host.namespace.run(() => new EchoSocket(address, Deno.pid));
  }

  /** Ends everything and removes the folder. May be called again, also while it runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => process.stop()));
    await this.#lab?.close();
    await Deno.remove(this.#folder, { recursive: true }).catch(ignoreMissing);
  }
}

/** Removes folders of runs that were killed; only Linux tells which these are. */
function sweepFolders(folder: string): void {
  if (Deno.build.os !== "linux") return;
  for (const { name } of Deno.readDirSync(folder)) {
    const owner = folderOwner(name);
    if (owner === null || isAlive(owner)) continue;
    try {
      Deno.removeSync(`${folder}/${name}`, { recursive: true });
    } catch {
      // Another user's: theirs to sweep.
    }
  }
}

function folderOwner(name: string): Owner | null {
  const match = new RegExp(`^${FOLDER_PREFIX}-(\\d+)-(\\d+)-`).exec(name);
  return match === null ? null : { pid: Number(match[1]), startedAt: Number(match[2]) };
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
