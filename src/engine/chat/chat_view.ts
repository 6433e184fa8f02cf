import { toHex } from "../../base/bytes.ts";
import type { DeliveryView, MessageView } from "../../ipc/chat_schema.ts";
import { formatClientId } from "../views.ts";
import type { Delivery, StoredChatMessage } from "./chat_store.ts";

/** A message as commands show it. */
export function messageView(message: StoredChatMessage, ownId: number): MessageView {
  const { senderId, receiverId, networkId, names, text, sentAtMs, isRead, isVerified } = message;
  return {
    id: toHex(message.messageId),
    direction: senderId === ownId ? "out" : "in",
    from: { id: formatClientId(senderId), nick: names.sender },
    to: networkId === 0 ? { id: formatClientId(receiverId), nick: names.receiver } : null,
    network: networkId === 0 ? null : names.network,
    text,
    sentAt: sentAtMs,
    read: isRead,
    verified: isVerified,
    deliveries: message.deliveries.map(deliveryView),
  };
}

/** A receiver as commands show it. */
export function deliveryView({ receiverId, nick, state, reason }: Delivery): DeliveryView {
  return { id: formatClientId(receiverId), nick, state, reason };
}
