/**
 * Numbers of the protocol.
 *
 * The first block is the specification: a change there breaks every other implementation. The second holds our own limits,
 * which PROTOCOL.md states as well, but which may be tuned.
 *
 * @module
 */

// ---- Specification -------------------------------------------------------------------------------------------------

/** Suites by number (sections 4 and 5). */
export const SUITE = { classic: 1, modern: 2 } as const;

/** A suite by its number on the wire. */
export type SuiteId = (typeof SUITE)[keyof typeof SUITE];

/** Version of suite 2's exchange. */
export const MODERN_VERSION = 1;

/** Ports that a server and a relay use unless told otherwise. */
export const DEFAULT_PORT = { control: 12975, discovery: 12975, secondDiscovery: 12976, relay: 17771 } as const;

/** Key types in REGISTER, ADD KEY, ROTATE KEY, RENDEZVOUS and the answer to GET KEYS. */
export const KEY_TYPE = { sshRsa: 1, ed25519: 2 } as const;

/** Bits of `capabilities` (section 5). */
export const CAPABILITY = { partialChecksums: 1 << 0, plainTunnels: 1 << 1 } as const;

/** Lengths in bytes of suite 1's fixed fields. */
export const CLASSIC_LENGTH = { serverKfp: 59, nonce: 128, publicValue: 256, iv: 16, mac: 12, confirmMac: 20 } as const;

/** Lengths in bytes of suite 2's fixed fields. */
export const MODERN_LENGTH = {
  fingerprint: 32,
  nonce: 32,
  x25519: 32,
  encapsulationKey: 1184,
  ciphertext: 1088,
  publicKey: 32,
  signature: 64,
  mac: 32,
  tag: 16,
  salt: 12,
} as const;

/** Length in bytes of the MACs and cookies of discovery, of an exchange and of relays. */
export const SHORT_MAC_LENGTH = 16;

/** SPIs below this are reserved; 0 marks a control datagram (section 9). */
export const MIN_SPI = 256;

/** First number at which suite 1 seals and opens nothing any more (section 9.1). */
export const CLASSIC_ID_END = 2 ** 32 - 2 ** 14;

/** First sequence that suite 2 refuses (section 9.2). */
export const MODERN_SEQUENCE_END = 2 ** 28;

/** The id of the first packet of a suite 1 tunnel: those before it are CONFIRM messages (section 8.2). */
export const CLASSIC_FIRST_PACKET_ID = 65;

/** Size of a frame before and after authentication, as its `size` field counts it (section 3). */
export const MAX_FRAME_SIZE = { beforeAuthentication: 4096, afterAuthentication: 65535 } as const;

/** Longest UDP payload of an exchange: with IPv6 and UDP headers it passes every link of 1280 bytes. */
export const MAX_EXCHANGE_DATAGRAM_LENGTH = 1232;

// ---- Our limits ----------------------------------------------------------------------------------------------------

/** Bytes of UTF-8 in the texts of section 6. */
export const MAX_TEXT_LENGTH = {
  nick: 128,
  networkName: 64,
  serverName: 128,
  subscription: 64,
  /** Why somebody is banned: 256 of them go into one answer. */
  banReason: 96,
  /** Answers, announcements, welcome texts, reasons and chat. */
  message: 1024,
} as const;

/** Bytes in blobs. */
export const MAX_BLOB_LENGTH = {
  /** The ssh-rsa blob of a 4096-bit key with exponent 65537. */
  publicKey: 535,
  /** An RSA signature with a 4096-bit key. */
  signature: 512,
  /** Twice today's ticket, for a later version of it. */
  ticket: 256,
  /** Twice today's sealing of a network (section 7), for a later version of it. */
  sealing: 192,
  /** 4 KiB of plaintext and what section 15 adds. */
  sealed: 4096 + 1136,
} as const;

/** Items in lists. */
export const MAX_COUNT = {
  candidates: 32,
  keys: 4,
  suites: 4,
  offers: 4,
  relays: 8,
  relayEndpoints: 8,
  discoveryEndpoints: 8,
  /** Networks of one client. */
  networks: 256,
  /** Bans of one network that one answer tells. */
  bans: 256,
  invites: 64,
  /** Members of one network; with names of the longest kind they still fit into one frame. */
  members: 256,
} as const;
