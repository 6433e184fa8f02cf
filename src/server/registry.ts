/**
 * Accounts and networks: each function is one change or look-up within a transaction that its caller began, checks
 * included. A refusal is thrown, which undoes the transaction.
 *
 * @module
 */
import type { Random } from "../base/random.ts";
import { ADDRESS_REST_MS, type AddressPlan, drawAddress } from "./address_pool.ts";
import { type AccountPublicKey, fingerprintOf } from "./keys.ts";
import { isNetworkName, isNick } from "./names.ts";
import { MAX_COUNT } from "../protocol/mod.ts";
import type { ServerPolicy } from "./plans.ts";
import { type Applicant, decideCreate, decideDelete, decideJoin, decideLeave, requireMember } from "./policy.ts";
import { areConnected } from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import type { Account, AccountKey, Membership, Network, NetworkKind, StoreTransaction } from "./store.ts";

/** What every change needs from outside. */
export interface RegistryContext {
  /** For ids and addresses. */
  random: Random;
  /** Milliseconds since 1970, now. */
  nowMs: number;
  /** What this server allows. */
  policy: ServerPolicy;
}

/** Client and network ids are written `ddd-ddd-ddd`; 0 stands for none. */
const ID_END = 1_000_000_000;

/** How often a drawn id may be taken before something else must be wrong. */
const MAX_ID_DRAWS = 100;

/**
 * The account of these keys, made if none of them is known (S12, S13). An unfit nickname counts as none: a client can set
 * one later, and is told so then.
 *
 * @throws {RefusedError} `notPermitted` when they belong to different accounts, or some to one and some to none;
 *   `limitReached` when the address pool is used up
 */
export async function register(
  transaction: StoreTransaction,
  context: RegistryContext,
  plan: AddressPlan,
  nick: string,
  keys: readonly AccountPublicKey[],
): Promise<Account> {
  const owners = new Set<number | null>();
  for (const key of keys) owners.add((await transaction.key(fingerprintOf(key)))?.clientId ?? null);
  const [owner] = owners;
  if (owners.size !== 1 || owner === undefined) throw new RefusedError("notPermitted");
  if (owner === null) return await makeAccount(transaction, context, plan, isNick(nick) ? nick : "", keys);
  return await requireAccount(transaction, owner);
}

async function makeAccount(
  transaction: StoreTransaction,
  context: RegistryContext,
  addresses: AddressPlan,
  nick: string,
  keys: readonly AccountPublicKey[],
): Promise<Account> {
  const { random, nowMs, policy: { defaultPlan: plan } } = context;
  const clientId = await drawId(random, async (id) => await transaction.account(id) !== null);
  const virtualAddress = await drawAddress(addresses.pool, addressUse(transaction, addresses, nowMs), random);
  if (virtualAddress === null) throw new RefusedError("limitReached");
  const account = { clientId, virtualAddress, nick, plan, createdAtMs: nowMs };
  await transaction.insertAccount(account, keys.map((key) => accountKey(clientId, key)));
  return account;
}

function addressUse(transaction: StoreTransaction, { pool }: AddressPlan, nowMs: number) {
  const freedAfterMs = nowMs - ADDRESS_REST_MS;
  const last = pool.base + 2 ** (32 - pool.bits) - 1;
  return {
    isTaken: (virtualAddress: number) => transaction.isAddressTaken(virtualAddress, freedAfterMs),
    taken: () => transaction.takenAddresses(pool.base, last, freedAfterMs),
  };
}

/** Deletes an account; its address rests. @throws {RefusedError} `isOwner` while it owns a network */
export async function removeAccount(
  transaction: StoreTransaction,
  context: RegistryContext,
  clientId: number,
): Promise<void> {
  const account = await requireAccount(transaction, clientId);
  for (const { networkId } of await transaction.membershipsOf(clientId)) {
    const network = await transaction.network(networkId);
    if (network?.ownerClientId === clientId) throw new RefusedError("isOwner");
  }
  await transaction.deleteAccount(account, context.nowMs);
}

