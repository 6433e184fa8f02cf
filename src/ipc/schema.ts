/**
 * The engine's local control interface: what a command may ask of the running engine and what it gets back.
 *
 * `EngineControl` is the contract. The engine implements it, the control server serves it on a socket, and the control
 * client is an `EngineControl` on the other end of that socket, so a command cannot tell the two apart.
 * To add an action: add its method here; the compiler then asks for its schema in `methods.ts`, and nothing else.
 *
 * Every method takes one record (or nothing), so that it can travel as JSON. A refusal is a thrown `ControlError`.
 * Strings are raw, as the server or another member sent them: whoever prints one passes it through `safe()` first.
 *
 * @module
 */
import type { ChatControl } from "./chat_schema.ts";
import type { DoctorControl } from "./doctor_schema.ts";
import type { InviteControl } from "./invite_schema.ts";
import type { NatControl } from "./nat_schema.ts";

/** How packets reach a peer: straight, through a relay, or through the mediation server's own control connection. */
export type PathKind = "direct" | "relay" | "server";

/** What carries a tunnel's packets to the next hop. */
export type TransportKind = "udp" | "tcp" | "tls";

/**
 * A member as its mark in `list` shows it (S66; marks of the Linux client): `offline` blank, `online` `*`,
 * `unreachable` `x` (online, yet no path works), `unapproved` `?` (waits for the owner), `error` `!` (see `message`).
 */
export type MemberStatus = "offline" | "online" | "unreachable" | "unapproved" | "error";

/** What a member is in a network. A hub of a hub-and-spoke network may be an administrator as well. */
export type MemberRole = "member" | "administrator" | "owner" | "hub";

/** What the owner may let an administrator do (S91 to S96). */
export const PRIVILEGE_NAMES = ["password", "access", "approve", "evict", "ban", "messages"] as const;

/** One of these privileges. */
export type PrivilegeName = (typeof PRIVILEGE_NAMES)[number];

/** Another member of a network, as this client sees it. One does not list oneself. */
export interface MemberView {
  /** Client id, `ddd-ddd-ddd`. */
  id: string;
  /** Nickname, at most 128 bytes of UTF-8; `""` = none was set. */
  nick: string;
  /** Virtual IPv4 address in dotted form. */
  address4: string;
  /** Virtual IPv6 address as RFC 5952 writes it. */
  address6: string;
  /** See `MemberStatus`. */
  status: MemberStatus;
  /** See `MemberRole`; of a peer the one in its first common network. */
  role: MemberRole;
  /** IPv4 address under which this client reaches the peer instead of `address4`, or null. */
  alias: string | null;
  /** Path in use, null = no tunnel. */
  path: PathKind | null;
  /** Transport of that path, null = no tunnel. */
  transport: TransportKind | null;
  /** Underlay endpoint of that path, `a.b.c.d:port` or `[v6]:port`, null = no tunnel. */
  endpoint: string | null;
  /** Smoothed round trip of that path in milliseconds, null = not measured. */
  rttMs: number | null;
  /** Suite of the tunnel's keys, null = no tunnel. */
  suite: 1 | 2 | null;
  /** Bytes of inner packets received from the peer since the engine started. */
  bytesIn: number;
  /** Bytes of inner packets sent to the peer since the engine started. */
  bytesOut: number;
  /** Whether the tunnel is encrypted: false only where both ends and all common networks agree (S100); null = no tunnel. */
  encrypted: boolean | null;
  /** Why `status` is `error` or `unreachable`, or that the tunnel is not encrypted, in letters and spaces only; or null. */
  message: string | null;
}

/** A member of at least one common network, with the names of these networks. */
export interface PeerView extends MemberView {
  /** Ids of the networks shared with the peer, at least one. */
  networks: string[];
  /** Whether this client has said that the tunnel may go without encryption (`plain`), whatever came of it. */
  plainWanted: boolean;
}

