/**
 * What owners and administrators do: each function is one change within a transaction that its caller began, with the check
 * of the right to it. A refusal is thrown, which undoes the transaction.
 *
 * @module
 */
import { utf8 } from "../base/bytes.ts";
import {
  ALL_PRIVILEGES,
  capacityOf,
  isInForce,
  isOwner,
  MAX_BANS,
  type Place,
  type Power,
  requireBelow,
  requireFeature,
  requirePower,
} from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import { ownMembership, type RegistryContext, requireAccount } from "./registry.ts";
import type { Announcement, Approval, Ban, Membership, Network, StoreTransaction } from "./store.ts";

/** Announcements that a network keeps for members that are away. */
const MAX_KEPT_ANNOUNCEMENTS = 16;

/** So long they are kept. */
const ANNOUNCEMENT_LIFE_MS = 30 * 24 * 3600 * 1000;

/** Bytes of a ban's reason that are kept. */
const MAX_REASON_LENGTH = 96;

/** Who does what, where. */
export interface Deed {
  /** Whoever asks. */
  clientId: number;
  /** Where. */
  networkId: number;
}

/** A deed done to a member, or to somebody who might become one. */
export interface DeedToMember extends Deed {
  /** The other's client id. */
  targetId: number;
}

/**
 * The place of whoever asks, if it has the power there.
 *
 * @throws {RefusedError} `networkNotFound` for strangers, `notPermitted`
 */
export async function placeWithPower(
  transaction: StoreTransaction,
  { policy }: RegistryContext,
  { clientId, networkId }: Deed,
  power: Power,
): Promise<Place> {
  const { network, membership } = await ownMembership(transaction, clientId, networkId);
  const place = { network, membership, account: await requireAccount(transaction, clientId) };
  requirePower(place, power, policy);
  return place;
}

/** Changes what members must know; they stay members. `sealing`: see PROTOCOL.md section 7. @throws {RefusedError} */
export async function setPassword(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
  { joinVerifier, sealing }: Pick<Network, "joinVerifier" | "sealing">,
): Promise<Network> {
  const place = await placeWithPower(transaction, context, deed, "setPassword");
  if (joinVerifier === null) requireFeature(place, "passwordlessNetworks", context.policy);
  // Whoever changes who may come in does not expect links of before to open the door.
  await transaction.deleteInvites(deed.networkId);
  return await update(transaction, { ...place.network, joinVerifier, sealing });
}

/** Changes who may join; null = as it is. @throws {RefusedError} */
export async function setAccess(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
  { isLocked, approval }: { isLocked: boolean | null; approval: Approval | null },
): Promise<Network> {
  const place = await placeWithPower(transaction, context, deed, "changeAccess");
  const { network } = place;
  if (isLocked === true) requireFeature(place, "lockNetworks", context.policy);
  if (approval === "manual") requireFeature(place, "approveMembers", context.policy);
  return await update(transaction, {
    ...network,
    isLocked: isLocked ?? network.isLocked,
    approval: approval ?? network.approval,
  });
}

/** Lets tunnels of members go without encryption, or not; the owner's word alone. @throws {RefusedError} */
export async function setPlain(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
  allowsPlain: boolean,
): Promise<Network> {
  const place = await placeWithPower(transaction, context, deed, "own");
  if (allowsPlain) requireFeature(place, "plainTunnels", context.policy);
  return await update(transaction, { ...place.network, allowsPlain });
}

async function update(transaction: StoreTransaction, network: Network): Promise<Network> {
  await transaction.updateNetwork(network);
  return network;
}

