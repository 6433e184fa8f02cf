/**
 * Networks and peers as commands show them: pure functions from what the server told and what the tunnels measured.
 *
 * @module
 */
import { concat } from "../base/bytes.ts";
import { formatIpv4, formatIpv6, mappedIpv4, parseIpv4, parseIpv6 } from "../base/ip.ts";
import {
  ControlError,
  type MemberRole,
  type MemberStatus,
  type MemberView,
  type NetworkView,
  type PathKind,
  type PeerView,
  PRIVILEGE_NAMES,
  type PrivilegeName,
  type TransportKind,
} from "../ipc/schema.ts";
import {
  type Member,
  MEMBER_ROLE,
  MEMBER_STATUS,
  nameKey,
  NETWORK_FLAG,
  NETWORK_KIND,
  type NetworkHead,
  PRIVILEGE,
} from "../protocol/mod.ts";
import type { KnownNetwork, NetworksView } from "./networks_view.ts";

/** A tunnel as `list` shows it. */
export interface LinkFacts {
  /** How packets reach the peer. */
  path: PathKind;
  /** What carries them. */
  transport: TransportKind;
  /** `a.b.c.d:port` or `[v6]:port`. */
  endpoint: string;
  /** Milliseconds, null = not measured. */
  rttMs: number | null;
  /** Suite of its keys. */
  suite: 1 | 2;
  /** Whether others on the way cannot read it. */
  isEncrypted: boolean;
}

/** What the engine itself knows of a peer. */
export interface PeerFacts {
  /** The tunnel, if packets flow. */
  link: LinkFacts | null;
  /** Why there may be no tunnel, in letters and spaces; null = there may be one. */
  refused: string | null;
  /** Whether the search for a path has failed. */
  isUnreachable: boolean;
  /** Inner bytes since the engine started. */
  bytesIn: number;
  /** Inner bytes since the engine started. */
  bytesOut: number;
}

/** What the views are made of. */
export interface ViewInput {
  /** From the server. */
  view: NetworksView;
  /** Own client id. */
  clientId: number;
  /** Own nickname. */
  nick: string;
  /** First 12 bytes of virtual IPv6 addresses. */
  prefix6: Uint8Array;
  /** Whether the server's word on who is online is of now. */
  isLoggedIn: boolean;
  /** By virtual address. */
  factsOf(virtualAddress: number): PeerFacts | null;
  /** Whether the user has named the peer as one whose tunnel may go without encryption. */
  wantsPlain(virtualAddress: number): boolean;
  /** Whether the network must have a secret and this computer has it no longer. */
  hasLostSecret(head: NetworkHead): boolean;
}

const LOST_SECRET =
  "The network's secret is lost here, without which no member can be reached: `join` it again with its password.";

/** `ddd-ddd-ddd`. */
export function formatClientId(clientId: number): string {
  return String(clientId).padStart(9, "0").replace(/^(...)(...)(...)$/, "$1-$2-$3");
}

/** RFC 5952 form of the virtual IPv6 address that belongs to an IPv4 one. */
export function formatVirtual6(prefix6: Uint8Array, virtualAddress: number): string {
  return formatIpv6(concat(prefix6, mappedIpv4(virtualAddress).subarray(12)));
}

/** All networks, sorted by name. */
export function listNetworks(input: ViewInput): NetworkView[] {
  return [...input.view.networks.values()].map((network) => networkView(network, input)).toSorted(byText("name"));
}

/** One network as commands show it. */
export function networkView({ head, members }: KnownNetwork, input: ViewInput): NetworkView {
  const others = [...members.values()].filter((member) => member.clientId !== input.clientId);
  return {
    id: head.name,
    name: head.name,
    online: head.online,
    memberCount: others.length + 1,
    capacity: head.capacity,
    subnet: null,
    subscription: head.subscription,
    owner: ownerView(head, members, input),
    type: head.kind === NETWORK_KIND.hubAndSpoke ? "hub-and-spoke" : "mesh",
    status: (head.flags & NETWORK_FLAG.locked) !== 0 ? "locked" : "unlocked",
    approve: (head.flags & NETWORK_FLAG.manualApproval) !== 0 ? "manual" : "auto",
    plainTunnels: (head.flags & NETWORK_FLAG.plainTunnelsAllowed) !== 0,
    privileges: privilegesOf(head.privileges),
    problem: input.hasLostSecret(head) ? LOST_SECRET : null,
    members: others.map((member) => memberView(member, input, head.online))
      .toSorted((a, b) => byText<MemberView>("nick")(a, b) || byText<MemberView>("id")(a, b)),
  };
}

