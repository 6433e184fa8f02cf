/**
 * What this client knows of its networks and their members, as the server told it: a pure reduction of its messages.
 *
 * It outlives the control connection: tunnels go on while the server is away, and so does the list. After a login the server
 * tells every network anew; what it has not told by SYNCHRONISED is gone.
 *
 * @module
 */
import { type Cidr4, cidr4Contains } from "../base/ip.ts";
import {
  type ControlMessage,
  MAX_COUNT,
  type Member,
  MEMBER_CHANGE,
  MEMBER_STATUS,
  MEMBERSHIP,
  NETWORK_FLAG,
  type NetworkHead,
} from "../protocol/mod.ts";

/** One network with its members by client id; whether it holds oneself is up to the server. */
export interface KnownNetwork {
  /** As the server last told it. */
  readonly head: NetworkHead;
  /** By client id. */
  readonly members: ReadonlyMap<number, Member>;
}

/** All networks by id. */
export interface NetworksView {
  /** By network id. */
  readonly networks: ReadonlyMap<number, KnownNetwork>;
  /** Ids told since the login; null once the server has told them all. */
  readonly toldSinceLogin: ReadonlySet<number> | null;
}

/** Before the first login. */
export const EMPTY_VIEW: NetworksView = { networks: new Map(), toldSinceLogin: null };

/** What changes the view. */
export type ViewMessage = Extract<
  ControlMessage,
  { type: "welcome" | "network" | "member" | "networkGone" | "networkChanged" | "synchronised" }
>;

/** The view after a message. Messages about networks it does not hold change nothing. */
export function reduceView(view: NetworksView, message: ViewMessage): NetworksView {
  switch (message.type) {
    case "welcome":
      return { ...view, toldSinceLogin: new Set() };
    case "network":
      return withNetwork(view, message.head, membersById(message.members));
    case "networkChanged": {
      const known = view.networks.get(message.head.networkId);
      return known === undefined ? view : withNetwork(view, message.head, known.members);
    }
    case "member": {
      const known = view.networks.get(message.networkId);
      return known === undefined ? view : withNetwork(view, known.head, withMember(known.members, message));
    }
    case "networkGone":
      return { ...view, networks: without(view.networks, message.networkId) };
    case "synchronised":
      return synchronised(view);
  }
}

function withNetwork(view: NetworksView, head: NetworkHead, members: ReadonlyMap<number, Member>): NetworksView {
  const { networkId } = head;
  if (!view.networks.has(networkId) && view.networks.size >= MAX_COUNT.networks) return view;
  const networks = new Map(view.networks).set(networkId, { head, members });
  const toldSinceLogin = view.toldSinceLogin === null ? null : new Set(view.toldSinceLogin).add(networkId);
  return { networks, toldSinceLogin };
}

function withMember(
  members: ReadonlyMap<number, Member>,
  { change, member }: { change: number; member: Member },
): ReadonlyMap<number, Member> {
  if (change !== MEMBER_CHANGE.joined && change !== MEMBER_CHANGE.changed) return without(members, member.clientId);
  if (!members.has(member.clientId) && members.size >= MAX_COUNT.members) return members;
  return new Map(members).set(member.clientId, member);
}

function synchronised({ networks, toldSinceLogin }: NetworksView): NetworksView {
  const kept = toldSinceLogin === null ? networks : new Map([...networks].filter(([id]) => toldSinceLogin.has(id)));
  return { networks: kept, toldSinceLogin: null };
}

function membersById(members: readonly Member[]): ReadonlyMap<number, Member> {
  return new Map(members.map((member) => [member.clientId, member]));
}

function without<T>(map: ReadonlyMap<number, T>, key: number): ReadonlyMap<number, T> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** Who we are at this server, and which addresses are virtual ones. */
export interface OwnPlace {
  /** Own client id. */
  clientId: number;
  /** Own virtual address. */
  virtualAddress: number;
  /** Addresses the server hands out. */
  pool: Cidr4;
}

/** A member of at least one network that both are full members of. */
export interface KnownPeer {
  /** As the server last told it; status and role are those of one of the networks. */
  member: Member;
  /** Networks of both, by id. */
  networkIds: number[];
  /** Whether we are online in one of them: a tunnel that exists may go on. */
  isAllowed: boolean;
  /** Whether both are online in one of them: a tunnel may be made. */
  isWithinReach: boolean;
  /** Whether all of them allow tunnels without encryption: the packets of all go through the one tunnel. */
  allowsPlain: boolean;
}

/**
 * The peers, by virtual address. An address that is our own, lies outside of the pool, or belongs to two clients is the
 * server's mistake or worse: packets from there could pass for those of somebody else, so the member gets no tunnel.
 */
export function peersOf(view: NetworksView, own: OwnPlace): Map<number, KnownPeer> {
  const peers = new Map<number, KnownPeer>();
  for (const { head, members } of view.networks.values()) {
    if (head.membership !== MEMBERSHIP.member) continue;
    for (const member of members.values()) {
      if (!mayBePeer(member, own)) continue;
      const known = peers.get(member.address);
      if (known !== undefined && known.member.clientId !== member.clientId) continue;
      peers.set(member.address, {
        member,
        networkIds: [...known?.networkIds ?? [], head.networkId],
        isAllowed: known?.isAllowed === true || head.online,
        isWithinReach: known?.isWithinReach === true || (head.online && member.status === MEMBER_STATUS.online),
        allowsPlain: known?.allowsPlain !== false && (head.flags & NETWORK_FLAG.plainTunnelsAllowed) !== 0,
      });
    }
  }
  return peers;
}

function mayBePeer(member: Member, own: OwnPlace): boolean {
  return member.clientId !== own.clientId && member.status !== MEMBER_STATUS.awaitingApproval &&
    member.address !== own.virtualAddress && cidr4Contains(own.pool, member.address);
}
