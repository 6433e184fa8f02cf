/**
 * Sealing a message for somebody who is away, and opening one (PROTOCOL.md section 15).
 *
 *     h   = SHA-256("buri sealed message" | 0 | sender 32 | receiver 32 | networkId | messageId | key hash 32 | header 1133)
 *     ikm = X25519 secret 32 | ML-KEM secret 32 | peer secret of the network `secretOf` 32, zeros where that is 0
 *     key 32 | nonce 12 = HKDF(salt = h, ikm, info)
 *     ChaCha20-Poly1305(key, nonce, additional data = h, content | Ed25519(sender, label | h | content))
 *
 * The ephemeral keys make a message readable to the holder of the message key alone; the signature tells who wrote it, to
 * whom and under which id, so that neither the server nor the receiver can pass it on as something else. The peer secret,
 * which no server has, keeps out a server that lies about a key at first contact.
 *
 * @module
 */

import { concat } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import {
  AEAD_CHACHA20_POLY1305,
  AEAD_KEY_LENGTH,
  AEAD_NONCE_LENGTH,
  ED25519_SIGNATURE_LENGTH,
  ed25519Fingerprint,
  type Ed25519KeyPair,
  generateX25519,
  hkdf,
  MLKEM_SECRET_LENGTH,
  MLKEM_SEED_LENGTH,
  mlkemDecapsulate,
  mlkemEncapsulate,
  mlkemFromSeed,
  openAead,
  sealAead,
  sha256,
  signEd25519,
  verifyEd25519,
  X25519_LENGTH,
  x25519FromPrivate,
  x25519Shared,
  zeroize,
} from "../crypto/mod.ts";
import {
  decodeContent,
  encodeContent,
  MESSAGE_KEY_ID_LENGTH,
  type MessageContent,
  messageKey,
  messageKeyHashInput,
  messageKeyInput,
  type MessageKeyParts,
  SEALED_HEADER_LENGTH,
  type SealedHeader,
  sealedHeader,
  sealedKeyInfo,
  sealedMessage,
  type SealedRoute,
  sealedSignatureInput,
  sealedTranscript,
} from "../protocol/mod.ts";

/** The private half of a message key, as it is kept. */
export interface MessageKeySecret {
  /** 32 bytes. */
  x25519: Uint8Array;
  /** Seed d | z of the ML-KEM pair, 64 bytes. */
  mlkem: Uint8Array;
}

/** Draws the private half of a message key. */
export function generateMessageKey(random: Random): MessageKeySecret {
  return { x25519: random.bytes(X25519_LENGTH), mlkem: random.bytes(MLKEM_SEED_LENGTH) };
}

/** What the client publishes of it, signed: 1,289 bytes. */
export function publishMessageKey(secret: MessageKeySecret, owner: Ed25519KeyPair, createdAt: bigint): Uint8Array {
  const unsigned = { ...publicParts(secret), createdAt };
  return messageKey.encode({ ...unsigned, signature: signEd25519(owner.privateKey, messageKeyInput(unsigned)) });
}

