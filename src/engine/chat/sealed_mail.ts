/**
 * Messages through the server (PROTOCOL.md section 15): seals what goes to others, opens what comes, and publishes the key by
 * which others can write to this client.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Ed25519KeyPair } from "../../crypto/mod.ts";
import { ControlError } from "../../ipc/schema.ts";
import {
  type ControlMessageOf,
  KEY_TYPE,
  type MessageKeyParts,
  type PublicKey,
  type ResultPayload,
} from "../../protocol/mod.ts";
import { openMessage, publishMessageKey, readMessageKey, sealMessage } from "../../session/mod.ts";
import type { KnownPeer } from "../networks_view.ts";
import type { Request } from "../requests.ts";
import type { PeerPin } from "../state_files.ts";
import type { WaitingDelivery } from "./chat_store.ts";
import { currentKeys, type KeptMessageKey } from "./message_keys.ts";
import { chooseSecret, isImpostor, judgeMessage } from "./sealing.ts";

/** The client at its server, as far as sealed messages need it. */
export interface MailAccount {
  /** ms since 1970 by the server's clock. */
  serverTimeMs(): number;
  /** A request without an answer of its own. @throws {ControlError} */
  request(request: Request): Promise<void>;
  /** What a client has published for those who write to it. @throws {ControlError} */
  askForKey(clientId: number): Promise<ResultPayload<"getMessageKey">>;
  /** Pinned keys of peers, by virtual address. */
  pinOf(virtualAddress: number): PeerPin | undefined;
  /** Peer secrets of these networks, where we have them. */
  secretsOf(networkIds: readonly number[]): ReadonlyMap<number, Uint8Array>;
}

/** What sealed messages work with. */
export interface SealedMailOptions {
  /** The client at its server. */
  account: MailAccount;
  /** Own long-term key. */
  identity: Ed25519KeyPair;
  /** Message keys as kept, the newest first. */
  keys: readonly KeptMessageKey[];
  /** Keeps them; on the disk when it returns. */
  saveKeys(keys: readonly KeptMessageKey[]): void;
  /** Time. */
  clock: Clock;
  /** For keys. */
  random: Random;
}

/** For so long a receiver's message key is used without asking for it again. */
const KEY_MEMORY_MS = 3_600_000;

interface KnownKey {
  owner: Uint8Array;
  key: MessageKeyParts;
  askedAt: number;
}

/** A message that came sealed. */
export interface UnsealedMessage {
  /** What it says. */
  text: string;
  /** By the sender's clock, ms since 1970. */
  sentAt: bigint;
  /** Whether more than the server's word tells who wrote it. */
  isVerified: boolean;
}

/** Messages through the server. */
export class SealedMail {
  readonly #options: SealedMailOptions;
  readonly #knownKeys = new Map<number, KnownKey>();
  #keys: readonly KeptMessageKey[];

  /** Publishes nothing before {@linkcode SealedMail.loggedIn}. */
  constructor(options: SealedMailOptions) {
    this.#options = options;
    this.#keys = options.keys;
  }

  /** Logged in: others may write to us. @throws {ControlError} when the server does not take our key */
  async loggedIn(): Promise<void> {
    this.#knownKeys.clear();
    const { account, identity, random, saveKeys } = this.#options;
    const keys = currentKeys(this.#keys, account.serverTimeMs(), random);
    // On the disk first: what others seal for it must be readable after a kill.
    if (keys !== this.#keys) saveKeys(keys);
    this.#keys = keys;
    const [newest] = keys;
    const messageKey = publishMessageKey(newest!, identity, BigInt(Math.floor(newest!.createdAtMs)));
    await account.request({ type: "putMessageKey", messageKey });
  }

  /** Hands a message to the server; when it resolves the server has it on its disk. @throws {ControlError} */
  async send({ receiverId, operation, message }: WaitingDelivery, peer: KnownPeer | null): Promise<void> {
    const { account, identity, random } = this.#options;
    if (peer === null) throw new ControlError("peerNotFound");
    const pin = account.pinOf(peer.member.address);
    const { owner, key } = await this.#keyOf(receiverId, pin);
    const { messageId, networkId, sentAtMs, text } = message;
    const secret = chooseSecret(networkId, pin, account.secretsOf(peer.networkIds));
    const route = { senderKey: identity.publicKey, receiverKey: owner, networkId, messageId };
    const content = { sentAt: BigInt(sentAtMs), message: text ?? "" };
    const sealed = sealMessage(route, content, { sender: identity.privateKey, receiver: key, secret }, random);
    if (sealed === null) throw new ControlError("peerKeyRefused");
    const number = new DataView(operation.buffer, operation.byteOffset).getBigUint64(0);
    const named = { operation: number, messageId, networkId, clientId: receiverId };
    await account.request({ type: "messageSend", ...named, sealed });
  }

  /**
   * Opens a message; null = it cannot be believed or read.
   *
   * @param peer the sender, null = it shares no network with us any more
   * @throws {ControlError} when the server does not tell the sender's key
   */
  async unseal(
    { clientId: senderId, messageId, networkId, sealed }: ControlMessageOf<"message">,
    peer: KnownPeer | null,
  ): Promise<UnsealedMessage | null> {
    const { account, identity } = this.#options;
    const senderKey = ed25519Of((await account.askForKey(senderId)).keys);
    const pin = peer === null ? undefined : account.pinOf(peer.member.address);
    if (senderKey === undefined || isImpostor({ publicKey: senderKey, pin })) return null;
    const secretOf = (id: number) => account.secretsOf([id]).get(id) ?? null;
    const route = { senderKey, receiverKey: identity.publicKey, networkId, messageId };
    const opened = openMessage(route, sealed, { receiver: this.#keys, secretOf });
    if (opened === null) return null;
    const judged = judgeMessage({ secretOf: opened.secretOf, networkId }, pin, secretOf(networkId) ?? undefined);
    return judged === null ? null : { text: opened.message, sentAt: opened.sentAt, ...judged };
  }

  /** @throws {ControlError} `peerKeyRefused` where it has none that could be believed */
  async #keyOf(clientId: number, pin: PeerPin | undefined): Promise<KnownKey> {
    const { account, clock } = this.#options;
    const known = this.#knownKeys.get(clientId);
    const isUsable = known !== undefined && clock.now() < known.askedAt + KEY_MEMORY_MS;
    if (isUsable && !isImpostor({ publicKey: known.owner, pin })) return known;
    const { keys, messageKey } = await account.askForKey(clientId);
    const owner = ed25519Of(keys);
    if (messageKey.length === 0 || owner === undefined) {
      throw new ControlError("peerKeyRefused", "The peer has published no key for messages yet.");
    }
    const key = readMessageKey(messageKey, owner);
    if (key === null || isImpostor({ publicKey: owner, pin })) {
      throw new ControlError("peerKeyRefused", "The server tells a key that is not the peer's.");
    }
    const found = { owner, key, askedAt: clock.now() };
    this.#knownKeys.set(clientId, found);
    return found;
  }
}

function ed25519Of(keys: readonly PublicKey[]): Uint8Array | undefined {
  return keys.find(({ keyType }) => keyType === KEY_TYPE.ed25519)?.publicKey;
}
