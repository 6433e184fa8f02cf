/**
 * Invites to networks: each function is one change within a transaction that its caller began, checks included. A refusal is
 * thrown, which undoes the transaction, so that a refused join uses nothing up.
 *
 * @module
 */
import { equalBytes } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { INVITE_ID_LENGTH } from "../protocol/mod.ts";
import { alreadyIn, decideAdmission } from "./policy.ts";
import { hasPower, MAX_INVITES } from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import { newMembership, ownMembership, readApplicant, type RegistryContext, requireAccount } from "./registry.ts";
import type { Deed } from "./registry_powers.ts";
import type { Invite, Membership, Network, StoreTransaction } from "./store.ts";

/**
 * Lets whoever knows a secret join. Any full member may, as it may pass a password on; its invites end with its membership.
 *
 * @param wanted `verifier`: SHA-256 of the secret; `expiresAtMs`: 0 = never
 * @throws {RefusedError} `networkNotFound` for strangers, `limitReached` at {@linkcode MAX_INVITES}
 */
export async function createInvite(
  transaction: StoreTransaction,
  { nowMs }: RegistryContext,
  { clientId, networkId }: Deed,
  wanted: Pick<Invite, "verifier" | "usesLeft" | "expiresAtMs">,
): Promise<void> {
  const { membership } = await ownMembership(transaction, clientId, networkId);
  if (membership.status !== "member") throw new RefusedError("notPermitted");
  const { verifier, usesLeft, expiresAtMs } = wanted;
  const isOver = expiresAtMs !== 0 && expiresAtMs <= nowMs;
  if (usesLeft === 0 || isOver) throw new RefusedError("notUnderstood");
  await transaction.deleteExpiredInvites(networkId, nowMs);
  if (await transaction.invite(networkId, verifier) !== null) throw new RefusedError("notPermitted");
  if ((await transaction.invitesOf(networkId)).length >= MAX_INVITES) throw new RefusedError("limitReached");
  await transaction.putInvite({ networkId, verifier, clientId, usesLeft, expiresAtMs });
}

/**
 * Makes the client a member by an invite, or one that waits for approval, and uses the invite once.
 *
 * An unknown network, a wrong secret, and an invite that is used up, over, or of somebody who is no member any more are the
 * same to whoever asks.
 *
 * @throws {RefusedError} `invalidPassword`; with a good invite what else keeps an applicant out, see `decideAdmission`
 */
export async function joinInvited(
  transaction: StoreTransaction,
  context: RegistryContext,
  { clientId, networkId }: Deed,
  secret: Uint8Array,
): Promise<{ network: Network; membership: Membership }> {
  const applicant = await readApplicant(transaction, clientId, await transaction.network(networkId));
  const invite = await transaction.invite(networkId, sha256(secret));
  const inviter = await transaction.membership(networkId, invite?.clientId ?? 0);
  const { network, membership: present } = applicant;
  if (network !== null && present !== null) throw alreadyIn(network, present);
  if (network === null || invite === null || inviter?.status !== "member" || !isGood(invite, context.nowMs)) {
    throw new RefusedError("invalidPassword");
  }
  const status = decideAdmission({ ...applicant, network }, context);
  await transaction.putInvite({ ...invite, usesLeft: invite.usesLeft - 1 });
  const membership = newMembership(context, network, clientId, status);
  await transaction.putMembership(membership);
  return { network, membership };
}

/**
 * The invites by which somebody may still join, those of others only for whoever could end them all by another password.
 *
 * @throws {RefusedError} `networkNotFound` for strangers
 */
export async function listInvites(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
): Promise<Invite[]> {
  const seesAll = await mayEndAll(transaction, context, deed);
  const invites = await transaction.invitesOf(deed.networkId);
  return invites.filter((invite) => isGood(invite, context.nowMs) && (seesAll || invite.clientId === deed.clientId));
}

/**
 * Ends an invite before its time: one's own, or any for whoever could end them all by another password.
 *
 * @param inviteId see {@linkcode inviteIdOf}
 * @throws {RefusedError} `networkNotFound` for strangers; `invalidPassword` when there is none of that id, or it is another's
 */
export async function revokeInvite(
  transaction: StoreTransaction,
  context: RegistryContext,
  deed: Deed,
  inviteId: Uint8Array,
): Promise<void> {
  const seen = await listInvites(transaction, context, deed);
  const invite = seen.find((each) => equalBytes(inviteIdOf(each), inviteId));
  if (invite === undefined) throw new RefusedError("invalidPassword");
  await transaction.putInvite({ ...invite, usesLeft: 0 });
}

/** By what it is known: 8 bytes that tell nothing of its secret. */
export function inviteIdOf({ verifier }: Invite): Uint8Array {
  return verifier.subarray(0, INVITE_ID_LENGTH);
}

async function mayEndAll(
  transaction: StoreTransaction,
  { policy }: RegistryContext,
  { clientId, networkId }: Deed,
): Promise<boolean> {
  const { network, membership } = await ownMembership(transaction, clientId, networkId);
  const account = await requireAccount(transaction, clientId);
  return hasPower({ network, membership, account }, "setPassword", policy);
}

function isGood({ usesLeft, expiresAtMs }: Invite, nowMs: number): boolean {
  return usesLeft > 0 && (expiresAtMs === 0 || expiresAtMs > nowMs);
}
