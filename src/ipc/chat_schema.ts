/**
 * Messages and events of the local control interface; part of `EngineControl`, see `schema.ts`.
 *
 * @module
 */

/** Somebody, as messages and events name them. */
export interface PersonView {
  /** Client id, `ddd-ddd-ddd`. */
  id: string;
  /** Nickname at that time, `""` = none was set, or it is not known. */
  nick: string;
}

/**
 * How far a message has come to one receiver: `waiting` here, on this disk; `stored` at the server, until the receiver logs
 * in; `delivered`, on the receiver's disk; `failed`, see the reason. It stays so for good, but for `waiting`.
 */
export type DeliveryState = "waiting" | "stored" | "delivered" | "failed";

/** One receiver of an own message. */
export interface DeliveryView extends PersonView {
  /** See `DeliveryState`. */
  state: DeliveryState;
  /** Why it failed or still waits, or null. */
  reason: string | null;
}

/** A message as the history holds it (S101 to S103). */
export interface MessageView {
  /** 32 hexadecimal digits; together with `from` it is unique. */
  id: string;
  /** Whether it came or went. */
  direction: "in" | "out";
  /** Who wrote it. */
  from: PersonView;
  /** To whom, null = to the network. */
  to: PersonView | null;
  /** Name of the network it was written to, null = to one peer alone. */
  network: string | null;
  /** What it says, at most 1024 bytes; null = it could not be read. */
  text: string | null;
  /** When it was written, by its writer's clock: milliseconds since 1970. */
  sentAt: number;
  /** Whether it was shown; own ones always were. */
  read: boolean;
  /** Whether more than the server's word tells who wrote it. */
  verified: boolean;
  /** Receivers of an own message; of others none. */
  deliveries: DeliveryView[];
}

/** What `send` takes. */
export interface SendParams {
  /** A peer in any of the ways commands take, or a network's id or name. */
  to: string;
  /** What `to` names; `any` = whichever there is. */
  kind: "any" | "peer" | "network";
  /** The message, at most 1024 bytes of UTF-8; line ends and tabs become blanks. */
  text: string;
  /** How long to wait for it to be delivered or stored, 0 to 60,000 milliseconds. */
  waitMs: number;
}

/** What `inbox` takes. */
export interface InboxParams {
  /** A peer or a network: only messages with it, both ways; null = with everybody. */
  with: string | null;
  /** Also what was read, and own ones. */
  all: boolean;
  /** Whether those that are given back count as read from now on. */
  markRead: boolean;
  /** At most so many, the latest: 1 to 10,000. */
  limit: number;
}

/** Kinds of events. */
export const EVENT_KINDS = ["status", "network", "member", "path", "message", "delivery", "notice", "lost"] as const;

/** One of these kinds. */
export type EventKind = (typeof EVENT_KINDS)[number];

/** What happened, without when. */
export type EventFacts =
  /** The connection to the server came or went. */
  | { kind: "status"; status: "logging in" | "logged in" }
  /** A network appeared, changed or is gone. */
  | { kind: "network"; network: string; change: "added" | "changed" | "gone" }
  /** A member of a network. `changed`: its nickname, its role, or that it waits for approval. */
  | { kind: "member"; network: string; change: MemberChangeKind; member: PersonView & { address4: string } }
  /** Packets to a peer go another way; path null = none. */
  | {
    kind: "path";
    member: PersonView & { address4: string };
    path: "direct" | "relay" | "server" | null;
    transport: "udp" | "tcp" | "tls" | null;
    endpoint: string | null;
  }
  /** A message came, or was written here. */
  | { kind: "message"; message: MessageView }
  /** An own message has come to a receiver, or not. */
  | { kind: "delivery"; message: string; delivery: DeliveryView }
  /** Words for all members of a network. */
  | { kind: "notice"; network: string; notice: "welcome" | "announcement"; from: string; text: string; sentAt: number }
  /** Whoever listens was too slow: so many events before this one were left out. */
  | { kind: "lost"; count: number };

/** What can happen to a member. */
export type MemberChangeKind = "joined" | "left" | "online" | "offline" | "changed";

/** What happened. */
export type EngineEvent = { /** Milliseconds since 1970. */ at: number } & EventFacts;

/** What `events` takes. */
export interface EventsParams {
  /** Which to tell, null = all. `lost` is always told. */
  kinds: EventKind[] | null;
}

/** The part of `EngineControl` that messages and events are. */
export interface ChatControl {
  /**
   * Writes to a peer or a network. When it resolves the message is on this disk and will be sent, over restarts too, until
   * each receiver or the server has it. Fails with `peerNotFound`, `peerAmbiguous`, `networkNotFound`, `invalidMessage`,
   * `notPermitted`, `limitReached`.
   */
  send(params: SendParams): Promise<MessageView>;
  /** Messages, the oldest first. Fails with `peerNotFound`, `peerAmbiguous`. */
  inbox(params: InboxParams): Promise<MessageView[]>;
  /** What happens from now on. Aborting `signal` ends the iteration normally. */
  events(params: EventsParams, signal: AbortSignal): AsyncIterable<EngineEvent>;
}
