/**
 * Codes inside control messages (PROTOCOL.md section 6).
 *
 * @module
 */

/** Codes of RESULT. */
export const RESULT_CODE = {
  ok: 0,
  internalError: 1,
  busy: 2,
  networkNotFound: 3,
  invalidPassword: 4,
  networkFull: 5,
  networkLocked: 6,
  alreadyMember: 7,
  isOwner: 8,
  nameTaken: 9,
  notPermitted: 10,
  notMember: 11,
  peerNotFound: 12,
  peerOffline: 13,
  limitReached: 14,
  notUnderstood: 15,
  tooManyTries: 16,
  invalidName: 17,
  banned: 18,
  notAwaitingApproval: 19,
  cannotSave: 20,
} as const;

/** What users read after `.. failed, `, by code. */
export const RESULT_WORDS: readonly string[] = [
  "success",
  "internal error",
  "server is busy",
  "network not found",
  "invalid password",
  "the network is full",
  "network is locked",
  "you are already a member",
  "you are an owner",
  "network name is already taken",
  "not permitted",
  "you are not a member",
  "peer not found",
  "peer is offline",
  "limit reached",
  "request not understood",
  "too many tries, try again later",
  "invalid name",
  "you are banned",
  "not awaiting approval",
  "the server cannot save",
];

/** The words of a code; those of an internal error for one that this version does not know. */
export function resultWords(code: number): string {
  return RESULT_WORDS[code] ?? RESULT_WORDS[RESULT_CODE.internalError]!;
}

/** Reasons of GOODBYE. */
export const GOODBYE = { logout: 1, serverStops: 2, replaced: 3, idle: 4, evicted: 5 } as const;

/** `flags` of WELCOME. */
export const SERVER_FLAG = { listsNetworks: 1 << 0, hasRelay: 1 << 1, mayOnlyReadNetworkChat: 1 << 2 } as const;

/** `locked` and `approval` of SET ACCESS: 0 no, 1 yes (approval: manual), 255 as it is. */
export const ACCESS = { no: 0, yes: 1, unchanged: 255 } as const;

/** `change` of MEMBER. */
export const MEMBER_CHANGE = { joined: 1, changed: 2, left: 3, evicted: 4, banned: 5 } as const;

/** Reasons of NETWORK GONE. */
export const NETWORK_GONE = { left: 1, deleted: 2, evicted: 3, banned: 4, rejected: 5 } as const;

/** `kind` of NOTICE. */
export const NOTICE = { welcome: 1, announcement: 2 } as const;

/** Reasons of TUNNEL REQUEST, which RENDEZVOUS repeats as `cause`. */
export const TUNNEL_REASON = { wanted: 1, spiRefused: 2, pathLost: 3, ticketExpires: 4 } as const;

/** Reasons of TUNNEL CLOSED. */
export const TUNNEL_CLOSED = { evicted: 1, banned: 2, noCommonNetwork: 3 } as const;
