/**
 * Messages that the server keeps for those who are away (PROTOCOL.md section 15): it carries what only the receiver can read.
 *
 *     message key   version u8 = 1 | createdAt u64 | x25519 32 | ek 1184 | signature 64            (1289 bytes)
 *     sealed        version u8 = 1 | keyId 8 | secretOf u32 | x25519 32 | ct 1088 | ciphertext | tag 16
 *     plaintext     content | signature 64
 *     content       sentAt u64 | text message | zeros up to a multiple of 128
 *
 * @module
 */

import { ByteWriter, concat, utf8 } from "../base/bytes.ts";
import { MAX_TEXT_LENGTH, MODERN_LENGTH } from "./constants.ts";
import { bytes, type Codec, constant, lax, rest, strict, text, u32, u64, u8 } from "./fields.ts";

const SEALED_VERSION = 1;
const ZERO = Uint8Array.of(0);

/** Length of a published message key in bytes. */
export const MESSAGE_KEY_LENGTH = 1289;

/** Length of `keyId` in bytes: the beginning of the SHA-256 that names a message key. */
export const MESSAGE_KEY_ID_LENGTH = 8;

/** Length of everything in front of the ciphertext, in bytes. */
export const SEALED_HEADER_LENGTH = 1133;

/** A content's length is a multiple of this, so that it says little about the text's. */
export const CONTENT_BLOCK_LENGTH = 128;

const keyFields = {
  version: constant(u8, SEALED_VERSION, "version of a message key"),
  createdAt: u64,
  x25519: bytes(MODERN_LENGTH.x25519),
  encapsulationKey: bytes(MODERN_LENGTH.encapsulationKey),
};

/** The public parts of a message key. */
export interface MessageKeyParts {
  /** 32 bytes. */
  x25519: Uint8Array;
  /** ML-KEM-768, 1184 bytes. */
  encapsulationKey: Uint8Array;
}

/** What a client publishes, so that others can write to it while it is away. */
export interface MessageKey extends MessageKeyParts {
  /** ms since 1970, by the server's clock; for those who look into it. */
  createdAt: bigint;
  /** By the client's Ed25519 key, see {@linkcode messageKeyInput}. */
  signature: Uint8Array;
}

/** Codec of a {@linkcode MessageKey}. */
export const messageKey: Codec<MessageKey> = strict(
  { ...keyFields, signature: bytes(MODERN_LENGTH.signature) },
  MESSAGE_KEY_LENGTH,
);

const signedKey = strict(keyFields);

/** Signed by the client's Ed25519 key in its message key. */
export function messageKeyInput(key: Omit<MessageKey, "signature">): Uint8Array<ArrayBuffer> {
  return concat(utf8("buri message key"), ZERO, signedKey.encode(key));
}

/** What the SHA-256 of a message key covers: its two public parts. */
export function messageKeyHashInput({ x25519, encapsulationKey }: MessageKeyParts): Uint8Array<ArrayBuffer> {
  return concat(utf8("buri message key id"), ZERO, x25519, encapsulationKey);
}

const headerFields = {
  version: constant(u8, SEALED_VERSION, "version of a sealed message"),
  keyId: bytes(MESSAGE_KEY_ID_LENGTH),
  secretOf: u32,
  x25519: bytes(MODERN_LENGTH.x25519),
  ct: bytes(MODERN_LENGTH.ciphertext),
};

/** A sealed message without its ciphertext. */
export interface SealedHeader {
  /** Names the receiver's message key: 8 bytes. */
  keyId: Uint8Array;
  /** The network whose peer secret is part of the key; 0 = none. */
  secretOf: number;
  /** The sender's ephemeral value, 32 bytes. */
  x25519: Uint8Array;
  /** ML-KEM-768, 1088 bytes. */
  ct: Uint8Array;
}

/** Codec of a {@linkcode SealedHeader}. */
export const sealedHeader: Codec<SealedHeader> = strict(headerFields, SEALED_HEADER_LENGTH);

/** Codec of a whole sealed message; `ciphertext` ends with its tag. */
export const sealedMessage: Codec<SealedHeader & { ciphertext: Uint8Array }> = strict({
  ...headerFields,
  ciphertext: rest,
});

/** What a sender says. */
export interface MessageContent {
  /** By the sender's clock, ms since 1970; for display. */
  sentAt: bigint;
  /** At most 1,024 bytes. */
  message: string;
}

const contentFields = lax({ sentAt: u64, message: text(MAX_TEXT_LENGTH.message) });

/** The padded content. @throws {RangeError} when the text is too long or holds what a text may not */
export function encodeContent(content: MessageContent): Uint8Array<ArrayBuffer> {
  const bare = contentFields.encode(content);
  const padded = new Uint8Array(Math.ceil(bare.length / CONTENT_BLOCK_LENGTH) * CONTENT_BLOCK_LENGTH);
  padded.set(bare);
  return padded;
}

/** Reads a content; what follows the text is ignored. @throws {ProtocolError} */
export function decodeContent(content: Uint8Array): MessageContent {
  return contentFields.decode(content);
}

/** From whom to whom a sealed message goes, and under which names. */
export interface SealedRoute {
  /** SHA-256 of the sender's Ed25519 key. */
  sender: Uint8Array;
  /** SHA-256 of the receiver's Ed25519 key. */
  receiver: Uint8Array;
  /** 0 = to the receiver alone. */
  networkId: number;
  /** 16 bytes. */
  messageId: Uint8Array;
  /** SHA-256 that names the receiver's message key. */
  keyHash: Uint8Array;
}

/** What the hash of a sealed message covers: it is the salt of the key, the additional data, and part of what is signed. */
export function sealedTranscript(route: SealedRoute, header: Uint8Array): Uint8Array<ArrayBuffer> {
  const networkId = new ByteWriter(4).u32(route.networkId).finish();
  const { sender, receiver, messageId, keyHash } = route;
  return concat(utf8("buri sealed message"), ZERO, sender, receiver, networkId, messageId, keyHash, header);
}

/** Info of the key derivation of a sealed message. */
export function sealedKeyInfo(): Uint8Array<ArrayBuffer> {
  return concat(utf8("buri sealed message key"), ZERO);
}

/** Signed by the sender's Ed25519 key inside a sealed message. */
export function sealedSignatureInput(transcriptHash: Uint8Array, content: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(utf8("buri sealed message from"), ZERO, transcriptHash, content);
}
