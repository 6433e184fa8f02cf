import { ACCESS, encodeResultPayload, type MEMBER_CHANGE, type NETWORK_GONE } from "../protocol/mod.ts";
import {
  announceHub,
  announceMember,
  endTunnelsWithStrangers,
  presenceOf,
  tellAnnouncement,
  tellHeads,
  tellNetwork,
  tellNetworkGone,
  tellSealing,
  tellWelcome,
} from "./announcements.ts";
import { joinVerifierOf } from "./policy.ts";
import type { Place } from "./powers.ts";
import { RefusedError } from "./refusal.ts";
import {
  announce,
  approve,
  ban,
  type DeedToMember,
  evict,
  handOver,
  listBans,
  reject,
  setAccess,
  setAdmin,
  setHub,
  setPassword,
  setPlain,
  setWelcome,
  unban,
} from "./registry_powers.ts";
import { type ChangeWork, changing, type Handler, type Handlers, NOTHING } from "./requests.ts";
import type { Ban } from "./store.ts";
import type { ControlClient, World } from "./world.ts";

/** The deed that a request on a member stands for. */
function deedOf(
  client: ControlClient,
  { networkId, clientId: targetId }: { networkId: number; clientId: number },
): DeedToMember {
  return { clientId: client.clientId, networkId, targetId };
}

const setPasswordWork: ChangeWork<"setPassword"> = async (transaction, context, message, client, world) => {
  const { networkId, hasPassword, joinSecret, sealing } = message;
  const joinVerifier = joinVerifierOf(hasPassword, joinSecret);
  const deed = { clientId: client.clientId, networkId };
  const network = await setPassword(transaction, context, deed, { joinVerifier, sealing });
  const members = await transaction.membersOf(networkId);
  return {
    payload: NOTHING,
    tell: async () => {
      await tellHeads(world, network);
      for (const { clientId } of members) tellSealing(world, clientId, network);
    },
  };
};

const setAccessWork: ChangeWork<"setAccess"> = async (transaction, context, message, client, world) => {
  const { networkId } = message;
  const isLocked = wishOf(message.locked);
  const isManual = wishOf(message.approval);
  const approval = isManual === null ? null : isManual ? "manual" : "auto";
  const deed = { clientId: client.clientId, networkId };
  const network = await setAccess(transaction, context, deed, { isLocked, approval });
  return { payload: NOTHING, tell: () => tellHeads(world, network) };
};

const setPlainWork: ChangeWork<"setPlain"> = async (transaction, context, { networkId, plain }, client, world) => {
  const network = await setPlain(transaction, context, { clientId: client.clientId, networkId }, plain);
  return { payload: NOTHING, tell: () => tellHeads(world, network) };
};

/** Null = as it is. @throws {RefusedError} */
function wishOf(access: number): boolean | null {
  if (access === ACCESS.unchanged) return null;
  if (access !== ACCESS.yes && access !== ACCESS.no) throw new RefusedError("notUnderstood");
  return access === ACCESS.yes;
}

const approveWork: ChangeWork<"approve"> = async (transaction, context, message, client, world) => {
  const { network, membership, account } = await approve(transaction, context, deedOf(client, message));
  return {
    payload: NOTHING,
    tell: async () => {
      world.presence.put(account.clientId, presenceOf(network, membership));
      announceMember(world, network, membership, account, "changed");
      const approved = world.presence.find(account.clientId);
      if (approved === null) return;
      await tellNetwork(world, approved, network, membership);
      tellWelcome(approved, network, membership);
    },
  };
};

const rejectWork: ChangeWork<"reject"> = async (transaction, context, message, client, world) => {
  const target = await reject(transaction, context, deedOf(client, message));
  return { payload: NOTHING, tell: () => tellRemoved(world, target, "rejected") };
};

const evictWork: ChangeWork<"evict"> = async (transaction, context, message, client, world) => {
  const target = await evict(transaction, context, deedOf(client, message));
  return { payload: NOTHING, tell: () => tellRemoved(world, target, "evicted") };
};

const banWork: ChangeWork<"ban"> = async (transaction, context, message, client, world) => {
  const untilMs = Number(message.until);
  if (!Number.isSafeInteger(untilMs)) throw new RefusedError("notUnderstood");
  const { reason } = message;
  const target = await ban(transaction, context, deedOf(client, message), { untilMs, reason });
  return { payload: NOTHING, tell: () => target === null ? undefined : tellRemoved(world, target, "banned") };
};

