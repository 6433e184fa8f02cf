/**
 * A laboratory of network namespaces on one Linux machine: computers, routers and an Internet between them, without a
 * route to the real one. It configures the kernel itself; only some kinds of NAT need the `nft` program.
 *
 * @module
 */
import { SystemError } from "../ffi/errno.ts";
import { NetworkNamespace } from "../ffi/network_namespace_linux.ts";
import { readKernelFile, readKernelFolder, readKernelLink } from "../ffi/posix_linux.ts";
import { RouteNetlink } from "../ffi/rtnetlink_linux.ts";
import { LabProcess, spawnChild, type SpawnOptions } from "./lab_process.ts";
import { isAlive, namespaceName, ownerOf, ownOwner } from "./owner.ts";

/** Where iproute2 looks for names too, so that a person can look inside with `ip netns exec`. */
const NAMES_FOLDER = "/run/netns";
/** Ids of the first user namespace: only there is the folder of names the machine's own. */
const WHOLE_ID_MAP = /^\s*0\s+0\s+4294967295\s*$/m;

/** A computer or a router: a network namespace with its own interfaces, routes and processes. */
export interface LabHost {
  /** Short name such as `home1`. */
  readonly name: string;
  /** Its namespace. */
  readonly namespace: NetworkNamespace;
  /** Its interfaces and routes. */
  readonly netlink: RouteNetlink;
}

/** Of this thread: others of the same process count for themselves. */
let laboratories = 0;

/** Owns everything a laboratory makes; `close` leaves nothing behind. A process may have several. */
export class Lab implements AsyncDisposable {
  readonly #owner = ownOwner();
  readonly #suffix = suffixOf(++laboratories);
  readonly #hosts: LabHost[] = [];
  readonly #paths: string[] = [];
  readonly #processes = new Set<LabProcess>();
  readonly #owned: AsyncDisposable[] = [];
  readonly #hasNames = WHOLE_ID_MAP.test(readKernelFile("/proc/self/uid_map"));

  /** Sweeps away first what killed laboratories left. @throws {SystemError} EPERM without the rights for namespaces */
  constructor() {
    if (this.#hasNames) sweepStale();
  }

  /** A new host with its loopback interface up. `name`: letters, digits and hyphens, unique. */
  addHost(name: string): LabHost {
    const namespace = NetworkNamespace.create();
    if (this.#hasNames) this.#paths.push(giveName(namespace, this.#nameOf(name)));
    const netlink = namespace.run(() => new RouteNetlink());
    const host = { name, namespace, netlink };
    this.#hosts.push(host);
    netlink.changeLink(netlink.findLink("lo")!.index, { isUp: true });
    return host;
  }

  /** Name of a host's namespace for `ip netns exec`; null where it has none. */
  systemName(host: LabHost): string | null {
    return this.#hasNames ? this.#nameOf(host.name) : null;
  }

  #nameOf(host: string): string {
    return namespaceName(this.#owner, `${host}${this.#suffix}`);
  }

  /** A cable between two hosts, both ends up; the ends' names are given. */
  connect(one: LabHost, oneEnd: string, other: LabHost, otherEnd: string): void {
    one.netlink.addVeth(oneEnd, otherEnd, other.namespace.descriptor);
    for (const [host, end] of [[one, oneEnd], [other, otherEnd]] as const) {
      host.netlink.changeLink(host.netlink.findLink(end)!.index, { isUp: true });
    }
  }

  /** Disposes of `part` when the laboratory closes, before its hosts go. */
  own(part: AsyncDisposable): void {
    this.#owned.push(part);
  }

  /** Starts a program inside `host`. It dies with us where the system has `setpriv`. */
  spawn(host: LabHost, command: [string, ...string[]], options: SpawnOptions = {}): LabProcess {
    // Only the start itself happens inside: what reads the output must not open anything there.
    const { child } = host.namespace.run(() => ({ child: spawnChild(command, options) }));
    const process = new LabProcess(options.name ?? command[0], child);
    this.#processes.add(process);
    process.ended.then(() => this.#processes.delete(process));
    return process;
  }

  /** Ends all processes and removes all namespaces. May be called again, also while it runs. */
  async close(): Promise<void> {
    const processes = [...this.#processes];
    await Promise.all(processes.map((process) => process.stop()));
    // What they started and left behind would hold namespaces and pipes.
    for (const host of this.#hosts) killAllIn(host.namespace.id);
    await Promise.all(processes.map((process) => process.ended));
    for (const part of this.#owned.splice(0)) await part[Symbol.asyncDispose]();
    for (const path of this.#paths.splice(0)) removeName(path);
    for (const host of this.#hosts.splice(0)) {
      host.netlink[Symbol.dispose]();
      host.namespace[Symbol.dispose]();
    }
  }

  /** Closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Tells the names of a process's laboratories apart: nothing for the first one of the first thread. */
function suffixOf(laboratory: number): string {
  const thread = Number(readKernelLink("/proc/thread-self").split("/").at(-1));
  if (thread !== Deno.pid) return `-${thread}-${laboratory}`;
  return laboratory === 1 ? "" : `-${laboratory}`;
}

function giveName(namespace: NetworkNamespace, name: string): string {
  const path = `${NAMES_FOLDER}/${name}`;
  Deno.mkdirSync(NAMES_FOLDER, { recursive: true });
  Deno.writeTextFileSync(path, "", { createNew: true, mode: 0o444 });
  try {
    namespace.nameAt(path);
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
  return path;
}

function removeName(path: string): void {
  try {
    NetworkNamespace.unname(path);
  } catch (error) {
    // EINVAL: its maker was killed between making the file and binding to it.
    if (!(error instanceof SystemError && error.code === "EINVAL")) throw error;
  }
  Deno.removeSync(path);
}

/** Kills the processes in namespaces of dead laboratories and takes their names away, with which they end. */
function sweepStale(): void {
  for (const name of listNames()) {
    const owner = ownerOf(name);
    if (owner === null || isAlive(owner)) continue;
    const path = `${NAMES_FOLDER}/${name}`;
    killAllIn(Deno.statSync(path).ino);
    removeName(path);
  }
}

function listNames(): string[] {
  try {
    return [...Deno.readDirSync(NAMES_FOLDER)].map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Kills every process in a network namespace; ours only visits, so it is never meant. */
function killAllIn(namespaceId: number | null): void {
  for (const name of readKernelFolder("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    try {
      if (readKernelLink(`/proc/${pid}/ns/net`) === `net:[${namespaceId}]`) Deno.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in between, or is another user's and so none of ours.
    }
  }
}
