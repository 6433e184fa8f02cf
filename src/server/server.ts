import { type Cidr4, type Endpoint, mappedIpv4, parseIpv4, parseIpv6 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { TaskGroup } from "../base/task_group.ts";
import { SUITE } from "../protocol/mod.ts";
import { type Relay, startRelay } from "../relay/mod.ts";
import { systemClock } from "../transport/system.ts";
import { parsePool, settleAddressPlan } from "./address_pool.ts";
import { ControlListener } from "./control_listener.ts";
import { lockDataFolder, makeDataFolder } from "./data_folder.ts";
import { DiscoverySockets } from "./discovery.ts";
import { rememberListenAddress } from "./invite.ts";
import { measureOffers } from "./measure.ts";
import { makeWorld } from "./make_world.ts";
import { watchPlans } from "./plan_changes.ts";
import { POLICIES, type ServerPolicy } from "./plans.ts";
import { makeRelayOffer, relayAuthority, type TicketIssuer } from "./relay_tickets.ts";
import { accountHandlers } from "./requests_account.ts";
import { messageHandlers } from "./requests_message.ts";
import { inviteHandlers } from "./requests_invite.ts";
import { networkHandlers } from "./requests_network.ts";
import { powerHandlers } from "./requests_powers.ts";
import { tunnelHandlers } from "./requests_tunnel.ts";
import { loadServerIdentity, type ServerIdentity } from "./server_identity.ts";
import { bindError, listenTcp, listenUdp, type Place, senderOf } from "./sockets.ts";
import { openSqliteStore, storeError } from "./store_sqlite.ts";
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
  /** Another address of this machine, a literal one, for a further discovery socket. */
  address2?: string;
  /** Port of the relay; 0 = any. */
  relayPort: number;
  /** A port for those whom only TLS reaches; 0 = any. Left out: none. Within the control port TLS is spoken always. */
  tls?: { port: number; /** Whether it goes without where that port cannot be had. */ isOptional: boolean };
  /** Prefix to hand out addresses from, `a.b.c.d/bits`; default: a random /16 of 10/8, drawn once. */
  pool?: string;
  /** Suites it speaks. */
  suites: readonly number[];
  /** What it allows; default: everything. */
  policy?: ServerPolicy;
  /** For the operator. */
  log: Logger;
  /** Called when everything is open and nobody is served yet: the moment to give up root. */
  onOpen?: (dataDir: string) => void;
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
  /** Bound TLS port; null = none. */
  tlsPort: number | null;
  /** Settles when it has stopped; rejects when it had to by itself. */
  stopped: Promise<void>;
  /** Says goodbye to all clients and gives back everything. May be called again. */
  stop(): Promise<void>;
}

/** Sockets that are bound before root is given up. */
interface Bound {
  control: Deno.TcpListener;
  tls: Deno.TcpListener | null;
  discovery: DiscoverySockets;
  udpPort: number;
  udp2Port: number;
  /** Of the further discovery socket; null = there is none. */
  otherAddress: Endpoint | null;
  relay: Relay;
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
  const identity = await loadServerIdentity(dataDir, random, systemClock().wallMs());
  const bound = await bindAll(options, identity, opened);
  rememberListenAddress(dataDir, listen.host, portOf(bound.control));
  const world = await openWorld(options, identity, bound, random, pool, opened);
  options.onOpen?.(dataDir);
  return serve(options, identity, bound, world, opened.move());
}

async function bindAll(
  options: ServerOptions,
  identity: ServerIdentity,
  opened: AsyncDisposableStack,
): Promise<Bound> {
  const { listen, udpPort, udp2Port, relayPort, address2, log } = options;
  const { host } = listen;
  const control = opened.adopt(listenTcp({ ...listen, option: "--listen" }), closeQuietly);
  const tls = listenTls(options);
  if (tls !== null) opened.adopt(tls, closeQuietly);
  const first = opened.adopt(listenUdp({ host, port: udpPort, option: "--udp" }), closeQuietly);
  const second = opened.adopt(listenUdp({ host, port: udp2Port, option: "--udp2" }), closeQuietly);
  const tester = opened.adopt(listenUdp({ host, port: 0, option: "--udp" }), closeQuietly);
  const other = address2 === undefined
    ? null
    : opened.adopt(listenUdp({ host: address2, port: 0, option: "--address2" }), closeQuietly);
  const relay = await startOwnRelay({ host, port: relayPort, option: "--relay" }, identity, log);
  opened.defer(() => relay.stop());
  return {
    control,
    tls,
    discovery: new DiscoverySockets(first, second, tester, other),
    udpPort: portOf(first),
    udp2Port: portOf(second),
    otherAddress: other === null ? null : senderOf(other.addr as Deno.NetAddr),
    relay,
  };
}

