/**
 * Every control message (PROTOCOL.md sections 6 and 10), as one table: name, type number, who sends it, fields after
 * `type u8 | requestId u32`.
 *
 * @module
 */

import { MAX_BLOB_LENGTH, MAX_COUNT, MAX_TEXT_LENGTH } from "./constants.ts";
import {
  blob,
  bytes,
  endpoint,
  flag,
  list,
  rest,
  type Shape,
  text,
  trailingBlob,
  u16,
  u32,
  u64,
  u8,
} from "./fields.ts";
import { suites } from "./negotiation.ts";
import {
  bans,
  candidates,
  INVITE_ID_LENGTH,
  invites,
  member,
  networkHead,
  publicKeys,
  relayOffers,
} from "./records.ts";
import { record } from "./fields.ts";
import { MESSAGE_KEY_LENGTH } from "./sealed_message.ts";

/** Which end of a control connection sends a message. */
export type Side = "client" | "server";

/** One line of the table. */
export interface ControlDefinition {
  /** Type number. */
  readonly number: number;
  /** Who sends it. */
  readonly from: Side | "both";
  /** What follows the request id. */
  readonly fields: Shape;
}

const message = text(MAX_TEXT_LENGTH.message);
const nick = text(MAX_TEXT_LENGTH.nick);
const networkName = text(MAX_TEXT_LENGTH.networkName);
const publicKey = blob(MAX_BLOB_LENGTH.publicKey);
const signature = blob(MAX_BLOB_LENGTH.signature);
const secret = bytes(32);
const messageId = bytes(16);

/** A client's request that changes something: the server answers the same `operation` once. */
const change = { operation: u64 };
const networkChange = { ...change, networkId: u32 };
const memberChange = { ...networkChange, clientId: u32 };
const password = { hasPassword: flag, joinSecret: secret };