/** The parts of a published message key, if the holder of `ownerKey` has signed it; else null. */
export function readMessageKey(published: Uint8Array, ownerKey: Uint8Array): MessageKeyParts | null {
  try {
    const { signature, ...unsigned } = messageKey.decode(published);
    return verifyEd25519(ownerKey, messageKeyInput(unsigned), signature) ? unsigned : null;
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** From whom to whom, and under which names. The keys are Ed25519 public keys. */
export interface MessageRoute {
  /** Of the sender. */
  senderKey: Uint8Array;
  /** Of the receiver. */
  receiverKey: Uint8Array;
  /** 0 = to the receiver alone. */
  networkId: number;
  /** 16 bytes. */
  messageId: Uint8Array;
}

/** A network's secret that becomes part of the key. */
export interface BindingSecret {
  /** The network. */
  networkId: number;
  /** 32 bytes; see PROTOCOL.md section 7. */
  peerSecret: Uint8Array;
}

/** What sealing takes besides route and content. */
export interface SealingKeys {
  /** Our Ed25519 private key. */
  sender: Uint8Array;
  /** The receiver's message key, see {@linkcode readMessageKey}. */
  receiver: MessageKeyParts;
  /** Null = none. */
  secret: BindingSecret | null;
}

/** Seals a message; null when the receiver's message key is none that can be used. */
export function sealMessage(
  route: MessageRoute,
  content: MessageContent,
  keys: SealingKeys,
  random: Random,
): Uint8Array | null {
  const ephemeral = generateX25519(random);
  const shared = x25519Shared(ephemeral.privateKey, keys.receiver.x25519);
  const encapsulated = mlkemEncapsulate(keys.receiver.encapsulationKey, random.bytes(MLKEM_SECRET_LENGTH));
  if (shared === null || encapsulated === null) return null;
  const keyHash = hashOf(keys.receiver);
  const header: SealedHeader = {
    keyId: keyHash.slice(0, MESSAGE_KEY_ID_LENGTH),
    secretOf: keys.secret?.networkId ?? 0,
    x25519: ephemeral.publicValue,
    ct: encapsulated.ciphertext,
  };
  const hash = transcriptHash(route, keyHash, sealedHeader.encode(header));
  const padded = encodeContent(content);
  const plaintext = concat(padded, signEd25519(keys.sender, sealedSignatureInput(hash, padded)));
  const { key, nonce } = deriveKey(hash, shared, encapsulated.secret, keys.secret);
  const ciphertext = sealAead(AEAD_CHACHA20_POLY1305, key, nonce, hash, plaintext);
  zeroize(ephemeral.privateKey, shared, encapsulated.secret, key, plaintext);
  return sealedMessage.encode({ ...header, ciphertext });
}

/** What opening takes besides the route. */
export interface OpeningKeys {
  /** Our message keys, those of former times too. */
  receiver: readonly MessageKeySecret[];
  /** The peer secret of a network, null where we have none. */
  secretOf(networkId: number): Uint8Array | null;
}

/** A message that was opened. */
export interface OpenedMessage extends MessageContent {
  /** The network whose secret its writer must have had, 0 = none was asked for. */
  secretOf: number;
}

/** Opens a message; null for whatever does not hold, be it the key, the tag, the signature or the text. */
export function openMessage(route: MessageRoute, sealed: Uint8Array, keys: OpeningKeys): OpenedMessage | null {
  try {
    const { ciphertext, ...header } = sealedMessage.decode(sealed);
    const found = keyNamed(keys.receiver, header.keyId);
    const peerSecret = header.secretOf === 0 ? null : keys.secretOf(header.secretOf);
    if (found === null || (header.secretOf !== 0 && peerSecret === null)) return null;
    const hash = transcriptHash(route, found.hash, sealed.subarray(0, SEALED_HEADER_LENGTH));
    const secret = peerSecret === null ? null : { networkId: header.secretOf, peerSecret };
    const plaintext = decrypt(found.secret, header, ciphertext, hash, secret);
    if (plaintext === null || plaintext.length < ED25519_SIGNATURE_LENGTH) return null;
    const content = plaintext.subarray(0, -ED25519_SIGNATURE_LENGTH);
    const signature = plaintext.subarray(-ED25519_SIGNATURE_LENGTH);
    if (!verifyEd25519(route.senderKey, sealedSignatureInput(hash, content), signature)) return null;
    return { ...decodeContent(content), secretOf: header.secretOf };
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

function decrypt(
  own: MessageKeySecret,
  header: SealedHeader,
  ciphertext: Uint8Array,
  hash: Uint8Array,
  binding: BindingSecret | null,
): Uint8Array | null {
  const shared = x25519Shared(own.x25519, header.x25519);
  const { decapsulationKey } = mlkemFromSeed(own.mlkem);
  const secret = mlkemDecapsulate(decapsulationKey, header.ct);
  if (shared === null || secret === null) return null;
  const { key, nonce } = deriveKey(hash, shared, secret, binding);
  const plaintext = openAead(AEAD_CHACHA20_POLY1305, key, nonce, hash, ciphertext);
  zeroize(decapsulationKey, shared, secret, key);
  return plaintext;
}

function keyNamed(
  secrets: readonly MessageKeySecret[],
  keyId: Uint8Array,
): { secret: MessageKeySecret; hash: Uint8Array } | null {
  for (const secret of secrets) {
    const hash = hashOf(publicParts(secret));
    if (keyId.every((byte, at) => byte === hash[at])) return { secret, hash };
  }
  return null;
}

function publicParts({ x25519, mlkem }: MessageKeySecret): MessageKeyParts {
  return {
    x25519: x25519FromPrivate(x25519).publicValue,
    encapsulationKey: mlkemFromSeed(mlkem).encapsulationKey,
  };
}

function hashOf(parts: MessageKeyParts): Uint8Array {
  return sha256(messageKeyHashInput(parts));
}

function transcriptHash(route: MessageRoute, keyHash: Uint8Array, header: Uint8Array): Uint8Array {
  const { networkId, messageId } = route;
  const named: SealedRoute = {
    sender: ed25519Fingerprint(route.senderKey),
    receiver: ed25519Fingerprint(route.receiverKey),
    networkId,
    messageId,
    keyHash,
  };
  return sha256(sealedTranscript(named, header));
}

function deriveKey(
  hash: Uint8Array,
  shared: Uint8Array,
  encapsulated: Uint8Array,
  binding: BindingSecret | null,
): { key: Uint8Array; nonce: Uint8Array } {
  const keyMaterial = concat(shared, encapsulated, binding?.peerSecret ?? new Uint8Array(32));
  const derived = hkdf(hash, keyMaterial, sealedKeyInfo(), AEAD_KEY_LENGTH + AEAD_NONCE_LENGTH);
  zeroize(keyMaterial);
  return { key: derived.subarray(0, AEAD_KEY_LENGTH), nonce: derived.subarray(AEAD_KEY_LENGTH) };
}