/** Who owns a network. */
export interface OwnerView {
  /** Client id, `ddd-ddd-ddd`. */
  id: string;
  /** Nickname, `""` = none was set. */
  nick: string;
  /** Whether the owner is this client. */
  isSelf: boolean;
}

/** A network this client is a member of. */
export interface NetworkView {
  /** Network id as commands take it; for networks made by `create` it is the name as typed. */
  id: string;
  /** Name, 4 to 64 bytes of UTF-8, blanks allowed. */
  name: string;
  /** Whether this client is online in the network (`go-online`, `go-offline`). */
  online: boolean;
  /** Members in all, this client and unapproved ones included. */
  memberCount: number;
  /** Most members the network may have. */
  capacity: number;
  /** Physical subnet behind a gateway network, `a.b.c.d/bits`, or null. */
  subnet: string | null;
  /** Name of the plan that limits the network, letters and hyphens, such as `Free`. */
  subscription: string;
  /** See `OwnerView`. */
  owner: OwnerView;
  /** Who is connected to whom. */
  type: "mesh" | "hub-and-spoke" | "gateway";
  /** Whether the network takes new members (S86). */
  status: "unlocked" | "locked";
  /** Whether a new member is let in at once or waits for approval (S87). */
  approve: "auto" | "manual";
  /** Whether tunnels within it may go without encryption where both ends want it, and the plan of this client allows it. */
  plainTunnels: boolean;
  /** What this client may do in it; the owner may do everything. */
  privileges: PrivilegeName[];
  /** What keeps this client from the others and what to do, one line for a person; null = nothing. */
  problem: string | null;
  /** The other members, sorted by nickname, then by id. */
  members: MemberView[];
}

/** The engine itself. */
export interface EngineStatus {
  /** Version of the running engine, which may be older than that of the command. */
  version: string;
  /** Process id of the engine. */
  pid: number;
  /** State of the control connection. */
  status: "offline" | "logging in" | "logged in";
  /** Own client id, null = never registered. */
  id: string | null;
  /** Own virtual IPv4 address, null = never registered. */
  address4: string | null;
  /** Own virtual IPv6 address, null = never registered. */
  address6: string | null;
  /** Own nickname, `""` = none was set. */
  nick: string;
  /** Account this client is attached to, null = none. */
  account: string | null;
  /** Mediation server as `HOST:PORT`, null = none was given yet. */
  server: string | null;
  /** Name of the tunnel device, null = none is open. */
  device: string | null;
  /** What a person has to mend, such as a full disk, in one line; null = nothing. */
  problem: string | null;
}

/** One answered or lost ping. */
export interface PingReply {
  /** Number of the ping, from 1. */
  sequence: number;
  /** Round trip in milliseconds, null = no answer within `timeoutMs`. */
  rttMs: number | null;
  /** Path the ping took, null = there was none. */
  path: PathKind | null;
  /** Transport of that path, null = there was none. */
  transport: TransportKind | null;
  /** Underlay endpoint of that path, null = there was none. */
  endpoint: string | null;
}

/** What `ping` takes. */
export interface PingParams {
  /** The peer: client id, virtual IPv4 or IPv6 address, or unambiguous nickname. */
  peer: string;
  /** How many to send, 1 to 1,000,000; null = until the signal is aborted. */
  count: number | null;
  /** Pause between two pings in milliseconds, 10 to 3,600,000. */
  intervalMs: number;
  /** How long an answer is waited for in milliseconds, 10 to 3,600,000. */
  timeoutMs: number;
}

/** What methods on one network take. */
export interface NetworkParams {
  /** Network id or name, exactly as typed. */
  network: string;
}

/** What `create` and `join` take. */
export interface AdmissionParams extends NetworkParams {
  /** The network's password, at most 256 bytes; `""` = none. */
  password: string;
}

/** Which addresses the device has. */
export type IpMode = "ipv4" | "ipv6" | "both";

