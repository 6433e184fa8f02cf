import type { Cidr4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { TaskGroup } from "../base/task_group.ts";
import { SUITE } from "../protocol/mod.ts";
import { systemClock } from "../transport/system.ts";
import { parsePool, settleAddressPlan } from "./address_pool.ts";
import { ControlListener } from "./control_listener.ts";
import { lockDataFolder, makeDataFolder } from "./data_folder.ts";
import { DiscoverySockets } from "./discovery.ts";
import { type EmbeddedRelay, startEmbeddedRelay } from "./embedded_relay.ts";
import { rememberListenAddress } from "./invite.ts";
import { measureOffers } from "./measure.ts";
import { makeWorld } from "./make_world.ts";
import { OPEN_LIMITS } from "./policy.ts";
import { makeRelayOffer, type TicketIssuer } from "./relay_tickets.ts";
import { accountHandlers } from "./requests_account.ts";
import { networkHandlers } from "./requests_network.ts";
import { tunnelHandlers } from "./requests_tunnel.ts";
import { loadServerIdentity, type ServerIdentity } from "./server_identity.ts";
import { listenTcp, listenUdp } from "./sockets.ts";
import { openSqliteStore } from "./store_sqlite.ts";
import type { RelayIssuer, World } from "./world.ts";

/** How a server is started. */
export interface ServerOptions {
  /** Where its truth and its keys are; made where it is missing. */
  dataDir: string;
  /** Where it listens; port 0 = any. The host is a literal address, for TCP and the discovery sockets. */
  listen: { host: string; port: number };
  /** First discovery port; 0 = any. */
  udpPort: number;
  /** Second discovery port; 0 = any. */
  udp2Port: number;
  /** Port of the relay; 0 = any. */
  relayPort: number;
  /** Prefix to hand out addresses from, `a.b.c.d/bits`; default: a random /16 of 10/8, drawn once. */
  pool?: string;
  /** Suites it speaks. */
  suites: readonly number[];
  /** For the operator. */
  log: Logger;
  /** Called when all ports are bound and the database is not open yet: the moment to give up root. */
  onBound?: (dataDir: string) => void;
}

/** A server that runs. */
export interface RunningServer {
  /** Where it listens. */
  host: string;
  /** Bound TCP port. */
  port: number;
  /** Bound first discovery port. */
  udpPort: number;
  /** Bound second discovery port. */
  udp2Port: number;
  /** Bound port of the relay. */
  relayPort: number;
  /** Settles when it has stopped; rejects when it had to by itself. */
  stopped: Promise<void>;
  /** Says goodbye to all clients and gives back everything. May be called again. */
  stop(): Promise<void>;
}

/** Sockets that are bound before root is given up. */
interface Bound {
  control: Deno.TcpListener;
  discovery: DiscoverySockets;
  udpPort: number;
  udp2Port: number;
  relay: EmbeddedRelay;
}

/**
 * Starts a server; it serves when this resolves.
 *
 * @throws {UserError} when a port is taken, or the data folder cannot be used
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { dataDir, listen } = options;
  const pool = options.pool === undefined ? null : parsePool(options.pool);
  const random = systemRandom();
  // Whatever was opened is closed again when a later step fails, and by stop(), in reverse order.
  await using opened = new AsyncDisposableStack();
  makeDataFolder(dataDir);
  opened.defer(lockDataFolder(dataDir));
  const identity = await loadServerIdentity(dataDir, random);
  const bound = await bindAll(options, identity, opened);
  rememberListenAddress(dataDir, listen.host, portOf(bound.control));
  options.onBound?.(dataDir);
  const world = await openWorld(options, identity, bound, random, pool, opened);
  return serve(options, identity, bound, world, opened.move());
}

async function bindAll(
  { listen, udpPort, udp2Port, relayPort, log }: ServerOptions,
  identity: ServerIdentity,
  opened: AsyncDisposableStack,
): Promise<Bound> {
  const { host } = listen;
  const control = opened.adopt(listenTcp({ ...listen, option: "--listen" }), closeQuietly);
  const first = opened.adopt(listenUdp({ host, port: udpPort, option: "--udp" }), closeQuietly);
  const second = opened.adopt(listenUdp({ host, port: udp2Port, option: "--udp2" }), closeQuietly);
  const relay = await startEmbeddedRelay({ host, port: relayPort, identity, log });
  opened.defer(() => relay.stop());
  return {
    control,
    discovery: new DiscoverySockets(first, second),
    udpPort: portOf(first),
    udp2Port: portOf(second),
    relay,
  };
}

/** Who serves a socket has closed it before. */
function closeQuietly(socket: { close(): void }): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function portOf({ addr }: { readonly addr: Deno.Addr }): number {
  return (addr as Deno.NetAddr).port;
}

async function openWorld(
  { dataDir, log }: ServerOptions,
  identity: ServerIdentity,
  { relay, udpPort, udp2Port }: Bound,
  random: Random,
  pool: Cidr4 | null,
  opened: AsyncDisposableStack,
): Promise<World> {
  const onDamage = (error: Error) => log.error("a row is damaged and left out", { error });
  const store = await openSqliteStore({ folder: dataDir, checksumKey: identity.checksumKey, onDamage });
  opened.defer(() => store.close());
  const plan = await store.write((transaction) => settleAddressPlan(transaction, random, pool));
  const clock = systemClock();
  const relays = relayIssuer({ identity, port: relay.port, clock, random }, relay);
  const { world, endPauses } = makeWorld({
    ...{ store, plan, relays, clock, random, log },
    ports: { udpPort, udp2Port },
    limits: OPEN_LIMITS,
  });
  opened.defer(endPauses);
  return world;
}

function relayIssuer(issuer: TicketIssuer, relay: EmbeddedRelay): RelayIssuer {
  return {
    offers: (holder, spi, peerSpi) => [makeRelayOffer(issuer, holder, spi, peerSpi)],
    revoke: (spis) => spis.forEach((spi) => relay.revoke({ spi })),
  };
}

function serve(
  options: ServerOptions,
  { ed25519, rsa }: ServerIdentity,
  bound: Bound,
  world: World,
  opened: AsyncDisposableStack,
): RunningServer {
  const { suites, log, listen } = options;
  const stopped = Promise.withResolvers<void>();
  // Whoever started the server may look at it later, or never.
  stopped.promise.catch(() => {});
  const tasks = new TaskGroup((error, name) => {
    log.error("the server stops: a part of it failed", { part: name, error });
    stopped.reject(error);
    void stop();
  });
  const listener = new ControlListener(bound.control, {
    world,
    login: { ed25519, rsa: suites.includes(SUITE.classic) ? rsa : null, suites, offers: measureOffers(world.clock) },
    handlers: { ...accountHandlers, ...networkHandlers, ...tunnelHandlers },
    relayStream: (socket) => Promise.resolve(socket.close()),
  });
  opened.defer(() => tasks.stop());
  opened.defer(() => bound.discovery.stop());
  opened.defer(() => listener.stop());
  tasks.spawn("control", () => listener.run());
  tasks.spawn("discovery", () => bound.discovery.run(world));
  let stopping: Promise<void> | null = null;
  const stop = () => stopping ??= opened.disposeAsync().then(() => stopped.resolve(), stopped.reject);
  const { udpPort, udp2Port, relay } = bound;
  const port = portOf(bound.control);
  return { host: listen.host, port, udpPort, udp2Port, relayPort: relay.port, stopped: stopped.promise, stop };
}
