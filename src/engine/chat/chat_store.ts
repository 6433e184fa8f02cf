/**
 * History, outbox, and what was seen already, in one file: a message is in all of them or in none.
 *
 * SQLite, as at the server: each method is one transaction, on the disk when it returns. A (sender, message id) is there
 * once, so a message that comes again is known, after a kill as well.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { DeliveryState } from "../../ipc/chat_schema.ts";

/** A message on its way into the history. */
export interface ChatMessage {
  /** Client id of its writer. */
  senderId: number;
  /** 16 bytes. */
  messageId: Uint8Array;
  /** 0 = to one client alone. */
  networkId: number;
  /** Client id of the only receiver, 0 = a network. */
  receiverId: number;
  /** Names at that time. */
  names: ChatNames;
  /** Null = it could not be read. */
  text: string | null;
  /** ms since 1970, by the sender's clock. */
  sentAtMs: number;
  /** Whether more than the server's word tells who wrote it. */
  isVerified: boolean;
}

/** Names as they were when the message was written or came. */
export interface ChatNames {
  /** Nickname of the sender. */
  sender: string;
  /** Nickname of the only receiver, "" = a network. */
  receiver: string;
  /** Name of the network, "" = none. */
  network: string;
}

/** A receiver of an own message. */
export interface Delivery {
  /** Client id. */
  receiverId: number;
  /** Nickname when it was written. */
  nick: string;
  /** See {@linkcode DeliveryState}. */
  state: DeliveryState;
  /** Why it failed or waits, null = not said. */
  reason: string | null;
}

/** A message of the history. */
export interface StoredChatMessage extends ChatMessage {
  /** Grows with every message. */
  row: number;
  /** Whether it was shown. */
  isRead: boolean;
  /** Empty for messages that came. */
  deliveries: Delivery[];
}

/** A message and one receiver who does not have it yet. */
export interface WaitingDelivery {
  /** Row of the message. */
  row: number;
  /** Who is to have it. */
  receiverId: number;
  /** 8 bytes: under this number the server takes it once. */
  operation: Uint8Array;
  /** The message. */
  message: ChatMessage;
}

/** Which messages are wanted. */
export interface ChatQuery {
  /** Only those that came and were not shown. */
  isUnreadOnly: boolean;
  /** Only with this client, or in this network; null = all. */
  with: { clientId: number } | { networkId: number } | null;
  /** The latest so many. */
  limit: number;
}

/** Messages that are kept of each conversation. */
const MAX_KEPT = 10_000;

/** Messages that may wait to be sent. */
export const MAX_WAITING_DELIVERIES = 10_000;

const SCHEMA = `
  create table if not exists messages (
    row integer primary key,
    sender integer not null,
    message_id blob not null,
    network integer not null,
    receiver integer not null,
    conversation text not null,
    sender_name text not null,
    receiver_name text not null,
    network_name text not null,
    text text,
    sent_at_ms integer not null,
    is_verified integer not null,
    is_read integer not null,
    unique (sender, message_id)
  );
  create index if not exists messages_by_conversation on messages (conversation, row);
  create index if not exists messages_unread on messages (row) where is_read = 0;
  create table if not exists deliveries (
    message integer not null references messages (row) on delete cascade,
    receiver integer not null,
    nick text not null,
    operation blob not null,
    state text not null,
    reason text,
    primary key (message, receiver)
  );
  create index if not exists deliveries_waiting on deliveries (receiver, message) where state = 'waiting';
`;

type Row = Record<string, null | number | string | Uint8Array>;

/** The messages of one client at one server. */
export class ChatStore {
  readonly #database: DatabaseSync;
  readonly #ownId: () => number;