/** What `create` takes. */
export interface CreateParams extends AdmissionParams {
  /** Who is connected to whom; default `mesh`. */
  type?: "mesh" | "hub-and-spoke";
}

/** What `setAccess` takes; null = as it is. */
export interface AccessParams extends NetworkParams {
  /** Whether the network takes no new members. */
  locked: boolean | null;
  /** Whether new members wait for approval. */
  approve: "auto" | "manual" | null;
}

/** What methods on a member of a network take. */
export interface MemberParams extends NetworkParams {
  /** Client id, or virtual address or unambiguous nickname of a member that is listed. */
  member: string;
}

/** What `ban` takes. */
export interface BanParams extends MemberParams {
  /** How long, in milliseconds from now; null = for good. */
  forMs: number | null;
  /** Why; `""` = not said. At most 96 bytes are kept. */
  reason: string;
}

/** Somebody who may not join a network. */
export interface BanView {
  /** Client id, `ddd-ddd-ddd`. */
  id: string;
  /** Nickname when it was banned, `""` = none was set. */
  nick: string;
  /** When it ends, milliseconds since 1970; null = never. */
  until: number | null;
  /** Why, `""` = not said. */
  reason: string;
}

/** Words for all members of a network: its welcome, or an announcement (S98, S99). */
export interface NoticeView {
  /** Name of the network when it came. */
  network: string;
  /** Which of both. */
  kind: "welcome" | "announcement";
  /** Client id of the owner or administrator, `ddd-ddd-ddd`. */
  from: string;
  /** When it was said, milliseconds since 1970. */
  sentAt: number;
  /** The words. */
  text: string;
}

/** What `verify` takes. */
export interface VerifyParams {
  /** The peer: client id, virtual IPv4 or IPv6 address, or unambiguous nickname. */
  peer: string;
  /** Fingerprint of its key of suite 2 that the user has from the peer, 64 hexadecimal digits; null = none. */
  install: string | null;
  /** Whether the user accepts another key than the one pinned, or a lower suite. */
  acceptNew: boolean;
}

/** Keys of suite 2 as fingerprints of 64 hexadecimal digits: what is pinned of a peer, and what the server tells. */
export interface KeyView {
  /** Client id, `ddd-ddd-ddd`. */
  id: string;
  /** Nickname, `""` = none was set. */
  nick: string;
  /** Virtual IPv4 address. */
  address4: string;
  /** `changed`: the server tells of another key than the one pinned, so there is no tunnel. */
  state: "pinned" | "unpinned" | "changed";
  /** Null = none. */
  pinned: string | null;
  /** Null = none, or there is no connection to the server. */
  told: string | null;
  /** Of this client. */
  own: string;
  /** Eight words that are the same at both ends; null where the peer has no key of suite 2. */
  words: string | null;
}