/** The table. */
export const CONTROL = {
  result: { number: 0x20, from: "server", fields: { code: u16, message, payload: rest } },
  welcome: {
    number: 0x21,
    from: "server",
    fields: {
      clientId: u32,
      address: u32,
      poolBase: u32,
      poolBits: u8,
      prefix6: bytes(12),
      sessionId: bytes(8),
      discoveryKey: secret,
      udpPort: u16,
      udp2Port: u16,
      discoveryEndpoints: list(endpoint, { max: MAX_COUNT.discoveryEndpoints }),
      observed: endpoint,
      keepaliveSeconds: u16,
      spreadSeconds: u16,
      time: u64,
      nick,
      serverName: text(MAX_TEXT_LENGTH.serverName),
      flags: u32,
    },
  },
  ping: { number: 0x22, from: "both", fields: {} },
  pong: { number: 0x23, from: "both", fields: { time: u64 } },
  goodbye: { number: 0x24, from: "both", fields: { reason: u8, retryAfterMs: u32 } },
  addKey: { number: 0x25, from: "client", fields: { keyType: u8, publicKey, proof: signature } },
  setNick: { number: 0x26, from: "client", fields: { ...change, nick } },
  rotateKey: {
    number: 0x27,
    from: "client",
    fields: { ...change, keyType: u8, newPublicKey: publicKey, proofByNew: signature, proofByOld: signature },
  },
  streams: { number: 0x28, from: "server", fields: { tlsPort: u16, relayId: bytes(16) } },
  create: { number: 0x30, from: "client", fields: { ...change, name: networkName, ...password, kind: u8 } },
  join: { number: 0x31, from: "client", fields: { ...change, name: networkName, ...password } },
  leave: { number: 0x32, from: "client", fields: networkChange },
  delete: { number: 0x33, from: "client", fields: networkChange },
  setOnline: { number: 0x34, from: "client", fields: { ...networkChange, online: flag } },
  setPassword: {
    number: 0x35,
    from: "client",
    fields: { ...networkChange, ...password, sealing: trailingBlob(MAX_BLOB_LENGTH.sealing) },
  },
  setAccess: { number: 0x36, from: "client", fields: { ...networkChange, locked: u8, approval: u8 } },
  evict: { number: 0x37, from: "client", fields: memberChange },
  approve: { number: 0x38, from: "client", fields: memberChange },
  reject: { number: 0x39, from: "client", fields: memberChange },
  ban: { number: 0x3a, from: "client", fields: { ...memberChange, until: u64, reason: message } },
  unban: { number: 0x3b, from: "client", fields: memberChange },
  setAdmin: { number: 0x3c, from: "client", fields: { ...memberChange, privileges: u8 } },
  handOver: { number: 0x3d, from: "client", fields: memberChange },
  setMessage: { number: 0x3e, from: "client", fields: { ...networkChange, welcome: message } },
  announce: { number: 0x3f, from: "client", fields: { ...networkChange, message } },
  network: {
    number: 0x40,
    from: "server",
    fields: { head: networkHead, members: list(member, { max: MAX_COUNT.members }) },
  },
  member: { number: 0x41, from: "server", fields: { networkId: u32, change: u8, member } },
  networkGone: { number: 0x42, from: "server", fields: { networkId: u32, reason: u8 } },
  networkChanged: { number: 0x43, from: "server", fields: { head: networkHead } },
  notice: {
    number: 0x44,
    from: "server",
    fields: { networkId: u32, kind: u8, clientId: u32, sentAt: u64, message },
  },
  synchronised: { number: 0x45, from: "server", fields: {} },
  sealing: { number: 0x46, from: "server", fields: { networkId: u32, sealing: blob(MAX_BLOB_LENGTH.sealing) } },
  setPlain: { number: 0x4c, from: "client", fields: { ...networkChange, plain: flag } },
  setHub: { number: 0x47, from: "client", fields: { ...memberChange, hub: flag } },
  getBans: { number: 0x48, from: "client", fields: { networkId: u32 } },
  endpoints: { number: 0x50, from: "client", fields: { candidates } },
  tunnelRequest: { number: 0x51, from: "client", fields: { peer: u32, reason: u8 } },
  rendezvous: {
    number: 0x52,
    from: "server",
    fields: {
      peerClientId: u32,
      peerAddress: u32,
      localSpi: u32,
      remoteSpi: u32,
      suites,
      keys: publicKeys,
      commonNetworks: list(u32, { max: MAX_COUNT.networks }),
      candidates,
      relays: relayOffers,
      cause: u8,
      startInMs: u16,
    },
  },
  peerEndpoints: { number: 0x53, from: "server", fields: { localSpi: u32, candidates } },
  tunnelClosed: { number: 0x54, from: "server", fields: { localSpi: u32, reason: u8 } },
  getKeys: { number: 0x55, from: "client", fields: { clientId: u32 } },
  getTickets: { number: 0x56, from: "client", fields: { localSpi: u32 } },
  punchRequest: { number: 0x57, from: "client", fields: { localSpi: u32 } },
  punchStart: { number: 0x58, from: "server", fields: { localSpi: u32, inMs: u16, candidates } },
  messageSend: {
    number: 0x60,
    from: "client",
    fields: { ...change, messageId, networkId: u32, clientId: u32, sealed: blob(MAX_BLOB_LENGTH.sealed) },
  },
  message: {
    number: 0x61,
    from: "server",
    fields: { messageId, networkId: u32, clientId: u32, sentAt: u64, sealed: blob(MAX_BLOB_LENGTH.sealed) },
  },
  messageAck: { number: 0x62, from: "client", fields: { messageId, clientId: u32 } },
  createInvite: {
    number: 0x63,
    from: "client",
    fields: { ...networkChange, uses: u16, expiresAt: u64, verifier: secret },
  },
  joinInvited: { number: 0x64, from: "client", fields: { ...networkChange, secret } },
  getInvites: { number: 0x65, from: "client", fields: { networkId: u32 } },
  revokeInvite: { number: 0x66, from: "client", fields: { ...networkChange, inviteId: bytes(INVITE_ID_LENGTH) } },
  putMessageKey: { number: 0x68, from: "client", fields: { messageKey: bytes(MESSAGE_KEY_LENGTH) } },
  getMessageKey: { number: 0x69, from: "client", fields: { clientId: u32 } },
} as const satisfies Record<string, ControlDefinition>;

/** What a successful RESULT carries, for the requests that have an answer. */
export const RESULT_PAYLOAD = {
  create: record({ networkId: u32 }),
  join: record({ networkId: u32, membership: u8 }),
  joinInvited: record({ networkId: u32, membership: u8 }),
  getKeys: record({ keys: publicKeys }),
  getTickets: record({ relays: relayOffers }),
  getBans: record({ bans }),
  getInvites: record({ invites }),
  getMessageKey: record({ keys: publicKeys, messageKey: blob(MESSAGE_KEY_LENGTH) }),
};
