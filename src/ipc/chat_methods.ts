/**
 * The shapes of messages and events on the control socket; `methods.ts` has them in its table.
 *
 * @module
 */

import * as v from "valibot";
import { parseIpv4 } from "../base/ip.ts";
import {
  type ChatControl,
  type EngineEvent,
  EVENT_KINDS,
  type EventsParams,
  type InboxParams,
  type MessageView,
  type SendParams,
} from "./chat_schema.ts";
import type { Shape } from "./shape.ts";

/** Caps that no honest engine or command comes near. */
const MAX_TEXT = 4096;
/** Longer than any message, so that the refusal comes from whoever knows the rule and words it. */
const MAX_TYPED_TEXT = 8192;
const MAX_DELIVERIES = 4096;
const MAX_MESSAGES = 10_000;

const shown = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const instant = v.pipe(v.number(), v.safeInteger());
const id = v.pipe(v.string(), v.regex(/^\d{3}-\d{3}-\d{3}$/));
const person = v.object({ id, nick: shown });
const place = v.object({ id, nick: shown, address4: v.pipe(v.string(), v.check((text) => parseIpv4(text) !== null)) });

const delivery = v.object({
  id,
  nick: shown,
  state: v.picklist(["waiting", "stored", "delivered", "failed"]),
  reason: v.nullable(shown),
});

const message = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  direction: v.picklist(["in", "out"]),
  from: person,
  to: v.nullable(person),
  network: v.nullable(shown),
  text: v.nullable(shown),
  sentAt: instant,
  read: v.boolean(),
  verified: v.boolean(),
  deliveries: v.pipe(v.array(delivery), v.maxLength(MAX_DELIVERIES)),
});

const at = instant;

const event = v.variant("kind", [
  v.object({ at, kind: v.literal("status"), status: v.picklist(["logging in", "logged in"]) }),
  v.object({ at, kind: v.literal("network"), network: shown, change: v.picklist(["added", "changed", "gone"]) }),
  v.object({
    at,
    kind: v.literal("member"),
    network: shown,
    change: v.picklist(["joined", "left", "online", "offline", "changed"]),
    member: place,
  }),
  v.object({
    at,
    kind: v.literal("path"),
    member: place,
    path: v.nullable(v.picklist(["direct", "relay", "server"])),
    transport: v.nullable(v.picklist(["udp", "tcp", "tls"])),
    endpoint: v.nullable(shown),
  }),
  v.object({ at, kind: v.literal("message"), message }),
  v.object({ at, kind: v.literal("delivery"), message: shown, delivery }),
  v.object({
    at,
    kind: v.literal("notice"),
    network: shown,
    notice: v.picklist(["welcome", "announcement"]),
    from: shown,
    text: shown,
    sentAt: instant,
  }),
  v.object({ at, kind: v.literal("lost"), count }),
]);

const send = v.strictObject({
  to: shown,
  kind: v.picklist(["any", "peer", "network"]),
  text: v.pipe(v.string(), v.maxLength(MAX_TYPED_TEXT)),
  waitMs: v.pipe(count, v.maxValue(60_000)),
});
const inbox = v.strictObject({
  with: v.nullable(shown),
  all: v.boolean(),
  markRead: v.boolean(),
  limit: v.pipe(count, v.minValue(1), v.maxValue(MAX_MESSAGES)),
});
const events = v.strictObject({ kinds: v.nullable(v.pipe(v.array(v.picklist(EVENT_KINDS)), v.maxLength(16))) });
const messages = v.pipe(v.array(message), v.maxLength(MAX_MESSAGES));

/** What the methods about messages and events give, for those who describe it. */
export const CHAT_SHAPES: Readonly<Record<keyof ChatControl, Shape>> = {
  send: message,
  inbox: messages,
  events: event,
};

/** Whether `value` is what `send` takes. */
export const isSendParams = (value: unknown): value is SendParams => v.is(send, value);

/** Whether `value` is what `inbox` takes. */
export const isInboxParams = (value: unknown): value is InboxParams => v.is(inbox, value);

/** Whether `value` is what `events` takes. */
export const isEventsParams = (value: unknown): value is EventsParams => v.is(events, value);

/** Whether `value` is what `send` gives back. */
export const isMessageView = (value: unknown): value is MessageView => v.is(message, value);

/** Whether `value` is what `inbox` gives back. */
export const isMessageViews = (value: unknown): value is MessageView[] => v.is(messages, value);

/** Whether `value` is one item of `events`. */
export const isEngineEvent = (value: unknown): value is EngineEvent => v.is(event, value);
