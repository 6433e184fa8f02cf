import "./load_native.ts";
import type { Clock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { type Endpoint, parseIpv4 } from "../../src/base/ip.ts";
import { createLogger, type Logger, silentLogger } from "../../src/base/log.ts";
import { type DataPlane, type DataPlaneEvent, startDataPlane } from "../../src/dataplane/mod.ts";
import { type MemoryDevice, openMemoryDevice } from "../../src/device/mod.ts";
import { type RunningEngine, startEngineWith } from "../../src/engine/engine.ts";
import type { EngineOptions } from "../../src/engine/engine_options.ts";
import type { PingReply } from "../../src/ipc/schema.ts";
import { makeInvite, type RunningServer, startServer } from "../../src/server/mod.ts";
import { systemClock } from "../../src/transport/system.ts";

/** Set it to see what engines and server tell while a test runs. */
const LOG = Deno.env.get("BURI_TEST_LOG") !== undefined;

function loggerOf(name: string): Logger {
  return LOG
    ? createLogger({ level: "debug", json: false, write: (line) => console.log(`[${name}] ${line}`) })
    : silentLogger;
}

/** A real server on loopback and real engines, whose devices are in memory, in one process. */
export class EngineWorld implements AsyncDisposable {
  /** Removed at the end. */
  readonly folder: string;
  readonly #members: WorldMember[] = [];
  #server: RunningServer;
  readonly invite: string;

  private constructor(folder: string, server: RunningServer, invite: string) {
    this.folder = folder;
    this.#server = server;
    this.invite = invite;
  }

  /** `suites`: what the server speaks. */
  static async make(suites: number[] = [2]): Promise<EngineWorld> {
    const folder = await Deno.makeTempDir({ prefix: "buri-world-" });
    const server = await start(`${folder}/server`, 0, suites);
    const invite = await makeInvite({ dataDir: `${folder}/server`, host: `127.0.0.1:${server.port}` });
    return new EngineWorld(folder, server, invite);
  }

  /** Starts an engine whose state is in a folder of its own. */
  async member(name: string, options: Partial<EngineOptions> = {}): Promise<WorldMember> {
    const member = new WorldMember(this.stateDir(name));
    this.#members.push(member);
    await member.start({ server: this.invite, nick: name, ...options });
    return member;
  }

  /** All that were started. */
  get members(): readonly WorldMember[] {
    return this.#members;
  }

  /** State folder of a member. */
  stateDir(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** The server goes away, with all its connections. */
  async stopServer(): Promise<void> {
    await this.#server.stop();
  }

  /** It comes back on the port it had. */
  async restartServer(): Promise<void> {
    this.#server = await start(`${this.folder}/server`, this.#server.port, [2]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#members) await member.stop();
    await this.#server.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function start(dataDir: string, port: number, suites: number[]): Promise<RunningServer> {
  return await startServer({
    dataDir,
    listen: { host: "127.0.0.1", port },
    udpPort: 0,
    udp2Port: 0,
    relayPort: 0,
    suites,
    log: loggerOf("server"),
  });
}

/** The machine's clock, and what a test adds to it. */
class SkippingClock implements Clock {
  readonly #system = systemClock();
  skippedMs = 0;
  readonly wallMs = this.#system.wallMs;
  readonly after = this.#system.after;

  now(): number {
    return this.#system.now() + this.skippedMs;
  }
}

/** An engine with everything a test may want to do to it. */
export class WorldMember {
  readonly stateDir: string;
  /** Its side of the tunnels. */
  device!: MemoryDevice;
  engine!: RunningEngine;
  /** SPIs of the tunnels that the data plane knows, oldest first. */
  readonly spis: number[] = [];
  /** Epochs of the keys it got, oldest first. */
  readonly epochs: number[] = [];
  /** Port of its socket. */
  udpPort = 0;
  #isBlocked: (endpoint: Endpoint) => boolean = () => false;
  readonly #clock = new SkippingClock();
  #report: (event: DataPlaneEvent) => void = () => {};
  #isStopped = true;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  get control(): RunningEngine["control"] {
    return this.engine.control;
  }

  get address(): number {
    return parseIpv4(this.engine.address4)!;
  }

  async start(options: Partial<EngineOptions> = {}): Promise<void> {
    const name = this.stateDir.split("/").at(-1)!;
    const engine = await startEngineWith({ stateDir: this.stateDir, suite: 2, log: loggerOf(name), ...options }, {
      clock: this.#clock,
      random: systemRandom(),
      openDevice: () => ({ device: this.device = openMemoryDevice(), configure: () => {} }),
      startDataPlane: async (given) => this.#tap(await startDataPlane(given)),
    });
    if (engine === null) throw new Error("it was ended before it was ready");
    this.engine = engine;
    this.#isStopped = false;
  }

  /** Nothing that this member sends directly reaches `peer` any more, at whatever address. */
  block(peer: WorldMember): void {
    this.#isBlocked = ({ port }) => port === peer.udpPort;
  }

  /** Everything passes again. */
  unblock(): void {
    this.#isBlocked = () => false;
  }

  /** The engine believes that so much time has passed; its timers wait as before. */
  skip(ms: number): void {
    this.#clock.skippedMs += ms;
  }

  /** Lets the engine hear something as if the data plane had told it. */
  report(event: DataPlaneEvent): void {
    this.#report(event);
  }

  /** Replies to `count` pings. */
  async ping(peer: string, count = 1, timeoutMs = 4_000): Promise<PingReply[]> {
    const signal = new AbortController().signal;
    return await Array.fromAsync(this.control.ping({ peer, count, intervalMs: 50, timeoutMs }, signal));
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.engine.stop();
  }

  #tap(plane: DataPlane): DataPlane {
    const isBlocked = (endpoint: Endpoint | null) => endpoint !== null && this.#isBlocked(endpoint);
    this.udpPort = plane.port;
    return {
      port: plane.port,
      aeadCosts: plane.aeadCosts,
      setOverlay: (overlay) => plane.setOverlay(overlay),
      addTunnel: (tunnel) => {
        this.spis.push(tunnel.localSpi);
        plane.addTunnel(tunnel);
      },
      installKeys: (localSpi, keys, use) => {
        if ("epoch" in keys) this.epochs.push(keys.epoch);
        plane.installKeys(localSpi, keys, use);
      },
      useKeys: (localSpi, epoch) => plane.useKeys(localSpi, epoch),
      setPath: (localSpi, endpoint) => plane.setPath(localSpi, endpoint),
      setMaxDatagramLength: (localSpi, length) => plane.setMaxDatagramLength(localSpi, length),
      sendFrame: (localSpi, endpoint, frameType, payload) => {
        if (!isBlocked(endpoint)) plane.sendFrame(localSpi, endpoint, frameType, payload);
      },
      sendDatagram: (endpoint, bytes) => isBlocked(endpoint) ? undefined : plane.sendDatagram(endpoint, bytes),
      openSearch: (count) => plane.openSearch(count),
      closeSearch: () => plane.closeSearch(),
      searchDatagram: (socket, endpoint, bytes) => plane.searchDatagram(socket, endpoint, bytes),
      searchFrame: (localSpi, endpoint, frameType, payload) =>
        plane.searchFrame(localSpi, endpoint, frameType, payload),
      dropOwnSocket: (localSpi) => plane.dropOwnSocket(localSpi),
      route: (virtualAddress, localSpi) => plane.route(virtualAddress, localSpi),
      unroute: (virtualAddress) => plane.unroute(virtualAddress),
      refuse: (virtualAddress) => plane.refuse(virtualAddress),
      removeTunnel: (localSpi) => plane.removeTunnel(localSpi),
      stats: () => plane.stats(),
      counters: () => plane.counters(),
      stop: () => plane.stop(),
      onEvent: (listener) => {
        this.#report = listener;
        plane.onEvent(listener);
      },
    };
  }
}

/** Waits until `condition` holds; fails after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`${what} did not come about within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
