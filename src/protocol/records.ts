/**
 * Records inside control messages (PROTOCOL.md sections 6.2 and 10).
 *
 *     head       networkId u32 | text name | kind u8 | flags u8 | capacity u16 | owner u32 (clientId) | membership u8
 *                | online flag | privileges u8 | text subscription
 *     member     clientId u32 | address u32 | text nick | status u8 | role u8
 *     candidate  kind u8 | endpoint
 *     relay      relayId 16 | list of endpoint (1 to 8) | blob ticket | bindSecret 32
 *     key        keyType u8 | blob publicKey
 *     ban        clientId u32 | text nick | until u64 | text reason
 *     invite     inviteId 8 | clientId u32 | uses u16 | expiresAt u64
 *
 * Numbers that a later version may add to (kinds, states) stay numbers: an unknown one must not cost the whole message.
 *
 * @module
 */

import type { Endpoint } from "../base/ip.ts";
import { MAX_BLOB_LENGTH, MAX_COUNT, MAX_TEXT_LENGTH } from "./constants.ts";
import { blob, bytes, endpoint, type Field, flag, list, record, text, u16, u32, u64, u8 } from "./fields.ts";

/** `kind` of a network. */
export const NETWORK_KIND = { mesh: 1, hubAndSpoke: 2 } as const;

/** `membership` of oneself in a network. */
export const MEMBERSHIP = { member: 1, awaitingApproval: 2 } as const;

/** Bits of a network's `flags`. */
export const NETWORK_FLAG = {
  locked: 1 << 0,
  manualApproval: 1 << 1,
  hasPassword: 1 << 2,
  plainTunnelsAllowed: 1 << 3,
} as const;

/** Bits of `privileges`. */
export const PRIVILEGE = {
  setPassword: 1 << 0,
  changeAccess: 1 << 1,
  approve: 1 << 2,
  evict: 1 << 3,
  ban: 1 << 4,
  messages: 1 << 5,
} as const;

/** `status` of a member. */
export const MEMBER_STATUS = { offline: 0, online: 1, awaitingApproval: 2 } as const;

/** `role` of a member. */
export const MEMBER_ROLE = { member: 0, administrator: 1, owner: 2, hub: 3 } as const;

/** `kind` of a candidate endpoint. */
export const CANDIDATE_KIND = { local: 1, ipv6: 2, observed: 3, mapped: 4, predicted: 5, seenByPeer: 6 } as const;

/** One network as one client sees it, without its members. */
export interface NetworkHead {
  /** Number drawn by the server. */
  networkId: number;
  /** 4 to 64 bytes. */
  name: string;
  /** See {@linkcode NETWORK_KIND}. */
  kind: number;
  /** See {@linkcode NETWORK_FLAG}. */
  flags: number;
  /** How many members it may have. */
  capacity: number;
  /** Client id of the owner. */
  owner: number;
  /** See {@linkcode MEMBERSHIP}. */
  membership: number;
  /** Whether this client is online in it. */
  online: boolean;
  /** See {@linkcode PRIVILEGE}. */
  privileges: number;
  /** Name of the subscription, for display. */
  subscription: string;
}

/** Another member of a network. */
export interface Member {
  /** 1 to 999,999,999. */
  clientId: number;
  /** Virtual IPv4 address. */
  address: number;
  /** `""` = none was set. */
  nick: string;
  /** See {@linkcode MEMBER_STATUS}. */
  status: number;
  /** See {@linkcode MEMBER_ROLE}. */
  role: number;
}

/** Where a client may be reached. */
export interface Candidate {
  /** See {@linkcode CANDIDATE_KIND}. */
  kind: number;
  /** Address and UDP port. */
  endpoint: Endpoint;
}

/** A relay for one tunnel. */
export interface RelayOffer {
  /** 16 bytes. */
  relayId: Uint8Array;
  /** Where it listens. */
  endpoints: Endpoint[];
  /** What the relay wants to see; see relay.ts. */
  ticket: Uint8Array;
  /** 32 bytes, secret: proves that the ticket is ours. */
  bindSecret: Uint8Array;
}

/** A public key with its type. */
export interface PublicKey {
  /** See KEY_TYPE; others may be added. */
  keyType: number;
  /** ssh-rsa blob, or the 32 bytes of Ed25519. */
  publicKey: Uint8Array;
}

/** Somebody who may not join a network. */
export interface BanRecord {
  /** The account. */
  clientId: number;
  /** As it was when the account was banned. */
  nick: string;
  /** Wall-clock ms at which it ends, 0 = never. */
  until: bigint;
  /** Why, `""` = not said. */
  reason: string;
}

/** An invite to a network, without its secret. */
export interface InviteRecord {
  /** The first 8 bytes of its verifier. */
  inviteId: Uint8Array;
  /** The member that made it. */
  clientId: number;
  /** How often it may still be used. */
  uses: number;
  /** Wall-clock ms at which it ends, 0 = never. */
  expiresAt: bigint;
}

/** Field of a {@linkcode NetworkHead}. */
export const networkHead: Field<NetworkHead> = record({
  networkId: u32,
  name: text(MAX_TEXT_LENGTH.networkName),
  kind: u8,
  flags: u8,
  capacity: u16,
  owner: u32,
  membership: u8,
  online: flag,
  privileges: u8,
  subscription: text(MAX_TEXT_LENGTH.subscription),
});

/** Field of a {@linkcode Member}. */
export const member: Field<Member> = record({
  clientId: u32,
  address: u32,
  nick: text(MAX_TEXT_LENGTH.nick),
  status: u8,
  role: u8,
});

/** Field of a {@linkcode Candidate}. */
export const candidate: Field<Candidate> = record({ kind: u8, endpoint });

/** Field of up to 32 candidates. */
export const candidates: Field<Candidate[]> = list(candidate, { max: MAX_COUNT.candidates });

/** Field of a {@linkcode RelayOffer}. */
export const relayOffer: Field<RelayOffer> = record({
  relayId: bytes(16),
  endpoints: list(endpoint, { min: 1, max: MAX_COUNT.relayEndpoints }),
  ticket: blob(MAX_BLOB_LENGTH.ticket),
  bindSecret: bytes(32),
});

/** Field of up to 8 relays. */
export const relayOffers: Field<RelayOffer[]> = list(relayOffer, { max: MAX_COUNT.relays });

/** Field of up to 256 bans; with the longest texts they still fit into one frame. */
export const bans: Field<BanRecord[]> = list(
  record({ clientId: u32, nick: text(MAX_TEXT_LENGTH.nick), until: u64, reason: text(MAX_TEXT_LENGTH.banReason) }),
  { max: MAX_COUNT.bans },
);

/** Bytes of an {@linkcode InviteRecord.inviteId}. */
export const INVITE_ID_LENGTH = 8;

/** Field of up to 64 invites. */
export const invites: Field<InviteRecord[]> = list(
  record({ inviteId: bytes(INVITE_ID_LENGTH), clientId: u32, uses: u16, expiresAt: u64 }),
  { max: MAX_COUNT.invites },
);

/** Field of a few public keys. */
export const publicKeys: Field<PublicKey[]> = list(
  record({ keyType: u8, publicKey: blob(MAX_BLOB_LENGTH.publicKey) }),
  { max: MAX_COUNT.keys },
);
