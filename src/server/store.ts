/**
 * What the server remembers, and the promises of whatever keeps it.
 *
 * The interface is the whole of the server's truth: accounts, their keys, networks, members, addresses. It is shaped as
 * transactions, so that a check and its use are one, and says nothing of SQL, so that another database can stand behind it.
 *
 * @module
 */
import type { AddressPlan } from "./address_pool.ts";

/** Plans an account may have (S81); what one allows is the policy's. */
export type PlanName = "free" | "premium";

/** How a client proves who it is: `ed25519` in suite 2, `ssh-rsa` in suite 1. */
export type KeyKind = "ed25519" | "ssh-rsa";

/** A client as the server knows it. */
export interface Account {
  /** 1 to 999,999,999, shown as `ddd-ddd-ddd`. */
  clientId: number;
  /** Overlay IPv4 address, its own for life (S12). */
  virtualAddress: number;
  /** May be empty. */
  nick: string;
  /** What the policy of the server gives it. */
  plan: PlanName;
  /** When it was registered. */
  createdAtMs: number;
}

/** A public key of an account. A key belongs to one account, an account has one key of a kind. */
export interface AccountKey {
  /** Whose it is. */
  clientId: number;
  /** What `publicKey` holds. */
  kind: KeyKind;
  /** Ed25519: 32 bytes. RSA: the OpenSSH `ssh-rsa` blob. */
  publicKey: Uint8Array;
  /** SHA-256 of `publicKey`. */
  fingerprint: Uint8Array;
}

/** Who is connected to whom. */
export type NetworkKind = "mesh" | "hub-and-spoke";

/** Whether a new member is let in at once or waits for the owner (S87). */
export type Approval = "auto" | "manual";

/** A network. */
export interface Network {
  /** 1 to 999,999,999. */
  networkId: number;
  /** As typed when it was made, see `isNetworkName`. */
  name: string;
  /** Who is connected to whom. */
  kind: NetworkKind;
  /** The client that made it, or to which it was handed on; always a member. */
  ownerClientId: number;
  /** Plan of that client's account, read with the network. */
  ownerPlan: PlanName;
  /** SHA-256 of the secret that a client derives from the password; null = no password. */
  joinVerifier: Uint8Array | null;
  /** What its members made of an earlier password's secret (PROTOCOL.md section 7); opaque here, empty at first. */
  sealing: Uint8Array;
  /** What a member is told at its first connection (S98); empty = nothing. */
  welcome: string;
  /** Whether it takes no new members (S86). */
  isLocked: boolean;
  /** What a join leads to. */
  approval: Approval;
  /** Whether tunnels of its members may go without encryption where both ends want it (S100). */
  allowsPlain: boolean;
  /** Most members, the owner and pending ones included. */
  capacity: number;
  /** When it was made. */
  createdAtMs: number;
}

/** A client within a network. */
export interface Membership {
  /** The network. */
  networkId: number;
  /** The client. */
  clientId: number;
  /** `pending` = asked to join, not approved yet. */
  status: "member" | "pending";
  /** Whether the member wants to be seen and reached in it (`go-online`, `go-offline`). */
  isOnline: boolean;
  /** When it joined, or asked to. */
  joinedAtMs: number;
  /** What the owner lets it do, as bits of the protocol's `privileges`; 0 = no administrator (S90). */
  privileges: number;
  /** Whether a hub-and-spoke network connects it to everybody. */
  isHub: boolean;
  /** When it logged in last and was told the news; 0 = not since it joined. */
  toldAtMs: number;
}

/** Somebody who may not join a network (S89). */
export interface Ban {
  /** The network. */
  networkId: number;
  /** The account, by whatever keys: it need not exist any more. */
  clientId: number;
  /** Its nickname when it was banned, for those who read the list. */
  nick: string;
  /** When it was banned. */
  bannedAtMs: number;
  /** When the ban ends; 0 = never. */
  untilMs: number;
  /** Why; empty = not said. */
  reason: string;
}

/** What an administrator told all members (S99). */
export interface Announcement {
  /** The network. */
  networkId: number;
  /** When; no two of a network have the same instant. */
  sentAtMs: number;
  /** Who. */
  clientId: number;
  /** What. */
  message: string;
}