/** Gives the account one more key. @throws {RefusedError} `notPermitted` when it is another's, or one of its kind is there */
export async function addKey(transaction: StoreTransaction, clientId: number, key: AccountPublicKey): Promise<void> {
  const known = await transaction.key(fingerprintOf(key));
  if (known?.clientId === clientId) return;
  const own = await transaction.keysOf(clientId);
  if (known !== null || own.some(({ kind }) => kind === key.kind)) throw new RefusedError("notPermitted");
  await transaction.insertKey(accountKey(clientId, key));
}

function accountKey(clientId: number, key: AccountPublicKey): AccountKey {
  return { clientId, kind: key.kind, publicKey: key.publicKey, fingerprint: fingerprintOf(key) };
}

/** Gives the account another nick. @throws {RefusedError} `invalidName` */
export async function setNick(transaction: StoreTransaction, clientId: number, nick: string): Promise<Account> {
  if (!isNick(nick)) throw new RefusedError("invalidName");
  const account = { ...await requireAccount(transaction, clientId), nick };
  await transaction.updateAccount(account);
  return account;
}

/** What a client says of a network it wants to make. */
export interface NewNetwork {
  /** See `isNetworkName`. */
  name: string;
  /** Who is connected to whom. */
  kind: NetworkKind;
  /** See `joinVerifierOf`. */
  joinVerifier: Uint8Array | null;
}

/**
 * Makes a network with its owner as first member, and as its first hub where it has hubs.
 *
 * @throws {RefusedError} `invalidName`, and see `decideCreate`
 */
export async function createNetwork(
  transaction: StoreTransaction,
  context: RegistryContext,
  ownerClientId: number,
  wanted: NewNetwork,
): Promise<Network> {
  if (!isNetworkName(wanted.name)) throw new RefusedError("invalidName");
  const { plan } = await requireAccount(transaction, ownerClientId);
  const facts = { isNameTaken: await transaction.isNameTaken(wanted.name), hasPassword: wanted.joinVerifier !== null };
  const networkCount = (await transaction.membershipsOf(ownerClientId)).length;
  decideCreate(facts, { plan, networkCount }, context.policy);
  const network: Network = {
    ...wanted,
    networkId: await drawId(context.random, async (id) => await transaction.network(id) !== null),
    ownerClientId,
    ownerPlan: plan,
    sealing: new Uint8Array(),
    welcome: "",
    isLocked: false,
    allowsPlain: false,
    approval: "auto",
    capacity: MAX_COUNT.members,
    createdAtMs: context.nowMs,
  };
  await transaction.insertNetwork(network);
  const isHub = network.kind === "hub-and-spoke";
  await transaction.putMembership({ ...newMembership(context, network, ownerClientId, "member"), isHub });
  return network;
}

/** Makes the client a member, or one that waits for approval. @throws {RefusedError} see `decideJoin` */
export async function joinNetwork(
  transaction: StoreTransaction,
  context: RegistryContext,
  clientId: number,
  name: string,
  joinVerifier: Uint8Array | null,
): Promise<{ network: Network; membership: Membership }> {
  const applicant = await readApplicant(transaction, clientId, await transaction.networkByName(name));
  const { network, status } = decideJoin(applicant, joinVerifier, context);
  const membership = newMembership(context, network, clientId, status);
  await transaction.putMembership(membership);
  return { network, membership };
}

/** Everything on which a wish to join depends. No network has the id 0: what is looked up for it costs the same. */
export async function readApplicant(
  transaction: StoreTransaction,
  clientId: number,
  network: Network | null,
): Promise<Applicant> {
  const networkId = network?.networkId ?? 0;
  const fingerprints = (await transaction.keysOf(clientId)).map(({ fingerprint }) => fingerprint);
  return {
    network,
    membership: await transaction.membership(networkId, clientId),
    ban: await transaction.ban(networkId, clientId, fingerprints),
    memberCount: await transaction.countMembers(networkId),
    networkCount: (await transaction.membershipsOf(clientId)).length,
    plan: (await requireAccount(transaction, clientId)).plan,
  };
}

