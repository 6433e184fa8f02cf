import type { Clock } from "../../base/clock.ts";
import { type Endpoint, formatEndpoint } from "../../base/ip.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { equalBytes } from "../../base/bytes.ts";
import { MappingDecider } from "./decider.ts";
import type { MappingEffect, MappingEvent, Outcome } from "./events.ts";
import { type DatagramPort, Exchange } from "./exchange.ts";
import { NatPmpMapper } from "./nat_pmp_mapper.ts";
import { type GatewayNetwork, systemNetwork } from "./network.ts";
import { PcpMapper } from "./pcp_mapper.ts";
import type { MappingStatus } from "./status.ts";
import { type Gateway, type Mapper, type MapperName, type MapperOptions, MappingError } from "./types.ts";
import { UpnpMapper } from "./upnp_mapper.ts";

/** Long enough that a sleeping laptop keeps its mapping, short enough that routers do not fill up with dead ones. */
const DEFAULT_LIFETIME_S = 3600;

/** `stop()` must not hold up the end of the program. */
const STOP_TIMEOUT_MS = 1000;

/** The system tells its routes at once, or not at all. */
const LOOK_UP_TIMEOUT_MS = 10_000;

/** A test from outside that takes longer has found nothing out. */
const VERIFY_TIMEOUT_MS = 10_000;

/** What to map, and the world around it. */
export interface PortMappingOptions {
  /** Port on our side. */
  internalPort: number;
  /** Kind of port. */
  protocol: "udp" | "tcp";
  /** The default gateway and our address on the way to it; null = none. See `systemGateway`. */
  gateway: () => Promise<Gateway | null>;
  /** Whether a datagram or connection from outside to `endpoint` arrives here; rejects when that cannot be found out now. */
  verify: (endpoint: Endpoint) => Promise<boolean>;
  /** Told the endpoint that leads to the port from now on; null = none does any more. */
  onMapping: (endpoint: Endpoint | null) => void;
  /** Time. */
  clock: Clock;
  /** Nonces, ports, and what spreads many clients in time. */
  random: Random;
  /** Told of gains, losses and refusals. */
  log: Logger;
  /** Lifetime to ask for, in seconds, default one hour; the gateway may grant another. */
  lifetimeS?: number;
  /** Sockets, default those of this machine. */
  network?: GatewayNetwork;
}

/** A running port mapping. */
export interface PortMapping {
  /** For `netcheck` and `why`. */
  status(): MappingStatus;
  /** To be called when addresses or routes of this machine changed: the gateway is looked up again at once. */
  networkChanged(): void;
  /** Deletes the mapping and ends; takes a second at most. `onMapping` is told null where it was told of an endpoint. */
  stop(): Promise<void>;
}

/** Begins at once. Never rejects or throws later on: where no mapping can be had, `status()` says why. */
export function startPortMapping(options: PortMappingOptions): PortMapping {
  const runner = new Runner(options);
  runner.step({ on: "tick" });
  return {
    status: () => runner.status(),
    networkChanged: () => runner.step({ on: "networkChanged" }),
    stop: () => runner.stop(),
  };
}

/** Everything that is bound to one gateway. */
interface Session {
  mappers: ReadonlyMap<MapperName, Mapper>;
  announcements: DatagramPort | null;
}

class Runner {
  readonly #options: PortMappingOptions;
  readonly #network: GatewayNetwork;
  readonly #decider: MappingDecider;
  #session: Session = { mappers: new Map(), announcements: null };
  #cancelTick: () => void = () => {};
  #isStopped = false;
  /** Deletions under way: a new mapping waits for them, as a gateway may tell mappings apart by their port only. */
  #unmapping: Promise<unknown> = Promise.resolve();
  readonly #running = new Set<Promise<void>>();
  /** Ends the waiting for what others may never answer. */
  readonly #giveUps = new Set<() => void>();

  constructor(options: PortMappingOptions) {
    this.#options = options;
    this.#network = options.network ?? systemNetwork();
    const wish = { internalPort: options.internalPort, lifetimeS: options.lifetimeS ?? DEFAULT_LIFETIME_S };
    this.#decider = new MappingDecider(wish, options.random);
  }

  status(): MappingStatus {
    return this.#decider.status(this.#options.clock.now());
  }

