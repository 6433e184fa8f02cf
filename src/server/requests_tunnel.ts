import { type Endpoint, endpointKey, ipv4Of } from "../base/ip.ts";
import {
  type Candidate,
  CANDIDATE_KIND,
  encodeResultPayload,
  MAX_COUNT,
  type RelayOffer,
  TUNNEL_REASON,
} from "../protocol/mod.ts";
import { relayServiceOf } from "./plans.ts";
import { RefusedError } from "./refusal.ts";
import { shareNetwork } from "./registry.ts";
import type { TunnelEnd } from "./rendezvous.ts";
import { type Handler, type Handlers, NOTHING } from "./requests.ts";
import type { ControlClient, World } from "./world.ts";

/** How long both ends wait before they punch, so that the one further away has heard of it as well. */
const PUNCH_IN_MS = 100;

/** A pairing's ends are sent punching at most once in this time. */
const PUNCH_PAUSE_MS = 500;

type Ends = [TunnelEnd<ControlClient>, TunnelEnd<ControlClient>];

/** Where a client can be reached: first where discovery saw it, then where it says; each endpoint once. */
export function candidatesOf(client: ControlClient): Candidate[] {
  const { observedUdp } = client;
  const observed = observedUdp === null ? [] : [{ kind: CANDIDATE_KIND.observed, endpoint: observedUdp }];
  const byEndpoint = new Map<string, Candidate>();
  for (const candidate of [...observed, ...client.candidates]) {
    const key = endpointKey(candidate.endpoint);
    if (!byEndpoint.has(key)) byEndpoint.set(key, candidate);
  }
  return [...byEndpoint.values()].slice(0, MAX_COUNT.candidates);
}

/** Whether packets could go there at all: a member must not send its peers to a group or to nowhere. */
function isUnicast(endpoint: Endpoint): boolean {
  if (endpoint.port === 0) return false;
  const address = ipv4Of(endpoint);
  if (address === null) return endpoint.address[0] !== 0xff && endpoint.address.some((byte) => byte !== 0);
  return address >>> 24 !== 0 && address >>> 24 < 224;
}

/** Tells everybody with whom the client has a tunnel where it can be reached now. */
export function tellEndpoints(world: World, client: ControlClient): void {
  const candidates = candidatesOf(client);
  for (const peerId of world.rendezvous.peersOf(client.clientId)) {
    const peer = world.presence.find(peerId);
    if (peer === null || world.presence.commonNetworks(client.clientId, peerId).length === 0) continue;
    for (const { ends } of world.rendezvous.between(client.clientId, peerId)) {
      const { localSpi } = ends.find((end) => end.client.clientId === peerId)!;
      peer.send({ type: "peerEndpoints", requestId: 0, localSpi, candidates });
    }
  }
}

const endpoints: Handler<"endpoints"> = (world, client, message) => {
  client.candidates = message.candidates.filter(({ endpoint }) => isUnicast(endpoint));
  tellEndpoints(world, client);
  return Promise.resolve(NOTHING);
};

const tunnelRequest: Handler<"tunnelRequest"> = (world, client, { peer: peerAddress, reason }) =>
  world.turns.take(async () => {
    const peer = await onlinePeer(world, client, peerAddress);
    const mustBeNew = reason === TUNNEL_REASON.spiRefused;
    const pairing = world.rendezvous.pair(client, peer, world.clock.now(), mustBeNew);
    const [a, b] = pairing.ends;
    tellRendezvous(world, a, b, reason);
    tellRendezvous(world, b, a, reason);
    return NOTHING;
  });

/** A client with whom a tunnel is allowed. @throws {RefusedError} */
async function onlinePeer(world: World, client: ControlClient, peerAddress: number): Promise<ControlClient> {
  return await world.store.read(async (transaction) => {
    const account = await transaction.accountByAddress(peerAddress);
    if (account === null || !await shareNetwork(transaction, client.clientId, account.clientId)) {
      throw new RefusedError("peerNotFound");
    }
    const peer = world.presence.find(account.clientId);
    if (peer === null || world.presence.commonNetworks(client.clientId, account.clientId).length === 0) {
      throw new RefusedError("peerOffline");
    }
    return peer;
  });
}

function tellRendezvous(
  world: World,
  own: TunnelEnd<ControlClient>,
  other: TunnelEnd<ControlClient>,
  cause: number,
): void {
  const peer = other.client;
  own.client.send({
    type: "rendezvous",
    requestId: 0,
    peerClientId: peer.clientId,
    peerAddress: peer.virtualAddress,
    localSpi: own.localSpi,
    remoteSpi: other.localSpi,
    suites: [...peer.suites],
    keys: peer.keys,
    commonNetworks: world.presence.commonNetworks(own.client.clientId, peer.clientId),
    candidates: candidatesOf(peer),
    relays: relaysFor(world, own, other),
    cause,
    startInMs: PUNCH_IN_MS,
  });
}

function relaysFor(world: World, own: TunnelEnd<ControlClient>, other: TunnelEnd<ControlClient>): RelayOffer[] {
  const service = relayServiceOf(world.policy, own.client.plan, other.client.plan);
  return world.relays.offers(own.client, own.localSpi, other.localSpi, service);
}

/** The tunnel on one of the client's SPIs, with the client as it is logged in now. @throws {RefusedError} */
function ownTunnel(world: World, client: ControlClient, localSpi: number): Ends {
  const ends = world.rendezvous.find(client.clientId, localSpi);
  if (ends === null) throw new RefusedError("peerNotFound");
  return [{ client, localSpi }, ends[1]];
}

const getTickets: Handler<"getTickets"> = (world, client, { localSpi }) => {
  const [own, other] = ownTunnel(world, client, localSpi);
  return Promise.resolve(encodeResultPayload("getTickets", { relays: relaysFor(world, own, other) }));
};

const punchRequest: Handler<"punchRequest"> = (world, client, { localSpi }) => {
  const [own, other] = ownTunnel(world, client, localSpi);
  const peer = world.presence.find(other.client.clientId);
  if (peer === null || world.presence.commonNetworks(client.clientId, peer.clientId).length === 0) {
    throw new RefusedError("peerOffline");
  }
  if (world.rendezvous.mayPunch(localSpi, world.clock.now(), PUNCH_PAUSE_MS)) {
    const start = { type: "punchStart", requestId: 0, inMs: PUNCH_IN_MS } as const;
    client.send({ ...start, localSpi: own.localSpi, candidates: candidatesOf(peer) });
    peer.send({ ...start, localSpi: other.localSpi, candidates: candidatesOf(client) });
  }
  return Promise.resolve(NOTHING);
};

/** Requests about tunnels (PROTOCOL.md sections 6 and 10). */
export const tunnelHandlers: Handlers = { endpoints, tunnelRequest, getTickets, punchRequest };