/** A secret by which others may join a network. */
export interface Invite {
  /** The network. */
  networkId: number;
  /** SHA-256 of the secret. */
  verifier: Uint8Array;
  /** The member that made it. */
  clientId: number;
  /** How often it may still be used. */
  usesLeft: number;
  /** When it ends; 0 = never. */
  expiresAtMs: number;
}

/** A message that waits for its receiver (S102); only the receiver can read it. */
export interface StoredMessage {
  /** Who is to get it. */
  receiverId: number;
  /** When it was taken; no two of a receiver have the same instant. */
  sentAtMs: number;
  /** Who sent it. */
  senderId: number;
  /** 16 bytes, chosen by the sender. */
  messageId: Uint8Array;
  /** The network it was written to; 0 = to the receiver alone. */
  networkId: number;
  /** PROTOCOL.md section 15.2. */
  sealed: Uint8Array;
}

/** A membership with its account, as lists show it. */
export interface Member extends Membership {
  /** The account of `clientId`. */
  account: Account;
}

/** What a request that changed something was answered, so that its repetition gets the same answer and changes nothing. */
export interface Answer {
  /** Who asked. */
  clientId: number;
  /** 8 bytes, chosen by the client. */
  operation: Uint8Array;
  /** The encoded answer. */
  answer: Uint8Array;
  /** When it was given. */
  givenAtMs: number;
}

/**
 * One transaction. Its methods are called one after another, each awaited; nothing else is awaited in between, for others
 * wait meanwhile. A row whose checksum fails is never handed out: a look-up of one throws {@linkcode DamagedRowError}, a
 * list leaves it out and tells the store's owner.
 */
export interface StoreTransaction {
  /** By client id. */
  account(clientId: number): Promise<Account | null>;
  /** By virtual address. */
  accountByAddress(virtualAddress: number): Promise<Account | null>;
  /** Adds an account and its keys; its address no longer rests. */
  insertAccount(account: Account, keys: readonly AccountKey[]): Promise<void>;
  /** Replaces the account of this client id. */
  updateAccount(account: Account): Promise<void>;
  /** Whether there is any. */
  hasAccounts(): Promise<boolean>;
  /** With its keys, memberships and answers; its address is marked as freed. It must not own a network. */
  deleteAccount(account: Account, freedAtMs: number): Promise<void>;
  /** By SHA-256 of the public key. */
  key(fingerprint: Uint8Array): Promise<AccountKey | null>;
  /** In order of their kinds. */
  keysOf(clientId: number): Promise<AccountKey[]>;
  /** Adds a key; one that is known, or of a kind the account has, is an error. */
  insertKey(key: AccountKey): Promise<void>;

  /** Whether an address has an account or was freed after `freedAfterMs`. */
  isAddressTaken(virtualAddress: number, freedAfterMs: number): Promise<boolean>;
  /** All such addresses from `first` to `last`. */
  takenAddresses(first: number, last: number, freedAfterMs: number): Promise<ReadonlySet<number>>;
  /** What addresses are handed out from; null in a store just made. */
  addressPlan(): Promise<AddressPlan | null>;
  /** Replaces it. */
  setAddressPlan(plan: AddressPlan): Promise<void>;

  /** By network id. */
  network(networkId: number): Promise<Network | null>;
  /** By its name key (PROTOCOL.md section 6). */
  networkByName(name: string): Promise<Network | null>;
  /** Whether a network exists that a reader may take for `name`, see `compareKeyOf`. */
  isNameTaken(name: string): Promise<boolean>;
  /** Adds a network; its owner's membership is a row of its own. */
  insertNetwork(network: Network): Promise<void>;
  /** Replaces the network of this id; `ownerPlan` is not part of it. */
  updateNetwork(network: Network): Promise<void>;
  /** With its memberships, bans and announcements. */
  deleteNetwork(networkId: number): Promise<void>;

  /** One member, pending or not. */
  membership(networkId: number, clientId: number): Promise<Membership | null>;
  /** All of them, pending ones included, the oldest first. */
  membersOf(networkId: number): Promise<Member[]>;
  /** How many `membersOf` has, and damaged ones. */
  countMembers(networkId: number): Promise<number>;
  /** In order of network ids. */
  membershipsOf(clientId: number): Promise<Membership[]>;
  /** Adds a membership or replaces it. */
  putMembership(membership: Membership): Promise<void>;
  /** Removes it if it is there. */
  deleteMembership(networkId: number, clientId: number): Promise<void>;

