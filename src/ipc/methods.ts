import * as v from "valibot";
import { parseIpv4, parseIpv6 } from "../base/ip.ts";
import { isNatView, isWhyView, NAT_SHAPES, type NatView, type WhyView } from "./nat_schema.ts";
import {
  CHAT_SHAPES,
  isEngineEvent,
  isEventsParams,
  isInboxParams,
  isMessageView,
  isMessageViews,
  isSendParams,
} from "./chat_methods.ts";
import type { EngineEvent, EventsParams, InboxParams, MessageView, SendParams } from "./chat_schema.ts";
import {
  ControlError,
  type EngineControl,
  FAILURE_REASONS,
  type FailureCode,
  type MethodName,
  PRIVILEGE_NAMES,
} from "./schema.ts";
import { FINDING_IDS } from "./doctor_schema.ts";
import type { Shape } from "./shape.ts";

/** What a method takes on the wire: its first parameter, or an empty object. */
type Params<M extends MethodName> = Parameters<EngineControl[M]> extends [infer P, ...unknown[]] ? P : object;

/** What a method gives back: the value of its promise, or one item of its iteration. */
type Result<M extends MethodName> = ReturnType<EngineControl[M]> extends AsyncIterable<infer Item> ? Item
  : Awaited<ReturnType<EngineControl[M]>>;

type Kind<M extends MethodName> = ReturnType<EngineControl[M]> extends AsyncIterable<unknown> ? "stream" : "call";

/** The compiler refuses a table that lacks a method of `EngineControl`, has one too many, or describes one wrongly. */
type MethodTable = {
  [M in MethodName]: {
    kind: Kind<M>;
    params: v.GenericSchema<unknown, Params<M>>;
    result: v.GenericSchema<unknown, Result<M>>;
  };
};

/** Caps that no honest engine or command comes near; they bound what a broken one can make us hold. */
const MAX_NETWORKS = 4096;
const MAX_MEMBERS = 4096;
const MAX_INVITES = 64;
const MAX_SHOWN_TEXT = 1024;

const utf8Length = (text: string) => new TextEncoder().encode(text).length;
const text = (maxBytes: number) => v.pipe(v.string(), v.check((value) => utf8Length(value) <= maxBytes));
const shown = text(MAX_SHOWN_TEXT);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const milliseconds = v.pipe(v.number(), v.safeInteger(), v.minValue(10), v.maxValue(3_600_000));

const clientId = v.pipe(v.string(), v.regex(/^\d{3}-\d{3}-\d{3}$/));
const address4 = v.pipe(v.string(), v.check((value) => parseIpv4(value) !== null));
const address6 = v.pipe(v.string(), v.check((value) => parseIpv6(value) !== null));
const pathKind = v.picklist(["direct", "relay", "server"]);
const transport = v.picklist(["udp", "tcp", "tls"]);
const roundTrip = v.nullable(v.pipe(v.number(), v.finite(), v.minValue(0)));

const memberFields = {
  id: clientId,
  nick: shown,
  address4,
  address6,
  status: v.picklist(["offline", "online", "unreachable", "unapproved", "error"]),
  role: v.picklist(["member", "administrator", "owner", "hub"]),
  alias: v.nullable(address4),
  path: v.nullable(pathKind),
  transport: v.nullable(transport),
  endpoint: v.nullable(shown),
  rttMs: roundTrip,
  suite: v.nullable(v.picklist([1, 2])),
  bytesIn: count,
  bytesOut: count,
  encrypted: v.nullable(v.boolean()),
  message: v.nullable(shown),
};

const privileges = v.pipe(v.array(v.picklist(PRIVILEGE_NAMES)), v.maxLength(PRIVILEGE_NAMES.length));

const networkView = v.object({
  id: shown,
  name: shown,
  online: v.boolean(),
  memberCount: count,
  capacity: count,
  subnet: v.nullable(shown),
  subscription: shown,
  owner: v.object({ id: clientId, nick: shown, isSelf: v.boolean() }),
  type: v.picklist(["mesh", "hub-and-spoke", "gateway"]),
  status: v.picklist(["unlocked", "locked"]),
  approve: v.picklist(["auto", "manual"]),
  plainTunnels: v.boolean(),
  privileges,
  problem: v.nullable(shown),
  members: v.pipe(v.array(v.object(memberFields)), v.maxLength(MAX_MEMBERS)),
});

const status = v.object({
  version: shown,
  pid: count,
  status: v.picklist(["offline", "logging in", "logged in"]),
  id: v.nullable(clientId),
  address4: v.nullable(address4),
  address6: v.nullable(address6),
  nick: shown,
  account: v.nullable(shown),
  server: v.nullable(shown),
  device: v.nullable(shown),
  problem: v.nullable(shown),
});