/** The peer that `text` names in any of the ways commands take. @throws {ControlError} `peerNotFound`, `peerAmbiguous` */
export function findPeer(input: ViewInput, text: string): PeerView {
  const found = new Map<number, { member: Member; networks: KnownNetwork[] }>();
  for (const network of input.view.networks.values()) {
    for (const member of network.members.values()) {
      if (member.clientId === input.clientId || !isNamed(member, text, input.prefix6)) continue;
      const networks = [...found.get(member.clientId)?.networks ?? [], network];
      const isBetter = member.status === MEMBER_STATUS.online || !found.has(member.clientId);
      found.set(member.clientId, { member: isBetter ? member : found.get(member.clientId)!.member, networks });
    }
  }
  if (found.size > 1) throw new ControlError("peerAmbiguous", "Name the peer by its client id or its address.");
  for (const { member, networks } of found.values()) {
    const isOnlineHere = networks.some(({ head }) => head.online);
    return {
      ...memberView(member, input, isOnlineHere),
      networks: networks.map(({ head }) => head.name),
      plainWanted: input.wantsPlain(member.address),
    };
  }
  throw new ControlError("peerNotFound");
}

/** The network of that name, exactly or else up to case. @throws {ControlError} `networkNotFound` */
export function findNetwork(view: NetworksView, name: string): KnownNetwork {
  const networks = [...view.networks.values()];
  const network = networks.find(({ head }) => head.name === name) ??
    networks.find(({ head }) => nameKey(head.name) === nameKey(name));
  if (network === undefined) throw new ControlError("networkNotFound");
  return network;
}

/** Whether `text` names this member in one of the ways commands take. */
export function isNamed(member: Member, text: string, prefix6: Uint8Array): boolean {
  if (formatClientId(member.clientId) === text || member.nick === text && text !== "") return true;
  const address6 = parseIpv6(text);
  return parseIpv4(text) === member.address ||
    address6 !== null && formatIpv6(address6) === formatVirtual6(prefix6, member.address);
}

function memberView(member: Member, input: ViewInput, isOnlineHere: boolean): MemberView {
  const facts = input.factsOf(member.address);
  const status = statusOf(member, facts, input.isLoggedIn);
  const link = status === "online" && isOnlineHere ? facts?.link ?? null : null;
  return {
    id: formatClientId(member.clientId),
    nick: member.nick,
    address4: formatIpv4(member.address),
    address6: formatVirtual6(input.prefix6, member.address),
    status,
    role: ROLES[member.role] ?? "member",
    alias: null,
    path: link?.path ?? null,
    transport: link?.transport ?? null,
    endpoint: link?.endpoint ?? null,
    rttMs: link?.rttMs ?? null,
    suite: link?.suite ?? null,
    encrypted: link?.isEncrypted ?? null,
    bytesIn: facts?.bytesIn ?? 0,
    bytesOut: facts?.bytesOut ?? 0,
    message: messageOf(status, facts, link),
  };
}

function messageOf(status: MemberStatus, facts: PeerFacts | null, link: LinkFacts | null): string | null {
  if (status === "error") return facts?.refused ?? null;
  if (status === "unreachable") return "no path to this peer";
  return link?.isEncrypted === false ? "not encrypted" : null;
}

const ROLES: Readonly<Record<number, MemberRole>> = {
  [MEMBER_ROLE.member]: "member",
  [MEMBER_ROLE.administrator]: "administrator",
  [MEMBER_ROLE.owner]: "owner",
  [MEMBER_ROLE.hub]: "hub",
};

/** Bits of `privileges` by the names that commands know. */
export const PRIVILEGE_BITS: Readonly<Record<PrivilegeName, number>> = {
  password: PRIVILEGE.setPassword,
  access: PRIVILEGE.changeAccess,
  approve: PRIVILEGE.approve,
  evict: PRIVILEGE.evict,
  ban: PRIVILEGE.ban,
  messages: PRIVILEGE.messages,
};

function privilegesOf(bits: number): PrivilegeName[] {
  return PRIVILEGE_NAMES.filter((name) => (bits & PRIVILEGE_BITS[name]) !== 0);
}

/** While the server is away only a tunnel tells who is there. */
function statusOf(member: Member, facts: PeerFacts | null, isLoggedIn: boolean): MemberStatus {
  if (member.status === MEMBER_STATUS.awaitingApproval) return "unapproved";
  if (facts !== null && facts.refused !== null) return "error";
  const hasLink = facts !== null && facts.link !== null;
  const isOnline = isLoggedIn ? member.status === MEMBER_STATUS.online : hasLink;
  if (!isOnline) return "offline";
  return facts !== null && facts.isUnreachable && !hasLink ? "unreachable" : "online";
}

function ownerView(head: NetworkHead, members: ReadonlyMap<number, Member>, input: ViewInput): NetworkView["owner"] {
  const isSelf = head.owner === input.clientId;
  return {
    id: formatClientId(head.owner),
    nick: isSelf ? input.nick : members.get(head.owner)?.nick ?? "",
    isSelf,
  };
}

/** By code points: the same order in every locale. */
function byText<T>(key: keyof T): (a: T, b: T) => number {
  return (a, b) => a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0;
}
