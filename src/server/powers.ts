/**
 * Who may do what in a network (S84 to S99): pure decisions over facts that were read in the same transaction in which the
 * outcome is written.
 *
 * @module
 */
import { PRIVILEGE } from "../protocol/mod.ts";
import type { PlanLimits, ServerPolicy } from "./plans.ts";
import { RefusedError } from "./refusal.ts";
import type { Account, Ban, Membership, Network } from "./store.ts";

/** Every bit of `privileges` that has a meaning. */
export const ALL_PRIVILEGES: number = Object.values(PRIVILEGE).reduce((all, bit) => all | bit, 0);

/** Most invites of a network that are not over. */
export const MAX_INVITES = 64;

/** Most bans of a network; one answer tells them all. */
export const MAX_BANS = 256;

/** What needs more than being a member. `own` is for the owner alone. */
export type Power = keyof typeof PRIVILEGE | "own";

/** Somebody in a network. */
export interface Place {
  /** The network. */
  network: Network;
  /** Its membership there. */
  membership: Membership;
  /** Its account. */
  account: Account;
}

/** Whether this is the network's owner. */
export function isOwner(network: Network, { clientId }: { clientId: number }): boolean {
  return network.ownerClientId === clientId;
}

/** Whether `place` has a power: the owner has all; an administrator those it was given, while both plans allow it (S97). */
export function hasPower({ network, membership, account }: Place, power: Power, policy: ServerPolicy): boolean {
  if (isOwner(network, membership)) return true;
  if (power === "own" || membership.status !== "member") return false;
  const allowed = [network.ownerPlan, account.plan].every((plan) => policy.plans[plan].administrators);
  return allowed && (membership.privileges & PRIVILEGE[power]) !== 0;
}

/** Bits of `privileges` that a member has in effect. */
export function privilegesOf(network: Network, membership: Membership): number {
  return isOwner(network, membership) ? ALL_PRIVILEGES : membership.privileges;
}

/** Refuses whoever lacks a power. @throws {RefusedError} `notPermitted` */
export function requirePower(place: Place, power: Power, policy: ServerPolicy): void {
  if (!hasPower(place, power, policy)) throw new RefusedError("notPermitted");
}

/**
 * Nobody turns a power on the owner, on itself, or, unless it is the owner, on an administrator.
 *
 * @throws {RefusedError} `notPermitted`
 */
export function requireBelow(
  { network, membership }: Place,
  target: Pick<Membership, "clientId" | "privileges">,
): void {
  const isSelf = target.clientId === membership.clientId;
  const isEqual = target.privileges !== 0 && !isOwner(network, membership);
  if (isSelf || isEqual || isOwner(network, target)) throw new RefusedError("notPermitted");
}

/** Features of {@linkcode PlanLimits} that are there or not. */
export type Feature = { [K in keyof PlanLimits]: PlanLimits[K] extends boolean ? K : never }[keyof PlanLimits];

/** Refuses what the plan of the network's owner lacks. @throws {RefusedError} `notPermitted` */
export function requireFeature({ network }: Pick<Place, "network">, feature: Feature, policy: ServerPolicy): void {
  if (policy.plans[network.ownerPlan][feature]) return;
  throw new RefusedError("notPermitted", "The plan of the network's owner does not include this.");
}

/** Most members, by the network's own limit and its owner's plan. */
export function capacityOf(network: Network, policy: ServerPolicy): number {
  return Math.min(network.capacity, policy.plans[network.ownerPlan].membersPerNetwork);
}

/** Whether the network connects this member to every other one. */
export function isConnectedToAll(network: Pick<Network, "kind">, { isHub }: Pick<Membership, "isHub">): boolean {
  return network.kind === "mesh" || isHub;
}

/** Whether two members of a network may meet: spokes meet hubs only. */
export function areConnected(
  network: Pick<Network, "kind">,
  a: Pick<Membership, "isHub">,
  b: Pick<Membership, "isHub">,
): boolean {
  return isConnectedToAll(network, a) || isConnectedToAll(network, b);
}

/** Whether a ban still holds. */
export function isInForce({ untilMs }: Ban, nowMs: number): boolean {
  return untilMs === 0 || untilMs > nowMs;
}

/** A ban in words, for whom it keeps out. */
export function describeBan({ untilMs, reason }: Ban): string {
  const until = untilMs === 0 ? "" : ` until ${new Date(untilMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `You are banned${until}${reason === "" ? "." : `: ${reason}`}`;
}
