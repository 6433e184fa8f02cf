import { encodeResultPayload, MEMBERSHIP, nameKey, NETWORK_KIND } from "../protocol/mod.ts";
import {
  announceMember,
  endTunnelsWithStrangers,
  presenceOf,
  tellNetwork,
  tellNetworkGone,
  tellWelcome,
} from "./announcements.ts";
import { joinVerifierOf } from "./policy.ts";
import { RefusedError } from "./refusal.ts";
import { createNetwork, deleteNetwork, joinNetwork, leaveNetwork, requireAccount, setOnline } from "./registry.ts";
import { type Change, type ChangeWork, changing, type Handler, type Handlers, NOTHING } from "./requests.ts";
import type { Membership, Network, StoreTransaction } from "./store.ts";
import { headOf } from "./views.ts";
import type { ControlClient, World } from "./world.ts";

/**
 * A refused join is answered this long after it came, whatever the reason, so that the time says nothing about whether the
 * network exists.
 */
const REFUSED_JOIN_MS = 100;

const createWork: ChangeWork<"create"> = async (transaction, context, message, client, world) => {
  const kind = message.kind === NETWORK_KIND.hubAndSpoke ? "hub-and-spoke" : "mesh";
  const joinVerifier = joinVerifierOf(message.hasPassword, message.joinSecret);
  const wanted = { name: message.name, kind, joinVerifier } as const;
  const network = await createNetwork(transaction, context, client.clientId, wanted);
  const { networkId } = network;
  const membership = (await transaction.membership(networkId, client.clientId))!;
  return {
    payload: encodeResultPayload("create", { networkId }),
    tell: async () => {
      world.presence.put(client.clientId, presenceOf(network, membership));
      await tellNetwork(world, client, network, membership);
    },
  };
};

const joinWork: ChangeWork<"join"> = async (transaction, context, message, client, world) => {
  const verifier = joinVerifierOf(message.hasPassword, message.joinSecret);
  const joined = await withinTries(
    world,
    client,
    nameKey(message.name),
    () => joinNetwork(transaction, context, client.clientId, message.name, verifier),
  );
  return await admitted(transaction, client, world, joined);
};

/** What is answered and told when a client has become a member, or one that waits for approval. */
export async function admitted(
  transaction: StoreTransaction,
  client: ControlClient,
  world: World,
  { network, membership }: { network: Network; membership: Membership },
): Promise<Change> {
  const account = await requireAccount(transaction, client.clientId);
  const { networkId } = network;
  const isMember = membership.status === "member";
  const state = isMember ? MEMBERSHIP.member : MEMBERSHIP.awaitingApproval;
  return {
    payload: encodeResultPayload("join", { networkId, membership: state }),
    tell: async () => {
      if (isMember) world.presence.put(client.clientId, presenceOf(network, membership));
      announceMember(world, network, membership, account, "joined");
      await tellNetwork(world, client, network, membership);
      if (isMember) tellWelcome(client, network, membership);
    },
  };
}

/** Only attempts within the limits on guessing are looked at, and only wrong ones count. */
export async function withinTries<T>(
  world: World,
  client: ControlClient,
  nameKey: string,
  attemptJoin: () => Promise<T>,
): Promise<T> {
  const attempt = { clientId: client.clientId, nameKey, source: client.source };
  const now = world.clock.now();
  if (!world.passwordTries.mayTry(attempt, now)) throw new RefusedError("tooManyTries");
  try {
    return await attemptJoin();
  } catch (error) {
    if (error instanceof RefusedError && error.refusal === "invalidPassword") world.passwordTries.failed(attempt, now);
    throw error;
  }
}

const joinAtOnce = changing(joinWork);

const join: Handler<"join"> = async (world, client, message) => {
  const startedAt = world.clock.now();
  try {
    return await joinAtOnce(world, client, message);
  } catch (error) {
    await world.pause(startedAt + REFUSED_JOIN_MS - world.clock.now());
    throw error;
  }
};

const leaveWork: ChangeWork<"leave"> = async (transaction, _context, message, client, world) => {
  const account = await requireAccount(transaction, client.clientId);
  const { networkId } = message;
  const { network, membership } = await leaveNetwork(transaction, account, networkId);
  return {
    payload: NOTHING,
    tell: async () => {
      world.presence.remove(client.clientId, networkId);
      announceMember(world, network, membership, account, "left");
      tellNetworkGone(world, client.clientId, networkId, "left");
      await endTunnelsWithStrangers(world, client.clientId);
    },
  };
};

const deleteWork: ChangeWork<"delete"> = async (transaction, _context, message, client, world) => {
  const account = await requireAccount(transaction, client.clientId);
  const { networkId } = message;
  const memberIds = await deleteNetwork(transaction, account, networkId);
  return {
    payload: NOTHING,
    tell: async () => {
      for (const memberId of memberIds) {
        world.presence.remove(memberId, networkId);
        tellNetworkGone(world, memberId, networkId, "deleted");
      }
      for (const memberId of memberIds) await endTunnelsWithStrangers(world, memberId);
    },
  };
};

const setOnlineWork: ChangeWork<"setOnline"> = async (transaction, _context, message, client, world) => {
  const { networkId, online: isVisible } = message;
  const { network, membership } = await setOnline(transaction, client.clientId, networkId, isVisible);
  const account = await requireAccount(transaction, client.clientId);
  return {
    payload: NOTHING,
    tell: async () => {
      if (membership.status === "member") world.presence.put(client.clientId, presenceOf(network, membership));
      announceMember(world, network, membership, account, "changed");
      client.send({
        type: "networkChanged",
        requestId: 0,
        head: headOf(network, membership, client.plan, world.policy),
      });
      if (!isVisible) await endTunnelsWithStrangers(world, client.clientId);
    },
  };
};

/** Requests about networks (PROTOCOL.md section 6). */
export const networkHandlers: Handlers = {
  create: changing(createWork),
  join,
  leave: changing(leaveWork),
  delete: changing(deleteWork),
  setOnline: changing(setOnlineWork),
};