/** What a running engine does for commands. Each method rejects with `ControlError` and with nothing else. */
export interface EngineControl extends ChatControl, DoctorControl, InviteControl, NatControl {
  /** The engine's state. Never refused. */
  status(): Promise<EngineStatus>;
  /** All networks of this client with their members, sorted by name. Empty when offline and nothing is cached. */
  list(): Promise<NetworkView[]>;
  /** One peer by client id, virtual IPv4 or IPv6 address or nickname. Fails with `peerNotFound`, `peerAmbiguous`. */
  peer(params: { peer: string }): Promise<PeerView>;
  /** One network by id or name. Fails with `networkNotFound`. */
  network(params: NetworkParams): Promise<NetworkView>;
  /** Sets the own nickname, kept over restarts and told to the server when online. Fails with `invalidNick`. */
  setNick(params: { nick: string }): Promise<void>;
  /** Chooses which addresses the device has, kept over restarts. */
  setIpMode(params: { mode: IpMode }): Promise<void>;
  /** Makes a network owned by this client. Fails with `nameTaken`, `invalidName`, `tooManyNetworks`, `notLoggedIn`. */
  create(params: CreateParams): Promise<void>;
  /**
   * Joins a network; `pending` = the request waits for approval.
   * Fails with `invalidPassword` (also for an unknown network, unless the server lists its networks),
   * `networkNotFound`, `networkFull`, `networkLocked`, `alreadyMember`, `isOwner`, `tooManyNetworks`, `notLoggedIn`.
   */
  join(params: AdmissionParams): Promise<{ pending: boolean }>;
  /** Shows the keys of a peer, pins one, or accepts a changed one. Fails with `peerNotFound`, `keyPinned`, `notLoggedIn`. */
  verify(params: VerifyParams): Promise<KeyView>;
  /** Leaves a network. Fails with `networkNotFound`, `isOwner`, `notLoggedIn`. */
  leave(params: NetworkParams): Promise<void>;
  /** Deletes an own network. Fails with `networkNotFound`, `notOwner`, `notLoggedIn`. */
  delete(params: NetworkParams): Promise<void>;
  /** Changes a network's password, `""` = none; members stay. Fails with `networkNotFound`, `notPermitted`, `notLoggedIn`. */
  setPassword(params: AdmissionParams): Promise<void>;
  /** Changes who may join. Fails with `networkNotFound`, `notPermitted`, `notLoggedIn`. */
  setAccess(params: AccessParams): Promise<void>;
  /** Allows tunnels without encryption in a network, the owner's word. Fails with `networkNotFound`, `notPermitted`, `notLoggedIn`. */
  setPlain(params: NetworkParams & { allowed: boolean }): Promise<void>;
  /** Lets the tunnel with a peer go without encryption, as far as we are concerned. Fails with `peerNotFound`, `peerKeyRefused`, `limitReached`. */
  plain(params: { peer: string; wanted: boolean }): Promise<void>;
  /** Lets in a member that waits. Fails with `networkNotFound`, `peerNotFound`, `notAwaitingApproval`, `notPermitted`. */
  approve(params: MemberParams): Promise<void>;
  /** Sends away a member that waits. Fails as `approve` does. */
  reject(params: MemberParams): Promise<void>;
  /** Ends a membership; the member may join again. Fails with `networkNotFound`, `peerNotFound`, `notPermitted`. */
  evict(params: MemberParams): Promise<void>;
  /** Ends a membership, if there is one, and keeps the client out. Fails as `evict` does, and with `limitReached`. */
  ban(params: BanParams): Promise<void>;
  /** Ends a ban. Fails with `networkNotFound`, `notBanned`, `notPermitted`. */
  unban(params: MemberParams): Promise<void>;
  /** The bans of a network. Fails with `networkNotFound`, `notPermitted`, `notLoggedIn`. */
  bans(params: NetworkParams): Promise<BanView[]>;
  /** Makes a member an administrator with these privileges, or none. Fails as `evict` does. */
  setAdmin(params: MemberParams & { privileges: PrivilegeName[] }): Promise<void>;
  /** Makes a member of a hub-and-spoke network a hub, or a spoke. Fails as `evict` does. */
  setHub(params: MemberParams & { hub: boolean }): Promise<void>;
  /** Hands a network on to a member. Fails as `evict` does, and with `limitReached`. */
  handOver(params: MemberParams): Promise<void>;
  /** Sets what members are told at their first connection, `""` = nothing. Fails with `networkNotFound`, `notPermitted`. */
  setWelcome(params: NetworkParams & { text: string }): Promise<void>;
  /** Tells all members something. Fails with `networkNotFound`, `notPermitted`, `tooManyTries`, `notLoggedIn`. */
  announce(params: NetworkParams & { text: string }): Promise<void>;
  /** Welcomes and announcements that came, the oldest first; the last 100 are kept. */
  notices(): Promise<NoticeView[]>;
  /** Shows this client online in a network and builds its tunnels. Fails with `networkNotFound`, `notLoggedIn`. */
  goOnline(params: NetworkParams): Promise<void>;
  /** Shows this client offline in a network and ends its tunnels. Fails with `networkNotFound`, `notLoggedIn`. */
  goOffline(params: NetworkParams): Promise<void>;
  /**
   * Connects to the server and stays connected from now on, over restarts too; resolves when logged in.
   * `changed` = false when it was logged in already. Fails with `serverUnreachable`, `serverKeyChanged`, `noServer`.
   */
  login(): Promise<{ changed: boolean }>;
  /** Ends the control connection and all tunnels until the next `login`. `changed` = false when offline already. */
  logout(): Promise<{ changed: boolean }>;
  /**
   * Sends probes through the tunnel to a peer and yields one reply per probe, in order of sequence. Builds the tunnel
   * first where there is none. Aborting `signal` ends the iteration normally within 100 ms.
   * Fails with `peerNotFound`, `peerAmbiguous`.
   */
  ping(params: PingParams, signal: AbortSignal): AsyncIterable<PingReply>;
  /**
   * Stops the engine: resolves when the device is closed and all that was set up is undone. The engine stops its control
   * server only after that, so that the reply still leaves; then the process ends.
   */
  down(): Promise<void>;
}