  step(event: MappingEvent): void {
    if (this.#isStopped) return;
    for (const effect of this.#decider.step(event, this.#options.clock.now())) this.#carryOut(effect);
    this.#armTick();
  }

  async stop(): Promise<void> {
    if (!this.#isStopped) {
      this.step({ on: "stop" });
      this.#isStopped = true;
      this.#cancelTick();
      await this.#within(STOP_TIMEOUT_MS, this.#unmapping);
      this.#giveUps.forEach((giveUp) => giveUp());
      await this.#closeSession();
    }
    await Promise.all(this.#running);
  }

  #armTick(): void {
    this.#cancelTick();
    const { clock } = this.#options;
    const wakeAt = this.#decider.nextWakeAt();
    this.#cancelTick = wakeAt === null ? () => {} : clock.after(wakeAt - clock.now(), () => this.step({ on: "tick" }));
  }

  #carryOut(effect: MappingEffect): void {
    switch (effect.do) {
      case "lookUpGateway":
        return this.#lookUpGateway();
      case "use":
        return this.#use(effect.gateway, effect.names);
      case "probe":
        return this.#ask(
          effect.by,
          (mapper) => mapper.probe(),
          (outcome) => ({ on: "probed", by: effect.by, outcome }),
        );
      case "map":
        return this.#ask(effect.by, async (mapper) => {
          await this.#unmapping;
          return await mapper.map(effect.request);
        }, (outcome) => ({ on: "mapped", by: effect.by, outcome }));
      case "check":
        return this.#ask(
          effect.by,
          (mapper) => mapper.check(),
          (outcome) => ({ on: "checked", by: effect.by, outcome }),
        );
      case "unmap":
        return this.#unmap(effect.by);
      case "verify":
        return this.#verify(effect.test, effect.endpoint);
      case "tell":
        return this.#tell(effect.endpoint);
    }
  }

  #lookUpGateway(): void {
    this.#run(async () => {
      const lookUp = Promise.try(this.#options.gateway).catch((error) => {
        this.#options.log.warn("cannot find the default gateway", { error });
        return undefined;
      });
      const gateway = await this.#within(LOOK_UP_TIMEOUT_MS, lookUp);
      if (gateway !== undefined) this.step({ on: "gateway", gateway });
    });
  }

  /** The former gateway keeps the mapping until it ends: it is out of reach, or we have lost the address that could delete it. */
  #use(gateway: Gateway | null, names: readonly MapperName[]): void {
    this.#run(this.#closeSession());
    this.#unmapping = Promise.resolve();
    if (gateway === null) return;
    const { protocol, internalPort, clock, random } = this.#options;
    const options = { gateway, protocol, internalPort, clock, random };
    this.#session = {
      mappers: new Map(names.map((name) => [name, makeMapper(name, options, this.#network)])),
      announcements: this.#openAnnouncements(gateway),
    };
  }

  #openAnnouncements(gateway: Gateway): DatagramPort | null {
    try {
      return this.#network.openAnnouncements(gateway, (_, from) => {
        if (equalBytes(from.address, gateway.address)) this.step({ on: "announced" });
      });
    } catch (error) {
      this.#options.log.debug("announcements of the gateway will not be heard", { error });
      return null;
    }
  }

  #closeSession(): Promise<void> {
    const { mappers, announcements } = this.#session;
    this.#session = { mappers: new Map(), announcements: null };
    const closing = [...mappers.values()].map((mapper) => mapper.close());
    return Promise.all([...closing, announcements?.close()]).then(() => {});
  }

  /** Asks a mapper; its answer counts only while it belongs to the gateway in use. */
  #ask<T>(by: MapperName, ask: (mapper: Mapper) => Promise<T>, event: (outcome: Outcome<T>) => MappingEvent): void {
    const { mappers } = this.#session;
    const mapper = mappers.get(by);
    if (mapper === undefined) return;
    this.#run(async () => {
      const outcome = await outcomeOf(ask(mapper));
      if (mappers !== this.#session.mappers) return;
      this.#options.log.debug("port mapping", { protocol: by, ...(outcome.ok ? {} : { reason: outcome.reason }) });
      this.step(event(outcome));
    });
  }

  #unmap(by: MapperName): void {
    const mapper = this.#session.mappers.get(by);
    if (mapper === undefined) return;
    const ended = Promise.all([this.#unmapping, outcomeOf(mapper.unmap())]);
    this.#unmapping = ended;
    this.#run(ended.then(() => {}));
  }

  #verify(test: number, endpoint: Endpoint): void {
    this.#run(async () => {
      const verdict = Promise.try(this.#options.verify, endpoint).catch((error) => {
        this.#options.log.debug("cannot test the mapped port from outside", { error });
        return null;
      });
      const isReachable = await this.#within(VERIFY_TIMEOUT_MS, verdict);
      this.step({ on: "verified", test, isReachable: isReachable ?? null });
    });
  }

  #tell(endpoint: Endpoint | null): void {
    this.#options.log.info(endpoint === null ? "mapped port lost" : "port mapped", {
      ...(endpoint === null ? {} : { endpoint: formatEndpoint(endpoint) }),
    });
    this.#options.onMapping(endpoint);
  }

  /** What `promise` gives, or undefined after `ms` or when all ends. */
  async #within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const giveUp = () => resolve(undefined);
    const cancel = this.#options.clock.after(ms, giveUp);
    this.#giveUps.add(giveUp);
    return await Promise.race([promise, late]).finally(() => {
      cancel();
      this.#giveUps.delete(giveUp);
    });
  }

  #run(task: Promise<void> | (() => Promise<void>)): void {
    const running: Promise<void> = (typeof task === "function" ? task() : task).finally(() =>
      this.#running.delete(running)
    );
    this.#running.add(running);
  }
}

function makeMapper(name: MapperName, options: MapperOptions, network: GatewayNetwork): Mapper {
  const exchange = new Exchange((receive) => network.openPort(options.gateway, receive), options.clock);
  switch (name) {
    case "pcp":
      return new PcpMapper(options, exchange);
    case "natPmp":
      return new NatPmpMapper(options, exchange);
    case "upnp":
      return new UpnpMapper(options, exchange, (request, signal) => network.sendHttp(request, signal));
  }
}

/** Anything but a MappingError is a fault of ours and is reported as an answer, so that the next protocol has its turn. */
async function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    if (error instanceof MappingError) return { ok: false, answer: error.answer, reason: error.message };
    return {
      ok: false,
      answer: "refused",
      reason: `internal error: ${error instanceof Error ? error.message : error}`,
    };
  }
}