function listenTls({ listen: { host }, tls, log }: ServerOptions): Deno.TcpListener | null {
  if (tls === undefined) return null;
  try {
    return listenTcp({ host, port: tls.port, option: "--tls" });
  } catch (error) {
    if (!tls.isOptional) throw error;
    log.info("no TLS port: clients behind strict firewalls will not reach this server", { port: tls.port, error });
    return null;
  }
}

async function startOwnRelay(place: Place, identity: ServerIdentity, log: Logger): Promise<Relay> {
  const address = addressOf(place.host);
  try {
    return await startRelay({
      ...(address === null ? {} : { address }),
      port: place.port,
      relayId: identity.relayId,
      authority: relayAuthority(identity),
      clock: systemClock(),
      random: systemRandom(),
      log: log.child({ part: "relay" }),
    });
  } catch (error) {
    throw bindError("UDP", place, error);
  }
}

/** The bytes of a literal address; null for the one that stands for all, and for what binding will refuse anyway. */
function addressOf(host: string): Uint8Array | null {
  const quad = parseIpv4(host);
  const address = quad === null ? parseIpv6(host) : mappedIpv4(quad);
  return quad === 0 || address === null || address.every((byte) => byte === 0) ? null : address;
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
  { dataDir, log, policy }: ServerOptions,
  identity: ServerIdentity,
  { relay, tls, udpPort, udp2Port, otherAddress }: Bound,
  random: Random,
  pool: Cidr4 | null,
  opened: AsyncDisposableStack,
): Promise<World> {
  const onDamage = (error: Error) => log.error("a row is damaged and left out", { error });
  const onUnwritable = (problem: Error | null) => {
    if (problem === null) return log.info("the data folder can be written again");
    const hint = "make room on its disk: until then nobody can register, join or change anything";
    log.error("the data folder cannot be written", { folder: dataDir, error: problem, hint });
  };
  const { checksumKey } = identity;
  const store = await openSqliteStore({ folder: dataDir, checksumKey, onDamage, onUnwritable });
  opened.defer(() => store.close());
  const plan = await store.write((transaction) => settleAddressPlan(transaction, random, pool))
    .catch((error) => Promise.reject(storeError(dataDir, error)));
  const clock = systemClock();
  const relays = relayIssuer({ identity, port: relay.port, clock, random }, relay);
  const { world, endPauses } = makeWorld({
    ...{ store, plan, relays, clock, random, log },
    ...{ ports: { udpPort, udp2Port }, otherAddress },
    streams: { tlsPort: tls === null ? 0 : portOf(tls), relayId: identity.relayId },
    policy: policy ?? POLICIES.open,
  });
  opened.defer(endPauses);
  return world;
}

function relayIssuer(issuer: TicketIssuer, relay: Relay): RelayIssuer {
  return {
    offers: (holder, spi, peerSpi, service) => [makeRelayOffer(issuer, holder, { spi, peerSpi, service })],
    revoke: (spis) => spis.forEach((spi) => relay.revoke({ spi })),
  };
}

function serve(
  options: ServerOptions,
  { ed25519, rsa, tls }: ServerIdentity,
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
  const listener = new ControlListener(bound, {
    world,
    certificate: tls,
    serveRelayStream: (stream) => bound.relay.serveStream(stream),
    login: { ed25519, rsa: suites.includes(SUITE.classic) ? rsa : null, suites, offers: measureOffers(world.clock) },
    handlers: {
      ...accountHandlers,
      ...networkHandlers,
      ...inviteHandlers,
      ...powerHandlers,
      ...tunnelHandlers,
      ...messageHandlers,
    },
  });
  opened.defer(() => tasks.stop());
  opened.defer(() => bound.discovery.stop());
  opened.defer(() => listener.stop());
  tasks.spawn("control", () => listener.run());
  tasks.spawn("relay", (signal) => failWith(bound.relay, signal));
  tasks.spawn("discovery", () => bound.discovery.run(world));
  tasks.spawn("plans", (signal) => watchPlans(world, signal));
  let stopping: Promise<void> | null = null;
  const stop = () => stopping ??= opened.disposeAsync().then(() => stopped.resolve(), stopped.reject);
  const { udpPort, udp2Port, relay } = bound;
  const port = portOf(bound.control);
  const tlsPort = bound.tls === null ? null : portOf(bound.tls);
  const ports = { port, udpPort, udp2Port, relayPort: relay.port, tlsPort };
  return { host: listen.host, ...ports, stopped: stopped.promise, stop };
}

/** Ends with the server, or fails when the relay has ended by itself. */
async function failWith(relay: Relay, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null)));
  const reason = await Promise.race([relay.failed, aborted]);
  if (reason !== null) throw new Error(`Cannot go on relaying: ${reason}`);
}
