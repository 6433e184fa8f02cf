/**
 * Messages of this client at one server (S101 to S103, PROTOCOL.md section 15): through tunnels and through the server, into
 * the history and out of the outbox.
 *
 * A message is answered to its sender when it is on the disk, and told here when it was not there before: so none that was
 * answered is lost, and none is shown twice, whichever end is killed when.
 *
 * @module
 */
import { toHex } from "../../base/bytes.ts";
import { ProtocolError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { EventFacts, InboxParams, MessageView, SendParams } from "../../ipc/chat_schema.ts";
import { ControlError } from "../../ipc/schema.ts";
import { type ControlMessageOf, INNER_FRAME, innerFrames, MAX_TEXT_LENGTH } from "../../protocol/mod.ts";
import { TokenBuckets } from "../../session/token_buckets.ts";
import type { KnownPeer, NetworksView } from "../networks_view.ts";
import type { ChatMessage, ChatStore } from "./chat_store.ts";
import { findTarget, type Target } from "./chat_target.ts";
import { deliveryView, messageView } from "./chat_view.ts";
import { Outbox, type ReceiverFacts } from "./outbox.ts";
import { type MailAccount, SealedMail, type SealedMailOptions } from "./sealed_mail.ts";

/** The client at its server, as far as messages need it. */
export interface ChatAccount extends MailAccount {
  /** Own client id, 0 = never logged in. */
  ownId(): number;
  /** Own nickname. */
  ownNick(): string;
  /** Whether the server's word is of now, and requests reach it. */
  isReady(): boolean;
  /** Whether this client may write to networks (S103). */
  mayWriteToNetworks(): boolean;
  /** Networks and members. */
  view(): NetworksView;
  /** Members of common networks, by virtual address. */
  peers(): ReadonlyMap<number, KnownPeer>;
  /** Who is at the other end of a tunnel. */
  peerOf(localSpi: number): KnownPeer | null;
  /** The tunnel to a peer that has a path. */
  tunnelTo(virtualAddress: number): number | null;
  /** Makes a tunnel if there is none. */
  want(virtualAddress: number): void;
  /** Sends a frame through a tunnel. */
  sendFrame(localSpi: number, frameType: number, payload: Uint8Array): void;
}

/** What messages work with. */
export interface ChatOptions extends SealedMailOptions {
  /** The client at its server. */
  account: ChatAccount;
  /** History and outbox; closed by {@linkcode Chat.stop}. */
  store: ChatStore;
  /** Where it tells of trouble. */
  log: Logger;
  /** Tells what happened. */
  emit(event: EventFacts): void;
}

/** What one peer may send through its tunnel: more than a sender of ours ever does. */
const INCOMING_LIMITS = { perSecond: 20, burst: 500, maxSources: 4096 };

/** The last instant that a date can be: what a sender says of its clock may be anything. */
const MAX_INSTANT_MS = 8_640_000_000_000_000;

/** Messages at one server. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #outbox: Outbox;
  readonly #incoming = new TokenBuckets(INCOMING_LIMITS);
  readonly #mail: SealedMail;
  readonly #settled = new Set<() => void>();
  #opening: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** Sends nothing before {@linkcode Chat.loggedIn} or {@linkcode Chat.wake}. */
  constructor(options: ChatOptions) {
    this.#options = options;
    this.#mail = new SealedMail(options);
    const { store, clock, log, account } = options;
    this.#outbox = new Outbox({
      store,
      clock,
      log,
      factsOf: (receiverId) => this.#factsOf(receiverId),
      sendFrame: (localSpi, payload) => account.sendFrame(localSpi, INNER_FRAME.chat, payload),
      sendSealed: (waiting) => this.#mail.send(waiting, this.#peer(waiting.receiverId)),
      wantTunnel: (receiverId) => {
        const peer = this.#peer(receiverId);
        if (peer !== null) account.want(peer.member.address);
      },
      onSettled: (waiting, state, reason) => {
        const nick = this.#peer(waiting.receiverId)?.member.nick ?? "";
        const delivery = deliveryView({ receiverId: waiting.receiverId, nick, state, reason });
        options.emit({ kind: "delivery", message: toHex(waiting.message.messageId), delivery });
        for (const check of [...this.#settled]) check();
      },
    });
  }

  /** Logged in, and told of every network: what waits may go, and others may write to us. */
  loggedIn(): void {
    this.#outbox.loggedIn();
    this.#mail.loggedIn().catch((error: unknown) => {
      this.#options.log.info("nobody can write to this client while it is away", { error });
    });
  }

  /** A tunnel has a path, or somebody came online. */
  wake(): void {
    if (this.#options.account.ownId() !== 0) this.#outbox.wake();
  }

  /** See `ChatControl.send`. */
  async send({ to, kind, text, waitMs }: SendParams): Promise<MessageView> {
    const { store, account, clock, random, emit } = this.#options;
    const target = findTarget(to, kind, { view: account.view(), peers: account.peers(), ownId: account.ownId() });
    if (target.networkId !== 0 && !account.mayWriteToNetworks()) {
      throw new ControlError("notPermitted", "Your plan lets you read the chat of networks, not write to them.");
    }
    const message = this.#newMessage(target, requireText(text), clock.wallMs(), random.bytes(16));
    const receivers = target.receivers.map(({ clientId, nick }) => {
      return { receiverId: clientId, nick, operation: random.bytes(8) };
    });
    if (!store.addOutgoing(message, receivers)) {
      throw new ControlError("limitReached", "Too many messages wait to be sent.");
    }
    const settled = this.#settledWithin(message, waitMs);
    emit({ kind: "message", message: this.#view(message) });
    this.#outbox.wake();
    await settled;
    return this.#view(message);
  }

  /** See `ChatControl.inbox`. */
  inbox({ with: partner, all, markRead, limit }: InboxParams): MessageView[] {
    const { store, account } = this.#options;
    const found = store.list({ isUnreadOnly: !all, with: partner === null ? null : this.#partner(partner), limit });
    if (markRead) store.markRead(found.filter(({ isRead }) => !isRead).map(({ row }) => row));
    return found.map((message) => messageView(message, account.ownId()));
  }

  /** CHAT and CHAT ACK; other frames are ignored. */
  takeFrame(localSpi: number, frameType: number, payload: Uint8Array): void {
    if (frameType !== INNER_FRAME.chat && frameType !== INNER_FRAME.chatAck) return;
    const peer = this.#options.account.peerOf(localSpi);
    if (peer === null || this.#isStopped) return;
    try {
      if (frameType === INNER_FRAME.chat) return this.#takeChat(localSpi, peer, payload);
      this.#outbox.takeAck(peer.member.clientId, innerFrames.chatAck.decode(payload).messageId);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.log.debug("dropped a malformed frame", { spi: localSpi, error });
    }
  }

  /** MESSAGE: one after the other, in the order in which they were written. */
  takeMessage(message: ControlMessageOf<"message">): void {
    this.#opening = this.#opening.then(() => this.#isStopped ? undefined : this.#open(message)).catch(
      (error: unknown) => this.#options.log.warn("a message stays at the server", { error }),
    );
  }

  /** Ends it. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#outbox.stop();
    await this.#opening;
    this.#options.store.close();
  }

  /** @throws {ProtocolError} */
  #takeChat(localSpi: number, { member, networkIds }: KnownPeer, payload: Uint8Array): void {
    const { account, clock } = this.#options;
    const { messageId, networkId, sentAt, message: text } = innerFrames.chat.decode(payload);
    if (networkId !== 0 && !networkIds.includes(networkId)) return;
    if (!this.#incoming.take(String(member.clientId), clock.now())) return;
    const facts = { senderId: member.clientId, nick: member.nick, messageId, networkId, sentAt };
    if (!this.#keep(facts, text, true)) return;
    account.sendFrame(localSpi, INNER_FRAME.chatAck, innerFrames.chatAck.encode({ messageId }));
  }

  async #open(message: ControlMessageOf<"message">): Promise<void> {
    const { account, store, log } = this.#options;
    const { clientId: senderId, messageId, networkId } = message;
    const ack = () => account.request({ type: "messageAck", messageId, clientId: senderId });
    if (store.has(senderId, messageId)) return await ack();
    const peer = this.#peer(senderId);
    const facts = { senderId, nick: peer?.member.nick ?? "", messageId, networkId, sentAt: message.sentAt };
    const opened = await this.#mail.unseal(message, peer);
    if (opened === null) log.warn("a message could not be read", { peer: senderId });
    const isKept = opened === null
      ? this.#keep(facts, null, false)
      : this.#keep({ ...facts, sentAt: opened.sentAt }, opened.text, opened.isVerified);
    if (isKept) await ack();
  }

  /** @returns whether it is on the disk, now or since earlier */
  #keep(
    { senderId, nick, messageId, networkId, sentAt }: {
      senderId: number;
      nick: string;
      messageId: Uint8Array;
      networkId: number;
      sentAt: bigint;
    },
    text: string | null,
    isVerified: boolean,
  ): boolean {
    const { store, account, clock, emit, log } = this.#options;
    const isPersonal = networkId === 0;
    const message: ChatMessage = {
      senderId,
      messageId,
      networkId,
      receiverId: isPersonal ? account.ownId() : 0,
      names: { sender: nick, receiver: isPersonal ? account.ownNick() : "", network: this.#networkName(networkId) },
      text,
      sentAtMs: sentAt > MAX_INSTANT_MS ? Math.floor(clock.wallMs()) : Number(sentAt),
      isVerified,
    };
    try {
      if (store.addIncoming(message)) emit({ kind: "message", message: this.#view(message) });
      return true;
    } catch (error) {
      log.error("a message could not be saved", { error });
      return false;
    }
  }

  #newMessage(target: Target, text: string, nowMs: number, messageId: Uint8Array): ChatMessage {
    const { account } = this.#options;
    const isPersonal = target.networkId === 0;
    const [only] = target.receivers;
    return {
      senderId: account.ownId(),
      messageId,
      networkId: target.networkId,
      receiverId: isPersonal ? only!.clientId : 0,
      names: { sender: account.ownNick(), receiver: isPersonal ? only!.nick : "", network: target.network },
      text,
      sentAtMs: Math.floor(nowMs),
      isVerified: true,
    };
  }

  #view({ senderId, messageId }: ChatMessage): MessageView {
    return messageView(this.#options.store.find(senderId, messageId)!, this.#options.account.ownId());
  }

  /** Resolves when no receiver waits any more, or after `waitMs`. */
  #settledWithin(message: ChatMessage, waitMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#settled.delete(check);
        resolve();
      };
      const check = () => {
        if (this.#isStopped || this.#view(message).deliveries.every(({ state }) => state !== "waiting")) end();
      };
      const cancel = clock.after(waitMs, end);
      this.#settled.add(check);
      check();
    });
  }

  #partner(text: string): { clientId: number } | { networkId: number } {
    const { account } = this.#options;
    const target = findTarget(text, "any", { view: account.view(), peers: account.peers(), ownId: account.ownId() });
    return target.networkId === 0 ? { clientId: target.receivers[0]!.clientId } : { networkId: target.networkId };
  }

  #peer(clientId: number): KnownPeer | null {
    for (const peer of this.#options.account.peers().values()) if (peer.member.clientId === clientId) return peer;
    return null;
  }

  #factsOf(receiverId: number): ReceiverFacts {
    const { account } = this.#options;
    const peer = this.#peer(receiverId);
    return {
      tunnel: peer === null ? null : account.tunnelTo(peer.member.address),
      isLoggedIn: account.isReady(),
      isKnown: peer !== null,
      isOnline: peer?.isWithinReach === true,
    };
  }

  #networkName(networkId: number): string {
    return this.#options.account.view().networks.get(networkId)?.head.name ?? "";
  }
}

/** The text as it is sent: one line, Unicode NFC. @throws {ControlError} `invalidMessage` */
export function requireText(typed: string): string {
  const text = typed.toWellFormed().replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/gu, " ").replace(/\p{Cc}/gu, "").trim()
    .normalize("NFC");
  const { length } = new TextEncoder().encode(text);
  if (length > 0 && length <= MAX_TEXT_LENGTH.message) return text;
  throw new ControlError("invalidMessage", `A message has 1 to ${MAX_TEXT_LENGTH.message} bytes, this one ${length}.`);
}
