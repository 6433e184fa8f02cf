/**
 * Messages for those who are away (PROTOCOL.md section 15): each function is one change or look-up within a transaction that
 * its caller began, checks included.
 *
 * @module
 */
import type { ServerPolicy } from "./plans.ts";
import { areConnected } from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import { connectingMemberships, type RegistryContext, requireAccount } from "./registry.ts";
import type { PlanName, StoredMessage, StoreTransaction } from "./store.ts";

/** What may wait for one client. */
export const MAX_WAITING = { messages: 200, bytes: 256 * 1024 } as const;

/** For so long a message waits. */
export const MESSAGE_LIFETIME_MS = 30 * 24 * 3600 * 1000;

/** A message as its sender hands it in. */
export type NewMessage = Omit<StoredMessage, "sentAtMs">;

/** Between whom a message goes, and where. */
export interface ChatFacts {
  /** Plan of the sender. */
  senderPlan: PlanName;
  /** Plan of the receiver. */
  receiverPlan: PlanName;
  /** Whether it is written to a network. */
  isToNetwork: boolean;
}

/** Whether an account of this plan may write to networks, or only read what others write there (S103). */
export function mayWriteToNetworks(plan: PlanName, policy: ServerPolicy): boolean {
  return policy.plans[plan].networkChat === "send";
}

/** Whether the server keeps a message: both plans must have it (S102). @throws {RefusedError} `notPermitted` */
export function decideMessage({ senderPlan, receiverPlan, isToNetwork }: ChatFacts, policy: ServerPolicy): void {
  if (isToNetwork && !mayWriteToNetworks(senderPlan, policy)) {
    throw new RefusedError("notPermitted", "Your plan lets you read the chat of networks, not write to them.");
  }
  if (policy.plans[senderPlan].offlineMessages && policy.plans[receiverPlan].offlineMessages) return;
  throw new RefusedError("notPermitted", "The plans of both ends must include messages to those who are offline.");
}

/**
 * Keeps a message until its receiver has it. One that waits already is not kept twice.
 *
 * @param hasRoomToday whether this sender has written less than its daily share to this receiver
 * @returns null when it waits already
 * @throws {RefusedError} `peerNotFound`, `notMember`, `notPermitted`, `limitReached`
 */
export async function storeMessage(
  transaction: StoreTransaction,
  { nowMs, policy }: RegistryContext,
  message: NewMessage,
  hasRoomToday: boolean,
): Promise<StoredMessage | null> {
  const { senderId, receiverId, networkId } = message;
  await requireConnection(transaction, senderId, receiverId, networkId);
  const { plan: senderPlan } = await requireAccount(transaction, senderId);
  const { plan: receiverPlan } = await requireAccount(transaction, receiverId);
  decideMessage({ senderPlan, receiverPlan, isToNetwork: networkId !== 0 }, policy);
  if (await transaction.hasMessage(message)) return null;
  if (!hasRoomToday) throw new RefusedError("limitReached", "You have written too much to this peer today.");
  await transaction.deleteMessages(receiverId, nowMs - MESSAGE_LIFETIME_MS);
  const { count, bytes, lastAtMs } = await transaction.messageUse(receiverId);
  if (count >= MAX_WAITING.messages || bytes + message.sealed.length > MAX_WAITING.bytes) {
    throw new RefusedError("limitReached", "Too many messages wait for this peer.");
  }
  const stored = { ...message, sentAtMs: Math.max(nowMs, lastAtMs + 1) };
  await transaction.insertMessage(stored);
  return stored;
}

/** Strangers cannot write to each other, nor members where their network does not connect them. */
async function requireConnection(
  transaction: StoreTransaction,
  senderId: number,
  receiverId: number,
  networkId: number,
): Promise<void> {
  if (networkId === 0) {
    if ((await connectingMemberships(transaction, senderId, receiverId)).length > 0) return;
    throw new RefusedError("peerNotFound");
  }
  const network = await transaction.network(networkId);
  const own = await transaction.membership(networkId, senderId);
  if (network === null || own?.status !== "member") throw new RefusedError("notMember");
  const other = await transaction.membership(networkId, receiverId);
  const isReachable = other?.status === "member" && receiverId !== senderId && areConnected(network, own, other);
  if (!isReachable) throw new RefusedError("peerNotFound");
}

/** What waits for a client and is not too old. */
export async function messagesFor(
  transaction: StoreTransaction,
  { nowMs }: Pick<RegistryContext, "nowMs">,
  receiverId: number,
): Promise<StoredMessage[]> {
  const waiting = await transaction.messagesFor(receiverId);
  return waiting.filter(({ sentAtMs }) => sentAtMs > nowMs - MESSAGE_LIFETIME_MS);
}