/** Lets in who waits for it. @throws {RefusedError} `notAwaitingApproval` */
export async function approve(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<Place> {
  const target = await pendingTarget(transaction, context, deed);
  const membership: Membership = { ...target.membership, status: "member" };
  await transaction.putMembership(membership);
  return { ...target, membership };
}

/** Sends away who waits. @throws {RefusedError} `notAwaitingApproval` */
export async function reject(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<Place> {
  const target = await pendingTarget(transaction, context, deed);
  await transaction.deleteMembership(deed.networkId, deed.targetId);
  return target;
}

async function pendingTarget(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<Place> {
  const { network } = await placeWithPower(transaction, context, deed, "approve");
  const target = await requireTarget(transaction, network, deed.targetId);
  if (target.membership.status !== "pending") throw new RefusedError("notAwaitingApproval");
  return target;
}

/** @throws {RefusedError} `peerNotFound` */
async function requireTarget(transaction: StoreTransaction, network: Network, clientId: number): Promise<Place> {
  const membership = await transaction.membership(network.networkId, clientId);
  if (membership === null) throw new RefusedError("peerNotFound");
  return { network, membership, account: await requireAccount(transaction, clientId) };
}

/** Ends a membership; the one it was of may join again (S88). @throws {RefusedError} */
export async function evict(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<Place> {
  const place = await placeWithPower(transaction, context, deed, "evict");
  const target = await requireTarget(transaction, place.network, deed.targetId);
  requireBelow(place, target.membership);
  await transaction.deleteMembership(deed.networkId, deed.targetId);
  return target;
}

/**
 * Keeps an account out, by its id and by every key it has now, and ends its membership (S89). Whether there is an account of
 * this id makes no difference to whoever asks.
 *
 * @param untilMs 0 = for good
 * @returns its former place, null when it was no member
 * @throws {RefusedError} `limitReached` at {@linkcode MAX_BANS}
 */
export async function ban(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
  { untilMs, reason }: Pick<Ban, "untilMs" | "reason">,
): Promise<Place | null> {
  const { networkId, targetId } = deed;
  const place = await placeWithPower(transaction, context, deed, "ban");
  requireFeature(place, "banMembers", context.policy);
  const membership = await transaction.membership(networkId, targetId);
  requireBelow(place, membership ?? { clientId: targetId, privileges: 0 });
  if (untilMs !== 0 && untilMs <= context.nowMs) throw new RefusedError("notUnderstood");
  await requireRoomForBan(transaction, context, deed);
  const account = await transaction.account(targetId);
  const keys = account === null ? [] : await transaction.keysOf(targetId);
  const nick = account?.nick ?? "";
  await transaction.putBan(
    { networkId, clientId: targetId, nick, bannedAtMs: context.nowMs, untilMs, reason: shortened(reason) },
    keys.map(({ fingerprint }) => fingerprint),
  );
  await transaction.deleteMembership(networkId, targetId);
  return membership === null ? null : { network: place.network, membership, account: account! };
}

/** Forgets bans that have ended, so that they take no room. */
async function requireRoomForBan(
  transaction: StoreTransaction,
  { nowMs }: RegistryContext,
  { networkId, targetId }: DeedToMember,
): Promise<void> {
  const bans = await transaction.bansOf(networkId);
  for (const { clientId } of bans.filter((each) => !isInForce(each, nowMs))) {
    await transaction.deleteBan(networkId, clientId);
  }
  const count = bans.filter((each) => isInForce(each, nowMs) && each.clientId !== targetId).length;
  if (count >= MAX_BANS) throw new RefusedError("limitReached");
}

/** Whole characters. */
function shortened(reason: string): string {
  let kept = "";
  for (const character of reason) {
    if (utf8(kept + character).length > MAX_REASON_LENGTH) break;
    kept += character;
  }
  return kept;
}

/** Ends a ban. @throws {RefusedError} `peerNotFound` when there is none */
export async function unban(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<void> {
  await placeWithPower(transaction, context, deed, "ban");
  if (!await transaction.deleteBan(deed.networkId, deed.targetId)) throw new RefusedError("peerNotFound");
}

/** The bans in force. @throws {RefusedError} */
export async function listBans(transaction: StoreTransaction, context: RegistryContext, deed: Deed): Promise<Ban[]> {
  await placeWithPower(transaction, context, deed, "ban");
  return (await transaction.bansOf(deed.networkId)).filter((each) => isInForce(each, context.nowMs));
}

/** Makes a full member an administrator, or none (`privileges` 0). @throws {RefusedError} */
export async function setAdmin(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
  privileges: number,
): Promise<Place> {
  const { place, target } = await ownersTarget(transaction, context, deed);
  if ((privileges & ~ALL_PRIVILEGES) !== 0) throw new RefusedError("notUnderstood");
  if (privileges !== 0) {
    requireFeature(place, "administrators", context.policy);
    if (!context.policy.plans[target.account.plan].administrators) {
      throw new RefusedError("notPermitted", "The member's own plan does not let it be an administrator.");
    }
  }
  return await changeMember(transaction, target, { privileges });
}

/** Connects a full member of a hub-and-spoke network to everybody, or to hubs only. @throws {RefusedError} */
export async function setHub(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
  isHub: boolean,
): Promise<Place> {
  const { place, target } = await ownersTarget(transaction, context, deed);
  if (place.network.kind !== "hub-and-spoke") throw new RefusedError("notPermitted", "This network has no hubs.");
  return await changeMember(transaction, target, { isHub });
}

/**
 * Hands a network on to a full member, which becomes a hub where there are hubs; the former owner stays as a member without
 * privileges.
 *
 * @throws {RefusedError} `limitReached` when the network is larger than the other's plan allows
 */
export async function handOver(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<{ former: Place; owner: Place }> {
  const { place, target } = await ownersTarget(transaction, context, deed);
  const { clientId: ownerClientId, plan: ownerPlan } = target.account;
  const network: Network = { ...place.network, ownerClientId, ownerPlan };
  if (await transaction.countMembers(deed.networkId) > capacityOf(network, context.policy)) {
    throw new RefusedError("limitReached");
  }
  await transaction.updateNetwork(network);
  const isHub = network.kind === "hub-and-spoke";
  const owner = await changeMember(transaction, { ...target, network }, { privileges: 0, isHub });
  return { former: { ...place, network }, owner };
}

async function ownersTarget(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: DeedToMember,
): Promise<{ place: Place; target: Place }> {
  const place = await placeWithPower(transaction, context, deed, "own");
  const target = await requireTarget(transaction, place.network, deed.targetId);
  if (isOwner(place.network, target.membership)) throw new RefusedError("isOwner");
  if (target.membership.status !== "member") throw new RefusedError("notPermitted", "It waits for approval.");
  return { place, target };
}

async function changeMember(
  transaction: StoreTransaction,
  target: Place,
  change: Partial<Pick<Membership, "privileges" | "isHub">>,
): Promise<Place> {
  const membership = { ...target.membership, ...change };
  await transaction.putMembership(membership);
  return { ...target, membership };
}

/** Sets what members are told at their first connection; empty = nothing. @throws {RefusedError} */
export async function setWelcome(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
  welcome: string,
): Promise<void> {
  const place = await placeWithPower(transaction, context, deed, "messages");
  if (welcome !== "") requireFeature(place, "networkMessages", context.policy);
  await transaction.updateNetwork({ ...place.network, welcome });
}

/** Tells all members something: now, or at their next login. @throws {RefusedError} */
export async function announce(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
  message: string,
): Promise<Announcement> {
  const { clientId, networkId } = deed;
  const place = await placeWithPower(transaction, context, deed, "messages");
  requireFeature(place, "networkMessages", context.policy);
  const kept = await transaction.announcementsOf(networkId, context.nowMs - ANNOUNCEMENT_LIFE_MS);
  const sentAtMs = Math.max(context.nowMs, (kept.at(-1)?.sentAtMs ?? 0) + 1);
  const announcement = { networkId, sentAtMs, clientId, message };
  const oldest = kept.at(-MAX_KEPT_ANNOUNCEMENTS);
  await transaction.deleteAnnouncements(networkId, oldest?.sentAtMs ?? context.nowMs - ANNOUNCEMENT_LIFE_MS);
  await transaction.insertAnnouncement(announcement);
  return announcement;
}

/**
 * What happened since a member's last login, the oldest first. What came in the meantime over the connection is in it too: the
 * server cannot know that it arrived, and a client knows what it has seen.
 */
export async function takeNews(
  transaction: StoreTransaction,
  { nowMs }: RegistryContext,
  { network, membership }: Omit<Place, "account">,
): Promise<{ isFirst: boolean; announcements: Announcement[] }> {
  const announcements = await transaction.announcementsOf(network.networkId, newsSince(membership));
  const toldAtMs = Math.max(nowMs, announcements.at(-1)?.sentAtMs ?? 0);
  await transaction.putMembership({ ...membership, toldAtMs });
  return { isFirst: membership.toldAtMs === 0, announcements };
}

/** Announcements after this instant are news to a member. */
export function newsSince({ joinedAtMs, toldAtMs }: Membership): number {
  return toldAtMs === 0 ? joinedAtMs : toldAtMs;
}