/** Name of a method of `EngineControl`. */
export type MethodName = keyof EngineControl;

/**
 * Why a method was refused: code (in `--json`) → the words after `.. failed,`. The first six are the Linux client's own
 * words, on which programs that read its output depend. `busy` is retried by such programs at once and for ever:
 * it stands for states of a second, never for a limit.
 */
export const FAILURE_REASONS = {
  networkNotFound: "network not found",
  invalidPassword: "invalid password",
  networkFull: "the network is full",
  networkLocked: "network is locked",
  alreadyMember: "you are already a member",
  isOwner: "you are an owner",
  nameTaken: "network name is already taken",
  invalidName: "invalid network name",
  invalidNick: "invalid nickname",
  invalidRequest: "invalid request",
  notOwner: "you are not the owner",
  notPermitted: "you have no right to do this",
  banned: "you are banned",
  notBanned: "the client is not banned",
  notAwaitingApproval: "the client does not wait for approval",
  limitReached: "limit reached",
  noAccounts: "there are no accounts to attach to",
  nothingPending: "nothing is pending",
  keyPinned: "another key is pinned for this peer",
  invalidInvite: "the invite is used up or not valid",
  inviteNotFound: "there is no such invite of yours",
  otherServer: "the invite is for another server",
  notLoggedIn: "you are not logged in",
  noServer: "no server is set",
  serverUnreachable: "the server cannot be reached",
  serverKeyChanged: "the server has another key than the one pinned",
  serverCannotSave: "the server cannot save",
  cannotSave: "this computer cannot save",
  peerNotFound: "peer not found",
  peerKeyRefused: "there is no key of the peer to trust",
  invalidMessage: "invalid message",
  peerAmbiguous: "several peers have this nickname",
  tooManyNetworks: "you are in too many networks",
  tooManyTries: "too many tries, wait a minute",
  busy: "busy",
  timedOut: "the server did not answer in time",
  engineGone: "the engine has ended",
  internal: "internal error",
} as const;

/** Code of a refusal, a key of `FAILURE_REASONS`. */
export type FailureCode = keyof typeof FAILURE_REASONS;

/** A method of `EngineControl` was refused; the engine itself is well. */
export class ControlError extends Error {
  /** Why, as a code. */
  readonly code: FailureCode;
  /** What a person may try, or where exactly it went wrong; one line, or undefined. */
  readonly hint: string | undefined;

  /** `hint`: one line of free text for a person, at most 1000 characters. */
  constructor(code: FailureCode, hint?: string) {
    super(FAILURE_REASONS[code]);
    this.name = "ControlError";
    this.code = code;
    this.hint = hint;
  }
}
