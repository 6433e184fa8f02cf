/**
 * Who may join, leave and make networks: decisions without a database, a clock or a socket.
 *
 * A decider returns what shall happen or throws {@linkcode RefusedError}; its caller holds the transaction in which the
 * facts were read and the outcome is written, so that nothing changes in between.
 *
 * @module
 */
import { sha256 } from "../crypto/hash.ts";
import { equalSecret } from "../crypto/secret.ts";
import type { ServerPolicy } from "./plans.ts";
import { capacityOf, describeBan, isInForce } from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import type { Account, Ban, Membership, Network, PlanName } from "./store.ts";

/** What stands for a password where there is none, so that every comparison does the same work. */
const NO_VERIFIER = new Uint8Array(32);

/** What the server keeps of a password: SHA-256 of the secret that the client derived from it; null = no password. */
export function joinVerifierOf(hasPassword: boolean, joinSecret: Uint8Array): Uint8Array | null {
  const verifier = sha256(joinSecret);
  return hasPassword ? verifier : null;
}

/** Somebody who wants to join, and what was found. */
export interface Applicant {
  /** Null = there is no network of this name. */
  network: Network | null;
  /** That of the one who asks, if any. */
  membership: Membership | null;
  /** Whether somebody keeps it out; in force or not. */
  ban: Ban | null;
  /** Members of the network. */
  memberCount: number;
  /** Networks of the one who asks. */
  networkCount: number;
  /** Plan of the one who asks. */
  plan: PlanName;
}

/**
 * What comes of a wish to join with a password.
 *
 * An unknown network and a wrong password are the same to whoever asks: same refusal, same work.
 *
 * @param verifier see {@linkcode joinVerifierOf}
 * @throws {RefusedError}
 */
export function decideJoin(
  applicant: Applicant,
  verifier: Uint8Array | null,
  terms: Terms,
): { network: Network; status: Membership["status"] } {
  const { network, membership } = applicant;
  const isRight = equalSecret(network?.joinVerifier ?? NO_VERIFIER, verifier ?? NO_VERIFIER);
  if (network === null || !isRight || (network.joinVerifier === null) !== (verifier === null)) {
    throw new RefusedError("invalidPassword");
  }
  // Only to whoever has the password: a member that has lost what it made of it learns so that it has the right one.
  if (membership !== null) throw alreadyIn(network, membership);
  return { network, status: decideAdmission({ ...applicant, network }, terms) };
}

/** What a decision depends on besides the facts. */
export interface Terms {
  /** What the server allows. */
  policy: ServerPolicy;
  /** Milliseconds since 1970, now. */
  nowMs: number;
}

/** What comes of a wish to join from somebody who has shown that it may know of the network. @throws {RefusedError} */
export function decideAdmission(
  applicant: Applicant & { network: Network },
  { policy, nowMs }: Terms,
): Membership["status"] {
  const { network, membership, ban } = applicant;
  if (membership !== null) throw alreadyIn(network, membership);
  if (ban !== null && isInForce(ban, nowMs)) throw new RefusedError("banned", describeBan(ban));
  if (network.isLocked) throw new RefusedError("networkLocked");
  if (applicant.memberCount >= capacityOf(network, policy)) throw new RefusedError("networkFull");
  if (applicant.networkCount >= policy.plans[applicant.plan].networksPerAccount) throw new RefusedError("limitReached");
  return network.approval === "manual" ? "pending" : "member";
}

/** The refusal for somebody who is in the network, or waits to be. */
export function alreadyIn(network: Network, { clientId }: Membership): RefusedError {
  return new RefusedError(network.ownerClientId === clientId ? "isOwner" : "alreadyMember");
}

/** Whether an account of this plan may make one more network, with a password or without. @throws {RefusedError} */
export function decideCreate(
  wanted: { isNameTaken: boolean; hasPassword: boolean },
  { plan, networkCount }: Pick<Applicant, "plan" | "networkCount">,
  policy: ServerPolicy,
): void {
  const limits = policy.plans[plan];
  if (wanted.isNameTaken) throw new RefusedError("nameTaken");
  if (networkCount >= limits.networksPerAccount) throw new RefusedError("limitReached");
  if (!wanted.hasPassword && !limits.passwordlessNetworks) {
    throw new RefusedError("notPermitted", "Your plan asks for a password.");
  }
}

/** A network and one's membership in it; to anybody else it does not exist. @throws {RefusedError} */
export function requireMember(
  network: Network | null,
  membership: Membership | null,
): { network: Network; membership: Membership } {
  if (network === null || membership === null) throw new RefusedError("networkNotFound");
  return { network, membership };
}

/** An owner deletes the network instead. @throws {RefusedError} */
export function decideLeave(network: Network, account: Account): void {
  if (network.ownerClientId === account.clientId) throw new RefusedError("isOwner");
}

/** Only the owner deletes. @throws {RefusedError} */
export function decideDelete(network: Network, account: Account): void {
  if (network.ownerClientId !== account.clientId) throw new RefusedError("notPermitted");
}