  /**
   * The ban of an account or of one of its keys, in force or not. A damaged row throws, here and in `bansOf`: what cannot be
   * read must not let anybody in.
   */
  ban(networkId: number, clientId: number, fingerprints: readonly Uint8Array[]): Promise<Ban | null>;
  /** All bans of a network. */
  bansOf(networkId: number): Promise<Ban[]>;
  /** Adds a ban of an account and these keys, or replaces it. */
  putBan(ban: Ban, fingerprints: readonly Uint8Array[]): Promise<void>;
  /** Removes it if it is there. @returns whether it was */
  deleteBan(networkId: number, clientId: number): Promise<boolean>;

  /** By SHA-256 of its secret; over or not. */
  invite(networkId: number, verifier: Uint8Array): Promise<Invite | null>;
  /** All of a network, over or not. */
  invitesOf(networkId: number): Promise<Invite[]>;
  /** Adds an invite or replaces it; one that is used up is removed. */
  putInvite(invite: Invite): Promise<void>;
  /** Removes all of a network. */
  deleteInvites(networkId: number): Promise<void>;
  /** Removes those of a network that have ended. */
  deleteExpiredInvites(networkId: number, nowMs: number): Promise<void>;

  /** Those sent after `afterMs`, the oldest first. */
  announcementsOf(networkId: number, afterMs: number): Promise<Announcement[]>;
  /** Adds one. */
  insertAnnouncement(announcement: Announcement): Promise<void>;
  /** Forgets those of a network up to this instant. */
  deleteAnnouncements(networkId: number, untilMs: number): Promise<void>;

  /** What a client has published last for those who write to it, null = nothing. */
  messageKey(clientId: number): Promise<Uint8Array | null>;
  /** Publishes another one. */
  putMessageKey(clientId: number, key: Uint8Array): Promise<void>;
  /** What waits for a client, the oldest first. */
  messagesFor(receiverId: number): Promise<StoredMessage[]>;
  /** How much waits for a client; damaged messages count. `lastAtMs` is 0 where nothing does. */
  messageUse(receiverId: number): Promise<{ count: number; bytes: number; lastAtMs: number }>;
  /** Whether it waits already. */
  hasMessage(message: Pick<StoredMessage, "receiverId" | "senderId" | "messageId">): Promise<boolean>;
  /** Adds one. */
  insertMessage(message: StoredMessage): Promise<void>;
  /** Removes it if it is there. */
  deleteMessage(message: Pick<StoredMessage, "receiverId" | "senderId" | "messageId">): Promise<void>;
  /** Removes what was taken up to an instant and still waits for a client. */
  deleteMessages(receiverId: number, untilMs: number): Promise<void>;

  /** What `operation` (8 bytes) of this client was answered after `rememberedSinceMs`; null = never seen. */
  answer(clientId: number, operation: Uint8Array, rememberedSinceMs: number): Promise<Uint8Array | null>;
  /** Remembers an answer, and forgets those given up to `rememberedSinceMs`. */
  putAnswer(answer: Answer, rememberedSinceMs: number): Promise<void>;
}

/** Keeps the truth. Transactions run one at a time in order of their calls. */
export interface Store {
  /** Looks up; `work` must not change anything. */
  read<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;
  /**
   * Resolves once everything `work` did is on the disk; when `work` throws or the commit fails, nothing of it is.
   *
   * @throws {StoreBusyError} when somebody else writes for long
   * @throws {StoreUnwritableError} when nothing can be written (disk full, disk error); reading goes on
   */
  write<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T>;
  /** Whether another process has changed what is kept since this was last asked, or since the store was opened. */
  wasChangedElsewhere(): Promise<boolean>;
  /** Ends after the transactions that were begun. */
  close(): Promise<void>;
}

/** Somebody else writes at the moment; asking again helps. */
export class StoreBusyError extends Error {
  /** Its kind. */
  override readonly name = "StoreBusyError";
}

/** Nothing can be written before the operator has made room, or a disk work again. */
export class StoreUnwritableError extends Error {
  /** Its kind. */
  override readonly name = "StoreUnwritableError";
}

/** A row is not what the server wrote. It is not served; the operator puts a backup in its place. */
export class DamagedRowError extends Error {
  /** Its kind. */
  override readonly name = "DamagedRowError";
}
