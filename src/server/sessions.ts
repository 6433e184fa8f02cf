/**
 * A client's coming and going: who it is, what it is told first, and who hears of it.
 *
 * @module
 */
import { toHex } from "../base/bytes.ts";
import { AUTH_FAILED, type ControlMessage, GOODBYE, SERVER_FLAG, SUITE, type SuiteId } from "../protocol/mod.ts";
import type { KnownAccount, ProvenKey } from "../session/mod.ts";
import { announceMember, presenceOf, tellAnnouncement, tellSealing, tellWelcome } from "./announcements.ts";
import { keyRecord, kindOfType } from "./keys.ts";
import { RefusedError } from "./refusal.ts";
import { register } from "./registry.ts";
import { mayWriteToNetworks } from "./registry_messages.ts";
import { newsSince, takeNews } from "./registry_powers.ts";
import { tellMessages } from "./requests_message.ts";
import type { Account, Member, Membership, Network, StoreTransaction } from "./store.ts";
import { StoreBusyError, StoreUnwritableError } from "./store.ts";
import { networkMessage } from "./views.ts";
import type { ControlClient, World } from "./world.ts";

/** Each side sends PING when it was silent for so long, and closes after three times as long without a word. */
export const KEEPALIVE_SECONDS = 30;

/** Logins a second that the server is glad to see after it was away; the herd of its clients spreads accordingly. */
const LOGINS_PER_SECOND = 100;
const MAX_SPREAD_SECONDS = 60;

/** What the store knows of an address, for the login machine. */
export async function lookUpAccount(
  world: World,
  suite: SuiteId,
  virtualAddress: number,
): Promise<KnownAccount | null> {
  const wanted = suite === SUITE.modern ? "ed25519" : "ssh-rsa";
  return await world.store.read(async (transaction) => {
    const account = await transaction.accountByAddress(virtualAddress);
    if (account === null) return null;
    const keys = await transaction.keysOf(account.clientId);
    return { publicKey: keys.find(({ kind }) => kind === wanted)?.publicKey ?? null, isDisabled: false };
  });
}

/** How a wish for an account ended, for the login machine. */
export type Registration =
  | { on: "registered"; address: number }
  | { on: "registrationRefused"; code: number; message: string };

/** Makes an account for proven keys, or finds theirs. */
export async function registerAccount(
  world: World,
  source: string,
  nick: string,
  keys: readonly ProvenKey[],
): Promise<Registration> {
  if (!world.registrations.hasRoom(source, world.clock.now())) {
    return { on: "registrationRefused", code: AUTH_FAILED.tooMany, message: "too many new accounts, try again later" };
  }
  const offered = keys.map(({ keyType, publicKey }) => ({ kind: kindOfType(keyType)!, publicKey }));
  try {
    const account = await world.store.write((transaction) =>
      register(transaction, world.context(), world.plan, nick, offered)
    );
    world.registrations.add(source, world.clock.now());
    return { on: "registered", address: account.virtualAddress };
  } catch (error) {
    return { on: "registrationRefused", ...refusedRegistration(error) };
  }
}

function refusedRegistration(error: unknown): { code: number; message: string } {
  if (error instanceof RefusedError) {
    return error.refusal === "limitReached"
      ? { code: AUTH_FAILED.tooMany, message: "the server has no free address" }
      : { code: AUTH_FAILED.keyOfAnotherAccount, message: "a key belongs to another account" };
  }
  if (!isOfTheStore(error)) throw error;
  return { code: AUTH_FAILED.tooMany, message: "the server cannot make accounts now, try again later" };
}

/** Nothing can be written now; the operator knows. */
function isOfTheStore(error: unknown): boolean {
  return error instanceof StoreBusyError || error instanceof StoreUnwritableError;
}

/** A network of a client that logs in, with what it is told of it. */
interface OwnNetwork {
  network: Network;
  membership: Membership;
  members: Member[];
}

/**
 * A client has logged in: gives it its place, tells it everything it may know, and the others that it is there. One turn, so
 * that what it is told afterwards goes on where this ends.
 *
 * @param makeClient makes the client of the account
 * @returns null when the account is gone since
 */