/** How a membership begins. */
export function newMembership(
  { nowMs }: RegistryContext,
  { networkId }: Network,
  clientId: number,
  status: Membership["status"],
): Membership {
  return { networkId, clientId, status, isOnline: true, joinedAtMs: nowMs, privileges: 0, isHub: false, toldAtMs: 0 };
}

/** Ends a membership. @throws {RefusedError} `networkNotFound`, `isOwner` */
export async function leaveNetwork(
  transaction: StoreTransaction,
  account: Account,
  networkId: number,
): Promise<{ network: Network; membership: Membership }> {
  const { network, membership } = await ownMembership(transaction, account.clientId, networkId);
  decideLeave(network, account);
  await transaction.deleteMembership(networkId, account.clientId);
  return { network, membership };
}

/** Deletes a network. @returns the ids of all its members. @throws {RefusedError} `networkNotFound`, `notPermitted` */
export async function deleteNetwork(
  transaction: StoreTransaction,
  account: Account,
  networkId: number,
): Promise<number[]> {
  const { network } = await ownMembership(transaction, account.clientId, networkId);
  decideDelete(network, account);
  const members = await transaction.membersOf(networkId);
  await transaction.deleteNetwork(networkId);
  return members.map(({ clientId }) => clientId);
}

/** Shows the client online or offline in a network. @throws {RefusedError} `networkNotFound` */
export async function setOnline(
  transaction: StoreTransaction,
  clientId: number,
  networkId: number,
  isOnline: boolean,
): Promise<{ network: Network; membership: Membership }> {
  const { network, membership } = await ownMembership(transaction, clientId, networkId);
  const changed = { ...membership, isOnline };
  await transaction.putMembership(changed);
  return { network, membership: changed };
}

/** A network and one's membership in it. @throws {RefusedError} `networkNotFound` where either is missing */
export async function ownMembership(
  transaction: StoreTransaction,
  clientId: number,
  networkId: number,
): Promise<{ network: Network; membership: Membership }> {
  return requireMember(await transaction.network(networkId), await transaction.membership(networkId, clientId));
}

/** Whether a network connects both: strangers learn nothing of each other. */
export async function shareNetwork(transaction: StoreTransaction, clientId: number, otherId: number): Promise<boolean> {
  return (await connectingMemberships(transaction, clientId, otherId)).length > 0;
}

/** Of both clients the memberships in each network of which they are full members and which connects them. */
export async function connectingMemberships(
  transaction: StoreTransaction,
  clientId: number,
  otherId: number,
): Promise<[Membership, Membership][]> {
  if (clientId === otherId) return [];
  const full = async (id: number) => (await transaction.membershipsOf(id)).filter(({ status }) => status === "member");
  const others = new Map((await full(otherId)).map((each) => [each.networkId, each]));
  const found: [Membership, Membership][] = [];
  for (const own of await full(clientId)) {
    const other = others.get(own.networkId);
    const network = other === undefined ? null : await transaction.network(own.networkId);
    if (other !== undefined && network !== null && areConnected(network, own, other)) found.push([own, other]);
  }
  return found;
}

/** By client id. @throws {RefusedError} `peerNotFound` */
export async function requireAccount(transaction: StoreTransaction, clientId: number): Promise<Account> {
  const account = await transaction.account(clientId);
  if (account === null) throw new RefusedError("peerNotFound");
  return account;
}

/** A number from 1 to 999,999,999 that `isTaken` does not know. */
async function drawId(random: Random, isTaken: (id: number) => Promise<boolean>): Promise<number> {
  for (let draw = 0; draw < MAX_ID_DRAWS; draw++) {
    const id = 1 + random.below(ID_END - 1);
    if (!await isTaken(id)) return id;
  }
  throw new Error("Cannot draw a free id: every one drawn was taken");
}
