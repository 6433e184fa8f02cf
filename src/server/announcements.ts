/**
 * What members are told when something about their networks changes: one message of constant size to each of them, never
 * the whole list again.
 *
 * @module
 */
import { encodeControl, MEMBER_CHANGE, NETWORK_GONE, TUNNEL_CLOSED } from "../protocol/mod.ts";
import type { Account, Membership, Network } from "./store.ts";
import { memberRecord, networkMessage } from "./views.ts";
import type { ControlClient, World } from "./world.ts";

/** What happened to a member. */
export type MemberChange = keyof typeof MEMBER_CHANGE;

/** Tells the other logged-in members of `network` of a change in one of them. */
export function announceMember(
  world: World,
  network: Network,
  membership: Membership,
  account: Account,
  change: MemberChange,
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
    if (client.clientId !== account.clientId) client.sendEncoded(message);
  }
}

/** Tells a client the whole of a network that it has made or joined. */
export async function tellNetwork(
  world: World,
  client: ControlClient,
  network: Network,
  membership: Membership,
): Promise<void> {
  const members = await world.store.read((transaction) => transaction.membersOf(network.networkId));
  client.send(networkMessage(network, membership, members, world.presence.isOnline.bind(world.presence)));
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
  const own = await visibleNetworks(world, clientId);
  for (const otherId of world.rendezvous.peersOf(clientId)) {
    const others = await visibleNetworks(world, otherId);
    if (own.some((networkId) => others.includes(networkId))) continue;
    for (const { ends } of world.rendezvous.end(clientId, otherId)) {
      world.relays.revoke(ends.map(({ localSpi }) => localSpi));
      for (const { client, localSpi } of ends) {
        const message = { type: "tunnelClosed", requestId: 0, localSpi, reason: TUNNEL_CLOSED[reason] } as const;
        world.presence.find(client.clientId)?.send(message);
      }
    }
  }
}

async function visibleNetworks(world: World, clientId: number): Promise<number[]> {
  const memberships = await world.store.read((transaction) => transaction.membershipsOf(clientId));
  return memberships.filter(({ status, isOnline }) => status === "member" && isOnline).map(({ networkId }) =>
    networkId
  );
}
