/**
 * Who may do what: every decision about networks, without a database, a clock or a socket.
 *
 * A decider returns what shall happen or throws {@linkcode RefusedError}; its caller holds the transaction in which the
 * facts were read and the outcome is written, so that nothing changes in between.
 *
 * @module
 */
import { sha256 } from "../crypto/hash.ts";
import { equalSecret } from "../crypto/secret.ts";
import { MAX_COUNT, type RESULT_CODE } from "../protocol/mod.ts";
import type { Account, Membership, Network } from "./store.ts";

/** Why a request is refused: a code of RESULT (PROTOCOL.md section 6). */
export type Refusal = Exclude<keyof typeof RESULT_CODE, "ok">;

/** A request is refused; nothing was changed. */
export class RefusedError extends Error {
  /** Its kind. */
  override readonly name = "RefusedError";
  /** Why. */
  readonly refusal: Refusal;

  /** `refusal`: why. */
  constructor(refusal: Refusal) {
    super(`request refused: ${refusal}`);
    this.refusal = refusal;
  }
}

/** What a server allows. */
export interface Limits {
  /** Members of a network, its owner included (S83). */
  membersPerNetwork: number;
  /** Networks of an account, own ones included (S83). */
  networksPerAccount: number;
}

/** A self-hosted server gives everybody what Hamachi's best plan had. */
export const OPEN_LIMITS: Limits = { membersPerNetwork: MAX_COUNT.members, networksPerAccount: MAX_COUNT.networks };

/** What stands for a password where there is none, so that every comparison does the same work. */
const NO_VERIFIER = new Uint8Array(32);

/** What the server keeps of a password: SHA-256 of the secret that the client derived from it; null = no password. */
export function joinVerifierOf(hasPassword: boolean, joinSecret: Uint8Array): Uint8Array | null {
  const verifier = sha256(joinSecret);
  return hasPassword ? verifier : null;
}

/**
 * What comes of a wish to join.
 *
 * An unknown network and a wrong password are the same to whoever asks: same refusal, same work.
 *
 * @param network null = there is none of this name
 * @param verifier see {@linkcode joinVerifierOf}
 * @param membership that of the one who asks, if any
 */
export function decideJoin(
  network: Network | null,
  verifier: Uint8Array | null,
  membership: Membership | null,
  counts: { members: number; networks: number },
  limits: Limits,
): { network: Network; status: Membership["status"] } {
  const isRight = equalSecret(network?.joinVerifier ?? NO_VERIFIER, verifier ?? NO_VERIFIER);
  if (network !== null && membership !== null) {
    throw new RefusedError(network.ownerClientId === membership.clientId ? "isOwner" : "alreadyMember");
  }
  if (network === null || !isRight || (network.joinVerifier === null) !== (verifier === null)) {
    throw new RefusedError("invalidPassword");
  }
  if (network.isLocked) throw new RefusedError("networkLocked");
  if (counts.members >= Math.min(network.capacity, limits.membersPerNetwork)) throw new RefusedError("networkFull");
  if (counts.networks >= limits.networksPerAccount) throw new RefusedError("limitReached");
  return { network, status: network.approval === "manual" ? "pending" : "member" };
}

/** Whether `account` may make one more network. @throws {RefusedError} */
export function decideCreate(isNameTaken: boolean, networkCount: number, limits: Limits): void {
  if (isNameTaken) throw new RefusedError("nameTaken");
  if (networkCount >= limits.networksPerAccount) throw new RefusedError("limitReached");
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
