/**
 * Rows of the tables, and the records they stand for.
 *
 * @module
 */
import { nameKey } from "../protocol/mod.ts";
import { compareKeyOf } from "./names.ts";
import type {
  Account,
  AccountKey,
  Announcement,
  Ban,
  Invite,
  Membership,
  Network,
  PlanName,
  StoredMessage,
} from "./store.ts";

/** The tables of `schema.ts`, without the checksum that every row has. */
export type Schema = {
  accounts: AccountRow;
  account_keys: KeyRow;
  freed_addresses: { virtual_address: number; freed_at_ms: number };
  networks: NetworkRow;
  memberships: MembershipRow;
  bans: BanRow;
  banned_keys: { network_id: number; fingerprint: Uint8Array; client_id: number };
  invites: InviteRow;
  announcements: AnnouncementRow;
  message_keys: { client_id: number; message_key: Uint8Array };
  messages: MessageRow;
  answers: { client_id: number; operation: Uint8Array; answer: Uint8Array; given_at_ms: number };
  address_plan: { id: number; pool_base: number; pool_bits: number; prefix6: Uint8Array };
};

/** See `schema.ts`. */
export type AccountRow = {
  client_id: number;
  virtual_address: number;
  nick: string;
  plan: string;
  created_at_ms: number;
};

/** See `schema.ts`. */
export type KeyRow = {
  fingerprint: Uint8Array;
  client_id: number;
  kind: string;
  public_key: Uint8Array;
};

/** See `schema.ts`. */
export type NetworkRow = {
  network_id: number;
  name: string;
  name_key: string;
  compare_key: string;
  kind: string;
  owner_client_id: number;
  join_verifier: Uint8Array | null;
  sealing: Uint8Array;
  welcome: string;
  is_locked: number;
  approval: string;
  allows_plain: number;
  capacity: number;
  created_at_ms: number;
};

/** See `schema.ts`. */
export type MembershipRow = {
  network_id: number;
  client_id: number;
  status: string;
  is_online: number;
  joined_at_ms: number;
  privileges: number;
  is_hub: number;
  told_at_ms: number;
};

/** See `schema.ts`. */
export type BanRow = {
  network_id: number;
  client_id: number;
  nick: string;
  banned_at_ms: number;
  until_ms: number;
  reason: string;
};

/** See `schema.ts`. */
export type InviteRow = {
  network_id: number;
  verifier: Uint8Array;
  client_id: number;
  uses_left: number;
  expires_at_ms: number;
};

/** See `schema.ts`. */
export type AnnouncementRow = {
  network_id: number;
  sent_at_ms: number;
  client_id: number;
  message: string;
};

/** See `schema.ts`. */
export type MessageRow = {
  receiver_id: number;
  sent_at_ms: number;
  sender_id: number;
  message_id: Uint8Array;
  network_id: number;
  sealed: Uint8Array;
};

/** Record of a row. */
export function toAccount(row: AccountRow): Account {
  return {
    clientId: row.client_id,
    virtualAddress: row.virtual_address,
    nick: row.nick,
    plan: row.plan as PlanName,
    createdAtMs: row.created_at_ms,
  };
}

/** Row of a record. */
export function fromAccount(account: Account): AccountRow {
  return {
    client_id: account.clientId,
    virtual_address: account.virtualAddress,
    nick: account.nick,
    plan: account.plan,
    created_at_ms: account.createdAtMs,
  };
}

/** Record of a row. */
export function toKey(row: KeyRow): AccountKey {
  return {
    clientId: row.client_id,
    kind: row.kind as AccountKey["kind"],
    publicKey: row.public_key,
    fingerprint: row.fingerprint,
  };
}

/** Row of a record. */
export function fromKey(key: AccountKey): KeyRow {
  return { fingerprint: key.fingerprint, client_id: key.clientId, kind: key.kind, public_key: key.publicKey };
}

