/**
 * What members are told when something about their networks changes: one message of constant size to each of them, never
 * the whole list again.
 *
 * @module
 */
import { encodeControl, MEMBER_CHANGE, NETWORK_GONE, NOTICE, TUNNEL_CLOSED } from "../protocol/mod.ts";
import { isConnectedToAll, type Place } from "./powers.ts";
import { connectingMemberships } from "./registry.ts";
import type { Account, Announcement, Membership, Network } from "./store.ts";
import { headOf, memberRecord, networkMessage } from "./views.ts";
import type { Place as PresencePlace } from "./presence.ts";
import type { ControlClient, World } from "./world.ts";

/** What happened to a member. */
export type MemberChange = keyof typeof MEMBER_CHANGE;

/** Tells the other logged-in members of `network` that may see it of a change in one of them. */
export function announceMember(
  world: World,
  network: Network,
  membership: Membership,
  account: Account,
  change: MemberChange,
): void {
  const sees = isConnectedToAll(network, membership)
    ? () => true
    : (clientId: number) => world.presence.isConnectedToAll(clientId, network.networkId);
  tellMember(world, { network, membership, account }, change, sees);
}

/** A member is a hub now, or none any more: those that begin or cease to see it are told so, and it whom it sees. */
export async function announceHub(world: World, place: Place, wasHub: boolean): Promise<void> {
  const { network, membership, account } = place;
  const { networkId } = network;
  announceMember(world, network, membership, account, "changed");
  const isHub = (clientId: number) => world.presence.isConnectedToAll(clientId, networkId);
  if (wasHub && !membership.isHub) tellMember(world, place, "left", (clientId) => !isHub(clientId));
  const client = world.presence.find(account.clientId);
  if (client !== null) await tellNetwork(world, client, network, membership);
  await endTunnelsWithStrangers(world, account.clientId);
}

function tellMember(
  world: World,
  { network, membership, account }: Place,
  change: MemberChange,
  sees: (clientId: number) => boolean,
): void {
  const isOnline = world.presence.isOnline.bind(world.presence);
  const message = encodeControl({
    type: "member",
    requestId: 0,
    networkId: network.networkId,
    change: MEMBER_CHANGE[change],
    member: memberRecord(network, membership, account, isOnline),
  });
  for (const client of world.presence.audience(network.networkId)) {
    if (client.clientId !== account.clientId && sees(client.clientId)) client.sendEncoded(message);
  }
}

/** Where a member stands for `presence`. */
export function presenceOf(network: Network, { networkId, isOnline, isHub }: Membership): PresencePlace {
  return { networkId, isVisible: isOnline, isConnectedToAll: isConnectedToAll(network, { isHub }) };
}

/** Tells all members that are logged in, those that wait for approval too, what the network is like now. */
export async function tellHeads(world: World, network: Network): Promise<void> {
  const members = await world.store.read((transaction) => transaction.membersOf(network.networkId));
  for (const member of members) {
    const client = world.presence.find(member.clientId);
    if (client === null) continue;
    client.send({ type: "networkChanged", requestId: 0, head: headOf(network, member, client.plan, world.policy) });
  }
}

/** Tells a client, if it is logged in, what stands behind the network's password; nothing where that is as at first. */
export function tellSealing(world: World, clientId: number, { networkId, sealing }: Network): void {
  if (sealing.length === 0) return;
  world.presence.find(clientId)?.send({ type: "sealing", requestId: 0, networkId, sealing });
}

/** The network's words for a new member, dated by its joining, so that a repetition is known as one. */
export function tellWelcome(client: ControlClient, network: Network, { joinedAtMs }: Membership): void {
  const { networkId, ownerClientId: clientId, welcome: message } = network;
  if (message === "" || client.clientId === clientId) return;
  const notice = { networkId, kind: NOTICE.welcome, clientId, sentAt: BigInt(joinedAtMs), message };
  client.send({ type: "notice", requestId: 0, ...notice });
}

/** What somebody told all members. */
export function tellAnnouncement(client: ControlClient, announcement: Announcement): void {
  const { networkId, clientId, sentAtMs, message } = announcement;
  const notice = { networkId, kind: NOTICE.announcement, clientId, sentAt: BigInt(sentAtMs), message };
  client.send({ type: "notice", requestId: 0, ...notice });
}

/** Tells a client the whole of a network that it has made or joined. */
export async function tellNetwork(
  world: World,
  client: ControlClient,
  network: Network,
  membership: Membership,
): Promise<void> {
  const members = await world.store.read((transaction) => transaction.membersOf(network.networkId));
  const isOnline = world.presence.isOnline.bind(world.presence);
  client.send(networkMessage(network, membership, members, isOnline, { plan: client.plan, policy: world.policy }));
  tellSealing(world, client.clientId, network);
}

/** Tells a client, if it is logged in, that a network is none of its own any more. */
export function tellNetworkGone(
  world: World,
  clientId: number,
  networkId: number,
  reason: keyof typeof NETWORK_GONE,
): void {
  const message = { type: "networkGone", requestId: 0, networkId, reason: NETWORK_GONE[reason] } as const;
  world.presence.find(clientId)?.send(message);
}

/**
 * Ends the tunnels of a client with those with whom it has no network left in which both want to be seen, relayed tunnels
 * too. Whether the other is logged in does not matter: a tunnel outlives its control connections.
 */
export async function endTunnelsWithStrangers(
  world: World,
  clientId: number,
  reason: keyof typeof TUNNEL_CLOSED = "noCommonNetwork",
): Promise<void> {
  for (const otherId of world.rendezvous.peersOf(clientId)) {
    const pairs = await world.store.read((transaction) => connectingMemberships(transaction, clientId, otherId));
    if (pairs.some(([own, other]) => own.isOnline && other.isOnline)) continue;
    for (const { ends } of world.rendezvous.end(clientId, otherId)) {
      world.relays.revoke(ends.map(({ localSpi }) => localSpi));
      for (const { client, localSpi } of ends) {
        const message = { type: "tunnelClosed", requestId: 0, localSpi, reason: TUNNEL_CLOSED[reason] } as const;
        world.presence.find(client.clientId)?.send(message);
      }
    }
  }
}