const pingReply = v.object({
  sequence: count,
  rttMs: roundTrip,
  path: v.nullable(pathKind),
  transport: v.nullable(transport),
  endpoint: v.nullable(shown),
});

const nothing = v.strictObject({});
const done = v.pipe(v.null(), v.transform(() => undefined));
const changed = v.object({ changed: v.boolean() });
/** Longer than any valid name or password, so that the refusal comes from whoever knows the rule and words it. */
const typed = text(MAX_SHOWN_TEXT);
const network = v.strictObject({ network: typed });
const admission = v.strictObject({ network: typed, password: typed });
const member = { network: typed, member: typed };
/** Network messages have at most 1,024 bytes. */
const words = v.strictObject({ network: typed, text: typed });
/** Ten years. */
const MAX_BAN_MS = 10 * 366 * 24 * 3_600_000;
const banView = v.object({ id: clientId, nick: shown, until: v.nullable(count), reason: shown });
const noticeView = v.object({
  network: shown,
  kind: v.picklist(["welcome", "announcement"]),
  from: clientId,
  sentAt: count,
  text: shown,
});

const uses = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(65_535));
const finding = v.object({ id: v.picklist(FINDING_IDS), words: shown, remedy: shown });
const openInviteView = v.object({
  id: shown,
  by: v.object({ id: clientId, nick: shown, isSelf: v.boolean() }),
  usesLeft: uses,
  expiresAt: v.nullable(count),
});
const inviteView = v.object({ link: shown, network: shown, uses, expiresAt: v.nullable(count) });

const fingerprint = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const METHODS: MethodTable = {
  status: { kind: "call", params: nothing, result: status },
  list: { kind: "call", params: nothing, result: v.pipe(v.array(networkView), v.maxLength(MAX_NETWORKS)) },
  peer: {
    kind: "call",
    params: v.strictObject({ peer: typed }),
    result: v.object({
      ...memberFields,
      networks: v.pipe(v.array(shown), v.maxLength(MAX_NETWORKS)),
      plainWanted: v.boolean(),
    }),
  },
  network: { kind: "call", params: network, result: networkView },
  setNick: { kind: "call", params: v.strictObject({ nick: typed }), result: done },
  setIpMode: {
    kind: "call",
    params: v.strictObject({ mode: v.picklist(["ipv4", "ipv6", "both"]) }),
    result: done,
  },
  create: {
    kind: "call",
    params: v.strictObject({
      ...admission.entries,
      type: v.exactOptional(v.picklist(["mesh", "hub-and-spoke"])),
    }),
    result: done,
  },
  join: { kind: "call", params: admission, result: v.object({ pending: v.boolean() }) },
  invite: {
    kind: "call",
    params: v.strictObject({
      network: typed,
      uses,
      forMs: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(MAX_BAN_MS))),
    }),
    result: inviteView,
  },
  invites: { kind: "call", params: network, result: v.pipe(v.array(openInviteView), v.maxLength(MAX_INVITES)) },
  revoke: { kind: "call", params: v.strictObject({ network: typed, invite: typed }), result: done },
  doctor: { kind: "call", params: nothing, result: v.array(finding) },
  joinInvited: {
    kind: "call",
    params: v.strictObject({ link: typed }),
    result: v.object({ network: shown, pending: v.boolean() }),
  },
  verify: {
    kind: "call",
    params: v.strictObject({ peer: typed, install: v.nullable(fingerprint), acceptNew: v.boolean() }),
    result: v.object({
      id: clientId,
      nick: shown,
      address4,
      state: v.picklist(["pinned", "unpinned", "changed"]),
      pinned: v.nullable(fingerprint),
      told: v.nullable(fingerprint),
      own: fingerprint,
      words: v.nullable(shown),
    }),
  },
  leave: { kind: "call", params: network, result: done },
  delete: { kind: "call", params: network, result: done },
  setPassword: { kind: "call", params: admission, result: done },
  setAccess: {
    kind: "call",
    params: v.strictObject({
      network: typed,
      locked: v.nullable(v.boolean()),
      approve: v.nullable(v.picklist(["auto", "manual"])),
    }),
    result: done,
  },
  setPlain: { kind: "call", params: v.strictObject({ network: typed, allowed: v.boolean() }), result: done },
  plain: { kind: "call", params: v.strictObject({ peer: typed, wanted: v.boolean() }), result: done },
  approve: { kind: "call", params: v.strictObject(member), result: done },
  reject: { kind: "call", params: v.strictObject(member), result: done },
  evict: { kind: "call", params: v.strictObject(member), result: done },
  ban: {
    kind: "call",
    params: v.strictObject({
      ...member,
      forMs: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(MAX_BAN_MS))),
      reason: typed,
    }),
    result: done,
  },
  unban: { kind: "call", params: v.strictObject(member), result: done },
  bans: { kind: "call", params: network, result: v.pipe(v.array(banView), v.maxLength(MAX_MEMBERS)) },
  setAdmin: { kind: "call", params: v.strictObject({ ...member, privileges }), result: done },
  setHub: { kind: "call", params: v.strictObject({ ...member, hub: v.boolean() }), result: done },
  handOver: { kind: "call", params: v.strictObject(member), result: done },
  setWelcome: { kind: "call", params: words, result: done },
  announce: { kind: "call", params: words, result: done },
  notices: { kind: "call", params: nothing, result: v.pipe(v.array(noticeView), v.maxLength(MAX_NETWORKS)) },
  goOnline: { kind: "call", params: network, result: done },
  goOffline: { kind: "call", params: network, result: done },
  login: { kind: "call", params: nothing, result: changed },
  logout: { kind: "call", params: nothing, result: changed },
  ping: {
    kind: "stream",
    params: v.strictObject({
      peer: typed,
      count: v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(1_000_000))),
      intervalMs: milliseconds,
      timeoutMs: milliseconds,
    }),
    result: pingReply,
  },
  netcheck: { kind: "call", params: nothing, result: v.custom<NatView>(isNatView) },
  why: { kind: "call", params: v.strictObject({ peer: typed }), result: v.custom<WhyView>(isWhyView) },
  down: { kind: "call", params: nothing, result: done },
  send: { kind: "call", params: v.custom<SendParams>(isSendParams), result: v.custom<MessageView>(isMessageView) },
  inbox: {
    kind: "call",
    params: v.custom<InboxParams>(isInboxParams),
    result: v.custom<MessageView[]>(isMessageViews),
  },
  events: {
    kind: "stream",
    params: v.custom<EventsParams>(isEventsParams),
    result: v.custom<EngineEvent>(isEngineEvent),
  },
};

