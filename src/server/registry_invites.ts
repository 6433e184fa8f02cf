/**
 * Invites to networks: each function is one change within a transaction that its caller began, checks included. A refusal is
 * thrown, which undoes the transaction, so that a refused join uses nothing up.
 *
 * @module
 */
import { sha256 } from "../crypto/hash.ts";
import { alreadyIn, decideAdmission } from "./policy.ts";
import { MAX_INVITES } from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import { newMembership, ownMembership, readApplicant, type RegistryContext } from "./registry.ts";
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
  if (await transaction.countInvites(networkId) >= MAX_INVITES) throw new RefusedError("limitReached");
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

function isGood({ usesLeft, expiresAtMs }: Invite, nowMs: number): boolean {
  return usesLeft > 0 && (expiresAtMs === 0 || expiresAtMs > nowMs);
}