/** Everybody learns of it, the one whom it befell too, and its tunnels end where no other network holds them. */
async function tellRemoved(
  world: World,
  { network, membership, account }: Place,
  reason: keyof typeof NETWORK_GONE & ("rejected" | keyof typeof MEMBER_CHANGE),
): Promise<void> {
  const { clientId } = account;
  world.presence.remove(clientId, network.networkId);
  announceMember(world, network, membership, account, reason === "rejected" ? "left" : reason);
  tellNetworkGone(world, clientId, network.networkId, reason);
  await endTunnelsWithStrangers(world, clientId, reason === "evicted" || reason === "banned" ? reason : undefined);
}

const unbanWork: ChangeWork<"unban"> = async (transaction, context, message, client) => {
  await unban(transaction, context, deedOf(client, message));
  return { payload: NOTHING, tell: () => {} };
};

const getBans: Handler<"getBans"> = (world, client, { networkId }) =>
  world.turns.take(async () => {
    const deed = { clientId: client.clientId, networkId };
    const bans = await world.store.read((transaction) => listBans(transaction, world.context(), deed));
    return encodeResultPayload("getBans", { bans: bans.map(banRecord) });
  });

function banRecord({ clientId, nick, untilMs, reason }: Ban) {
  return { clientId, nick, until: BigInt(untilMs), reason };
}

const setAdminWork: ChangeWork<"setAdmin"> = async (transaction, context, message, client, world) => {
  const { network, membership, account } = await setAdmin(
    transaction,
    context,
    deedOf(client, message),
    message.privileges,
  );
  return {
    payload: NOTHING,
    tell: async () => {
      announceMember(world, network, membership, account, "changed");
      await tellHeads(world, network);
    },
  };
};

const setHubWork: ChangeWork<"setHub"> = async (transaction, context, message, client, world) => {
  const wasHub = (await transaction.membership(message.networkId, message.clientId))?.isHub === true;
  const target = await setHub(transaction, context, deedOf(client, message), message.hub);
  return { payload: NOTHING, tell: () => tellHub(world, target, wasHub) };
};

async function tellHub(world: World, target: Place, wasHub: boolean): Promise<void> {
  const { network, membership, account } = target;
  world.presence.put(account.clientId, presenceOf(network, membership));
  await announceHub(world, target, wasHub);
}

const handOverWork: ChangeWork<"handOver"> = async (transaction, context, message, client, world) => {
  const wasHub = (await transaction.membership(message.networkId, message.clientId))?.isHub === true;
  const { former, owner } = await handOver(transaction, context, deedOf(client, message));
  return {
    payload: NOTHING,
    tell: async () => {
      await tellHeads(world, owner.network);
      announceMember(world, former.network, former.membership, former.account, "changed");
      await tellHub(world, owner, wasHub);
    },
  };
};

const setMessageWork: ChangeWork<"setMessage"> = async (transaction, context, message, client) => {
  await setWelcome(transaction, context, { clientId: client.clientId, networkId: message.networkId }, message.welcome);
  return { payload: NOTHING, tell: () => {} };
};

const announceWork: ChangeWork<"announce"> = async (transaction, context, { networkId, message }, client, world) => {
  const announcement = await announce(transaction, context, { clientId: client.clientId, networkId }, message);
  const [key, now] = [String(networkId), world.clock.now()];
  if (!world.announcements.hasRoom(key, now)) throw new RefusedError("tooManyTries");
  world.announcements.add(key, now);
  return {
    payload: NOTHING,
    tell: () => {
      for (const member of world.presence.audience(networkId)) tellAnnouncement(member, announcement);
    },
  };
};

/** Requests of owners and administrators (PROTOCOL.md section 6, S84 to S99). */
export const powerHandlers: Handlers = {
  setPassword: changing(setPasswordWork),
  setAccess: changing(setAccessWork),
  setPlain: changing(setPlainWork),
  approve: changing(approveWork),
  reject: changing(rejectWork),
  evict: changing(evictWork),
  ban: changing(banWork),
  unban: changing(unbanWork),
  getBans,
  setAdmin: changing(setAdminWork),
  setHub: changing(setHubWork),
  handOver: changing(handOverWork),
  setMessage: changing(setMessageWork),
  announce: changing(announceWork),
};