export function enterSession(
  world: World,
  virtualAddress: number,
  makeClient: (account: Account) => ControlClient,
): Promise<ControlClient | null> {
  return world.turns.take(async () => {
    const found = await world.store.read((transaction) => readSession(transaction, virtualAddress));
    if (found === null) return null;
    const { account, keys, networks } = found;
    const client = makeClient(account);
    client.keys = keys.map(keyRecord);
    const places = networks.filter(({ membership }) => membership.status === "member")
      .map(({ network, membership }) => presenceOf(network, membership));
    world.presence.enter(client, places)?.dismiss(GOODBYE.replaced, 0);
    world.sessions.set(toHex(client.sessionId), client);
    client.send(welcome(world, client, account));
    if (world.streams !== null) client.send({ type: "streams", requestId: 0, ...world.streams });
    const isOnline = world.presence.isOnline.bind(world.presence);
    for (const { network, membership, members } of networks) {
      client.send(networkMessage(network, membership, members, isOnline, { plan: client.plan, policy: world.policy }));
      tellSealing(world, client.clientId, network);
      if (isOnline(client.clientId, network.networkId)) announceMember(world, network, membership, account, "changed");
    }
    client.send({ type: "synchronised", requestId: 0 });
    await tellNews(world, client, networks);
    await tellMessages(world, client);
    return client;
  });
}

/** What happened in its networks while it was away. A store that cannot be written keeps nobody out. */
async function tellNews(world: World, client: ControlClient, networks: readonly OwnNetwork[]): Promise<void> {
  for (const { network, membership } of networks) {
    if (membership.status !== "member") continue;
    const { networkId } = network;
    const since = newsSince(membership);
    const unseen = await world.store.read((transaction) => transaction.announcementsOf(networkId, since));
    if (membership.toldAtMs !== 0 && unseen.length === 0) continue;
    try {
      const context = world.context();
      const news = await world.store.write((transaction) => takeNews(transaction, context, { network, membership }));
      if (news.isFirst) tellWelcome(client, network, membership);
      for (const announcement of news.announcements) tellAnnouncement(client, announcement);
    } catch (error) {
      if (!isOfTheStore(error)) throw error;
    }
  }
}

async function readSession(transaction: StoreTransaction, virtualAddress: number) {
  const account = await transaction.accountByAddress(virtualAddress);
  if (account === null) return null;
  const networks: OwnNetwork[] = [];
  for (const membership of await transaction.membershipsOf(account.clientId)) {
    const network = await transaction.network(membership.networkId);
    if (network === null) continue;
    networks.push({ network, membership, members: await transaction.membersOf(membership.networkId) });
  }
  return { account, keys: await transaction.keysOf(account.clientId), networks };
}

function welcome(world: World, client: ControlClient, account: Account): ControlMessage {
  const spreadSeconds = Math.min(MAX_SPREAD_SECONDS, Math.ceil(world.presence.size / LOGINS_PER_SECOND));
  return {
    type: "welcome",
    requestId: 0,
    clientId: client.clientId,
    address: client.virtualAddress,
    poolBase: world.plan.pool.base,
    poolBits: world.plan.pool.bits,
    prefix6: world.plan.prefix6,
    sessionId: client.sessionId,
    discoveryKey: client.discoveryKey,
    ...world.ports,
    discoveryEndpoints: world.otherAddress === null ? [] : [world.otherAddress],
    observed: client.observed,
    keepaliveSeconds: KEEPALIVE_SECONDS,
    spreadSeconds,
    time: BigInt(Math.floor(world.clock.wallMs())),
    nick: account.nick,
    serverName: "",
    flags: SERVER_FLAG.hasRelay |
      (mayWriteToNetworks(account.plan, world.policy) ? 0 : SERVER_FLAG.mayOnlyReadNetworkChat),
  };
}

/** A client's connection has ended: the others see it offline, its tunnels go on. */
export function exitSession(world: World, client: ControlClient): Promise<void> {
  world.sessions.delete(toHex(client.sessionId));
  return world.turns.take(async () => {
    const networkIds = world.presence.exit(client);
    if (world.presence.find(client.clientId) !== null) return;
    for (const otherId of world.rendezvous.peersOf(client.clientId)) {
      if (world.presence.find(otherId) === null) world.rendezvous.end(client.clientId, otherId);
    }
    await world.store.read(async (transaction) => {
      const account = await transaction.account(client.clientId);
      for (const networkId of account === null ? [] : networkIds) {
        const network = await transaction.network(networkId);
        const membership = await transaction.membership(networkId, client.clientId);
        if (network === null || membership === null) continue;
        announceMember(world, network, membership, account!, "changed");
      }
    });
  });
}