/** Names of all methods, in the order of `EngineControl`. */
export const METHOD_NAMES: readonly MethodName[] = Object.keys(METHODS) as MethodName[];

/** Whether `name`, which may be anything, names a method. */
export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

/** `call` answers once, `stream` any number of times and then ends. */
export function methodKind(method: MethodName): "call" | "stream" {
  return METHODS[method].kind;
}

/** Of results that only a function of their own module checks. */
const DESCRIBED: Partial<Record<MethodName, Shape>> = { ...NAT_SHAPES, ...CHAT_SHAPES };

/** What `method` gives back, for those who describe it. */
export function resultShape(method: MethodName): Shape {
  return DESCRIBED[method] ?? METHODS[method].result;
}

/** `value` as the parameters of `method`. Throws `ControlError` (`invalidRequest`) when it is anything else. */
export function parseParams(method: MethodName, value: unknown): unknown {
  return parseWith(METHODS[method].params, value, `parameters of ${method}`);
}

/** `value` as a result or one streamed item of `method`. Throws `ControlError` (`internal`) when it is anything else. */
export function parseResult(method: MethodName, value: unknown): unknown {
  const result = v.safeParse(METHODS[method].result, value);
  if (result.success) return result.output;
  throw new ControlError("internal", `the engine sent a malformed result of ${method}: ${where(result.issues)}`);
}

/** `value` as a refusal. A code that this version does not know becomes `internal`. */
export function parseFailure(value: unknown): ControlError {
  const failure = v.safeParse(v.object({ code: v.string(), hint: v.optional(shown) }), value);
  if (!failure.success) return new ControlError("internal", "the engine sent a malformed refusal");
  const { code, hint } = failure.output;
  if (Object.hasOwn(FAILURE_REASONS, code)) return new ControlError(code as FailureCode, hint);
  return new ControlError("internal", `the engine refused with ${code}`);
}

function parseWith(schema: v.GenericSchema, value: unknown, what: string): unknown {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new ControlError("invalidRequest", `malformed ${what}: ${where(result.issues)}`);
}

/** The path of the first fault, such as `members.3.id`. Never the value, which may be a password. */
function where(issues: readonly v.BaseIssue<unknown>[]): string {
  const first = issues[0];
  return first === undefined ? "unknown" : `${v.getDotPath(first) ?? "value"} is not as expected`;
}