/** Record of a row. */
export function toNetwork(row: NetworkRow, ownerPlan: PlanName): Network {
  return {
    networkId: row.network_id,
    name: row.name,
    kind: row.kind as Network["kind"],
    ownerClientId: row.owner_client_id,
    ownerPlan,
    joinVerifier: row.join_verifier,
    sealing: row.sealing,
    welcome: row.welcome,
    isLocked: row.is_locked === 1,
    approval: row.approval as Network["approval"],
    allowsPlain: row.allows_plain === 1,
    capacity: row.capacity,
    createdAtMs: row.created_at_ms,
  };
}

/** Row of a record. */
export function fromNetwork(network: Network): NetworkRow {
  return {
    network_id: network.networkId,
    name: network.name,
    name_key: nameKey(network.name),
    compare_key: compareKeyOf(network.name),
    kind: network.kind,
    owner_client_id: network.ownerClientId,
    join_verifier: network.joinVerifier,
    sealing: network.sealing,
    welcome: network.welcome,
    is_locked: network.isLocked ? 1 : 0,
    approval: network.approval,
    allows_plain: network.allowsPlain ? 1 : 0,
    capacity: network.capacity,
    created_at_ms: network.createdAtMs,
  };
}

/** Record of a row. */
export function toMembership(row: MembershipRow): Membership {
  return {
    networkId: row.network_id,
    clientId: row.client_id,
    status: row.status as Membership["status"],
    isOnline: row.is_online === 1,
    joinedAtMs: row.joined_at_ms,
    privileges: row.privileges,
    isHub: row.is_hub === 1,
    toldAtMs: row.told_at_ms,
  };
}

/** Row of a record. */
export function fromMembership(membership: Membership): MembershipRow {
  return {
    network_id: membership.networkId,
    client_id: membership.clientId,
    status: membership.status,
    is_online: membership.isOnline ? 1 : 0,
    joined_at_ms: membership.joinedAtMs,
    privileges: membership.privileges,
    is_hub: membership.isHub ? 1 : 0,
    told_at_ms: membership.toldAtMs,
  };
}

/** Record of a row. */
export function toBan(row: BanRow): Ban {
  return {
    networkId: row.network_id,
    clientId: row.client_id,
    nick: row.nick,
    bannedAtMs: row.banned_at_ms,
    untilMs: row.until_ms,
    reason: row.reason,
  };
}

/** Row of a record. */
export function fromBan(ban: Ban): BanRow {
  return {
    network_id: ban.networkId,
    client_id: ban.clientId,
    nick: ban.nick,
    banned_at_ms: ban.bannedAtMs,
    until_ms: ban.untilMs,
    reason: ban.reason,
  };
}

/** Record of a row. */
export function toInvite(row: InviteRow): Invite {
  return {
    networkId: row.network_id,
    verifier: row.verifier,
    clientId: row.client_id,
    usesLeft: row.uses_left,
    expiresAtMs: row.expires_at_ms,
  };
}

/** Row of a record. */
export function fromInvite(invite: Invite): InviteRow {
  return {
    network_id: invite.networkId,
    verifier: invite.verifier,
    client_id: invite.clientId,
    uses_left: invite.usesLeft,
    expires_at_ms: invite.expiresAtMs,
  };
}

/** Record of a row. */
export function toAnnouncement(row: AnnouncementRow): Announcement {
  return {
    networkId: row.network_id,
    sentAtMs: row.sent_at_ms,
    clientId: row.client_id,
    message: row.message,
  };
}

/** Row of a record. */
export function fromAnnouncement(announcement: Announcement): AnnouncementRow {
  return {
    network_id: announcement.networkId,
    sent_at_ms: announcement.sentAtMs,
    client_id: announcement.clientId,
    message: announcement.message,
  };
}

/** Record of a row. */
export function toMessage(row: MessageRow): StoredMessage {
  return {
    receiverId: row.receiver_id,
    sentAtMs: row.sent_at_ms,
    senderId: row.sender_id,
    messageId: row.message_id,
    networkId: row.network_id,
    sealed: row.sealed,
  };
}

/** Row of a record. */
export function fromMessage(message: StoredMessage): MessageRow {
  return {
    receiver_id: message.receiverId,
    sent_at_ms: message.sentAtMs,
    sender_id: message.senderId,
    message_id: message.messageId,
    network_id: message.networkId,
    sealed: message.sealed,
  };
}
