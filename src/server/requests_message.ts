import { encodeResultPayload } from "../protocol/mod.ts";
import { readMessageKey } from "../session/mod.ts";
import { keyRecord } from "./keys.ts";
import { RefusedError } from "./refusal.ts";
import { shareNetwork } from "./registry.ts";
import { messagesFor, storeMessage } from "./registry_messages.ts";
import { type ChangeWork, changing, type Handler, type Handlers, NOTHING } from "./requests.ts";
import type { StoredMessage } from "./store.ts";
import type { ControlClient, World } from "./world.ts";

const messageSendWork: ChangeWork<"messageSend"> = async (transaction, context, message, client, world) => {
  const { clientId: receiverId, messageId, networkId, sealed } = message;
  const pair = `${client.clientId} ${receiverId}`;
  const wanted = { receiverId, senderId: client.clientId, messageId, networkId, sealed };
  const hasRoomToday = world.messages.hasRoom(pair, world.clock.now());
  const stored = await storeMessage(transaction, context, wanted, hasRoomToday);
  return {
    payload: NOTHING,
    tell: () => {
      if (stored === null) return;
      world.messages.add(pair, world.clock.now());
      const receiver = world.presence.find(receiverId);
      if (receiver !== null) tellMessage(receiver, stored);
    },
  };
};

const messageAck: Handler<"messageAck"> = (world, client, { messageId, clientId: senderId }) =>
  world.turns.take(async () => {
    const message = { receiverId: client.clientId, senderId, messageId };
    await world.store.write((transaction) => transaction.deleteMessage(message));
    return NOTHING;
  });

/** The same key again, as after most logins, is not written again. */
const putMessageKey: Handler<"putMessageKey"> = (world, client, { messageKey }) =>
  world.turns.take(async () => {
    const owned = await world.store.read(async (transaction) => ({
      keys: await transaction.keysOf(client.clientId),
      former: await transaction.messageKey(client.clientId),
    }));
    const own = owned.keys.find(({ kind }) => kind === "ed25519");
    if (own === undefined || readMessageKey(messageKey, own.publicKey) === null) throw new RefusedError("notPermitted");
    if (owned.former !== null && owned.former.every((byte, at) => byte === messageKey[at])) return NOTHING;
    await world.store.write((transaction) => transaction.putMessageKey(client.clientId, messageKey));
    return NOTHING;
  });

/** A stranger learns no more than from GET KEYS; but whoever has a message may know who wrote it. */
const getMessageKey: Handler<"getMessageKey"> = (world, client, { clientId }) =>
  world.store.read(async (transaction) => {
    const mayKnow = clientId === client.clientId || await shareNetwork(transaction, client.clientId, clientId) ||
      (await transaction.messagesFor(client.clientId)).some(({ senderId }) => senderId === clientId);
    if (!mayKnow) throw new RefusedError("peerNotFound");
    const keys = (await transaction.keysOf(clientId)).map(keyRecord);
    const messageKey = await transaction.messageKey(clientId) ?? new Uint8Array();
    return encodeResultPayload("getMessageKey", { keys, messageKey });
  });

/** What came while a client was away, for a client that has just been told of its networks. */
export async function tellMessages(world: World, client: ControlClient): Promise<void> {
  const waiting = await world.store.read((transaction) => messagesFor(transaction, world.context(), client.clientId));
  for (const message of waiting) tellMessage(client, message);
}

function tellMessage(
  receiver: ControlClient,
  { messageId, networkId, senderId, sentAtMs, sealed }: StoredMessage,
): void {
  const fields = { messageId, networkId, clientId: senderId, sentAt: BigInt(sentAtMs), sealed };
  receiver.send({ type: "message", requestId: 0, ...fields });
}

/** Requests about messages (PROTOCOL.md section 15). */
export const messageHandlers: Handlers = {
  messageSend: changing(messageSendWork),
  messageAck,
  putMessageKey,
  getMessageKey,
};