  /**
   * Opens the file at `path`, which exists and is private. `ownId`: client id of this client.
   *
   * @throws {Error} when it is damaged
   */
  constructor(path: string, ownId: () => number) {
    this.#ownId = ownId;
    this.#database = new DatabaseSync(path);
    try {
      for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"]) {
        this.#database.exec(`PRAGMA ${pragma}`);
      }
      const [check] = this.#all("PRAGMA quick_check(1)");
      if (check?.["quick_check"] !== "ok") throw new Error(String(check?.["quick_check"]));
      this.#database.exec(SCHEMA);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Keeps a message that came. False = it came before. */
  addIncoming(message: ChatMessage): boolean {
    return this.#transaction(() => this.#insert(message, false));
  }

  /** Keeps an own message that is to be sent. False = too many wait already. */
  addOutgoing(
    message: ChatMessage,
    receivers: readonly { receiverId: number; nick: string; operation: Uint8Array }[],
  ): boolean {
    return this.#transaction(() => {
      const [waiting] = this.#all("select count(*) as count from deliveries where state = 'waiting'");
      if (Number(waiting!["count"]) + receivers.length > MAX_WAITING_DELIVERIES) return false;
      this.#insert(message, true);
      const row = this.#rowOf(message.senderId, message.messageId)!;
      for (const { receiverId, nick, operation } of receivers) {
        this.#run("insert into deliveries values (?, ?, ?, ?, 'waiting', null)", row, receiverId, nick, operation);
      }
      return true;
    });
  }

  /** Whether a message came before. */
  has(senderId: number, messageId: Uint8Array): boolean {
    return this.#rowOf(senderId, messageId) !== null;
  }

  /** Clients to whom something is to be sent. */
  waitingReceivers(): number[] {
    return this.#all("select distinct receiver from deliveries where state = 'waiting'")
      .map((row) => Number(row["receiver"]));
  }

  /** The oldest message that a client is to have; null = none. */
  nextWaiting(receiverId: number): WaitingDelivery | null {
    const [found] = this.#all(
      `select * from deliveries d join messages m on m.row = d.message
       where d.state = 'waiting' and d.receiver = ? order by d.message limit 1`,
      receiverId,
    );
    if (found === undefined) return null;
    const operation = found["operation"] as Uint8Array;
    // Both tables have a column `receiver`; that of the message stands behind.
    return { row: found["message"] as number, receiverId, operation, message: toMessage(found) };
  }

  /** A message has come to a receiver, or not. */
  settle(row: number, receiverId: number, state: DeliveryState, reason: string | null): void {
    this.#run(
      "update deliveries set state = ?, reason = ? where message = ? and receiver = ?",
      state,
      reason,
      row,
      receiverId,
    );
  }

  /** One message, null = there is none. */
  find(senderId: number, messageId: Uint8Array): StoredChatMessage | null {
    const [row] = this.#all("select * from messages where sender = ? and message_id = ?", senderId, messageId);
    return row === undefined ? null : this.#stored(row);
  }

  /** Messages, the oldest first. */
  list({ isUnreadOnly, with: partner, limit }: ChatQuery): StoredChatMessage[] {
    const conditions = [
      isUnreadOnly ? "is_read = 0" : "true",
      partner === null ? "true" : "conversation = ?",
    ].join(" and ");
    const values = partner === null ? [] : ["clientId" in partner ? `c${partner.clientId}` : `n${partner.networkId}`];
    const rows = this.#all(`select * from messages where ${conditions} order by row desc limit ?`, ...values, limit);
    return rows.reverse().map((row) => this.#stored(row));
  }

  /** These were shown. */
  markRead(rows: readonly number[]): void {
    this.#transaction(() => {
      for (const row of rows) this.#run("update messages set is_read = 1 where row = ?", row);
    });
  }

  /** Ends the use of the file. */
  close(): void {
    this.#database.close();
  }

  #insert(message: ChatMessage, isRead: boolean): boolean {
    const { senderId, messageId, networkId, receiverId, names, text, sentAtMs, isVerified } = message;
    const conversation = this.#conversationOf(message);
    const { changes } = this.#database.prepare(
      "insert or ignore into messages values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    ).run(
      senderId,
      messageId,
      networkId,
      receiverId,
      conversation,
      names.sender,
      names.receiver,
      names.network,
      text,
      sentAtMs,
      isVerified ? 1 : 0,
      isRead ? 1 : 0,
    );
    if (Number(changes) === 0) return false;
    this.#forgetOldest(conversation);
    return true;
  }

  /** What still waits to be sent is never forgotten. */
  #forgetOldest(conversation: string): void {
    this.#run(
      `delete from messages where conversation = ?1
       and row <= (select row from messages where conversation = ?1 order by row desc limit 1 offset ${MAX_KEPT})
       and not exists (select 1 from deliveries where message = messages.row and state = 'waiting')`,
      conversation,
    );
  }

  #conversationOf({ networkId, senderId, receiverId }: ChatMessage): string {
    if (networkId !== 0) return `n${networkId}`;
    return `c${senderId === this.#ownId() ? receiverId : senderId}`;
  }

  #rowOf(senderId: number, messageId: Uint8Array): number | null {
    const [found] = this.#all("select row from messages where sender = ? and message_id = ?", senderId, messageId);
    return found === undefined ? null : Number(found["row"]);
  }

  #stored(row: Row): StoredChatMessage {
    const deliveries = this.#all("select * from deliveries where message = ? order by receiver", row["row"]!);
    return {
      ...toMessage(row),
      row: row["row"] as number,
      isRead: row["is_read"] === 1,
      deliveries: deliveries.map((each) => ({
        receiverId: each["receiver"] as number,
        nick: each["nick"] as string,
        state: each["state"] as DeliveryState,
        reason: each["reason"] as string | null,
      })),
    };
  }

  #all(sql: string, ...values: (null | number | string | Uint8Array)[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }

  #run(sql: string, ...values: (null | number | string | Uint8Array)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk can make SQLite roll back by itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

function toMessage(row: Row): ChatMessage {
  return {
    senderId: row["sender"] as number,
    messageId: row["message_id"] as Uint8Array,
    networkId: row["network"] as number,
    receiverId: row["receiver"] as number,
    names: {
      sender: row["sender_name"] as string,
      receiver: row["receiver_name"] as string,
      network: row["network_name"] as string,
    },
    text: row["text"] as string | null,
    sentAtMs: row["sent_at_ms"] as number,
    isVerified: row["is_verified"] === 1,
  };
}
