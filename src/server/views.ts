/**
 * Records of networks and members as the wire tells them (PROTOCOL.md section 6.2).
 *
 * @module
 */
import {
  type ControlMessageOf,
  type Member as MemberRecord,
  MEMBER_ROLE,
  MEMBER_STATUS,
  MEMBERSHIP,
  NETWORK_FLAG,
  NETWORK_KIND,
  type NetworkHead,
} from "../protocol/mod.ts";
import { type ServerPolicy, subscriptionOf } from "./plans.ts";
import { areConnected, capacityOf, isOwner, privilegesOf } from "./powers.ts";
import type { Account, Member, Membership, Network, PlanName } from "./store.ts";

/** Whether a client is online in a network, as `Presence` knows it. */
export type IsOnline = (clientId: number, networkId: number) => boolean;

/** A network as one of its members sees it. `plan`: that member's. */
export function headOf(network: Network, membership: Membership, plan: PlanName, policy: ServerPolicy): NetworkHead {
  return {
    networkId: network.networkId,
    name: network.name,
    kind: network.kind === "mesh" ? NETWORK_KIND.mesh : NETWORK_KIND.hubAndSpoke,
    flags: (network.isLocked ? NETWORK_FLAG.locked : 0) |
      (network.approval === "manual" ? NETWORK_FLAG.manualApproval : 0) |
      (network.joinVerifier === null ? 0 : NETWORK_FLAG.hasPassword) |
      (mayGoPlain(network, plan, policy) ? NETWORK_FLAG.plainTunnelsAllowed : 0),
    capacity: capacityOf(network, policy),
    owner: network.ownerClientId,
    membership: membership.status === "member" ? MEMBERSHIP.member : MEMBERSHIP.awaitingApproval,
    online: membership.isOnline,
    privileges: privilegesOf(network, membership),
    subscription: subscriptionOf(policy, network.ownerPlan),
  };
}

/** Whoever is not told so asks no peer for it, so that both ends of a plain tunnel have the right (S100). */
function mayGoPlain({ allowsPlain, ownerPlan }: Network, plan: PlanName, policy: ServerPolicy): boolean {
  return allowsPlain && policy.plans[ownerPlan].plainTunnels && policy.plans[plan].plainTunnels;
}

/** A member as the other members see it. */
export function memberRecord(
  network: Network,
  membership: Membership,
  account: Account,
  isOnline: IsOnline,
): MemberRecord {
  return {
    clientId: account.clientId,
    address: account.virtualAddress,
    nick: account.nick,
    status: statusOf(membership, isOnline),
    role: roleOf(network, membership),
  };
}

/** The first that applies. */
function roleOf(network: Network, membership: Membership): number {
  if (isOwner(network, membership)) return MEMBER_ROLE.owner;
  if (membership.isHub) return MEMBER_ROLE.hub;
  return membership.privileges !== 0 ? MEMBER_ROLE.administrator : MEMBER_ROLE.member;
}

function statusOf(membership: Membership, isOnline: IsOnline): number {
  if (membership.status === "pending") return MEMBER_STATUS.awaitingApproval;
  return isOnline(membership.clientId, membership.networkId) ? MEMBER_STATUS.online : MEMBER_STATUS.offline;
}

/**
 * NETWORK for one of its members: whole, itself included; but who awaits approval sees no members yet (S87), and a spoke sees
 * hubs only.
 */
export function networkMessage(
  network: Network,
  membership: Membership,
  members: readonly Member[],
  isOnline: IsOnline,
  { plan, policy }: { plan: PlanName; policy: ServerPolicy },
): ControlMessageOf<"network"> {
  const visible = membership.status === "member"
    ? members.filter((each) => each.clientId === membership.clientId || areConnected(network, membership, each))
    : [];
  return {
    type: "network",
    requestId: 0,
    head: headOf(network, membership, plan, policy),
    members: visible.map((member) => memberRecord(network, member, member.account, isOnline)),
  };
}
