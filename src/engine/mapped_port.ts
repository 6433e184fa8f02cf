/**
 * A port of this computer's router that leads to the socket of the tunnels, asked for by the protocols that routers speak
 * and tested through the server (docs/PROTOCOL.md, section 11).
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Endpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane } from "../dataplane/types.ts";
import { DISCOVERY_SOCKET } from "../protocol/mod.ts";
import {
  type MappingStatus,
  type PortMapping,
  startPortMapping,
  systemGateway,
} from "../transport/port_mapping/mod.ts";
import type { Discovery, DiscoveryAnswer } from "./discovery.ts";

/** When a test is sent, in ms after it began; any of them may be lost. */
const TEST_AT_MS: readonly number[] = [0, 150, 400];

/** How long an answer may take. */
const TEST_MS = 1_500;

/** What a mapped port needs, and whom it tells. */
export interface MappedPortOptions {
  /** Sends tests from the socket of the tunnels, and has its port. */
  dataPlane: Pick<DataPlane, "sendDatagram" | "port">;
  /** Time. */
  clock: Clock;
  /** See `PortMappingOptions`. */
  random: Random;
  /** Where it tells of gains and losses. */
  log: Logger;
  /** Whom to ask for tests; null while logged out. */
  discovery(): Discovery | null;
  /** {@linkcode MappedPort.endpoint} is another one. */
  onChange(): void;
}

/** Held from its start to its end, over logins. */
export class MappedPort {
  readonly #options: MappedPortOptions;
  readonly #mapping: PortMapping;
  readonly #tests = new Map<bigint, () => void>();
  #endpoint: Endpoint | null = null;

  /** Begins to ask. */
  constructor(options: MappedPortOptions) {
    this.#options = options;
    const { dataPlane, clock, random, log } = options;
    this.#mapping = startPortMapping({
      ...{ internalPort: dataPlane.port, protocol: "udp", clock, random, log },
      gateway: () => systemGateway(4),
      verify: (endpoint) => this.#isReachable(endpoint),
      onMapping: (endpoint) => {
        this.#endpoint = endpoint;
        options.onChange();
      },
    });
  }

  /** Where peers reach us through it; null = there is none that was proved to work. */
  get endpoint(): Endpoint | null {
    return this.#endpoint;
  }

  /** For `netcheck`. */
  get status(): MappingStatus {
    return this.#mapping.status();
  }

  /** Another network may have another router. */
  networkChanged(): void {
    this.#mapping.networkChanged();
  }

  /** A DISCOVERED came that is authentic. */
  take({ counter, socket }: DiscoveryAnswer): void {
    if (socket === DISCOVERY_SOCKET.tester) this.#tests.get(counter)?.();
  }

  /** Takes the mapping back. */
  stop(): Promise<void> {
    return this.#mapping.stop();
  }

  /** Rejects when nobody can be asked. */
  async #isReachable(endpoint: Endpoint): Promise<boolean> {
    const { clock, dataPlane } = this.#options;
    const discovery = this.#options.discovery();
    const server = discovery?.first ?? null;
    if (discovery === null || server === null) throw new Error("there is no server to ask");
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const asked: bigint[] = [];
    const ask = () => {
      const { counter, datagram } = discovery.askTest(endpoint);
      asked.push(counter);
      this.#tests.set(counter, () => resolve(true));
      dataPlane.sendDatagram(server, datagram);
    };
    const timers = TEST_AT_MS.map((at) => clock.after(at, ask));
    timers.push(clock.after(TEST_MS, () => resolve(false)));
    return await promise.finally(() => {
      timers.forEach((cancel) => cancel());
      asked.forEach((counter) => this.#tests.delete(counter));
    });
  }
}
