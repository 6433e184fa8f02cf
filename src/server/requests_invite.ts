import { encodeResultPayload } from "../protocol/mod.ts";
import { createInvite, inviteIdOf, joinInvited, listInvites, revokeInvite } from "./registry_invites.ts";
import { admitted, withinTries } from "./requests_network.ts";
import { type ChangeWork, changing, type Handler, type Handlers, NOTHING } from "./requests.ts";

const createInviteWork: ChangeWork<"createInvite"> = async (transaction, context, message, client) => {
  const { networkId, uses: usesLeft, expiresAt, verifier } = message;
  const deed = { clientId: client.clientId, networkId };
  await createInvite(transaction, context, deed, { verifier, usesLeft, expiresAtMs: instantOf(expiresAt) });
  return { payload: NOTHING, tell: () => {} };
};

/** Beyond what a clock can say is never. */
function instantOf(wireTime: bigint): number {
  return wireTime > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(wireTime);
}

const joinInvitedWork: ChangeWork<"joinInvited"> = async (transaction, context, message, client, world) => {
  const deed = { clientId: client.clientId, networkId: message.networkId };
  // No name key begins with a blank, so an id is none.
  const joined = await withinTries(
    world,
    client,
    ` ${message.networkId}`,
    () => joinInvited(transaction, context, deed, message.secret),
  );
  return await admitted(transaction, client, world, joined);
};

const getInvites: Handler<"getInvites"> = (world, client, { networkId }) =>
  world.turns.take(async () => {
    const deed = { clientId: client.clientId, networkId };
    const invites = await world.store.read((transaction) => listInvites(transaction, world.context(), deed));
    return encodeResultPayload("getInvites", {
      invites: invites.map((invite) => ({
        inviteId: inviteIdOf(invite),
        clientId: invite.clientId,
        uses: invite.usesLeft,
        expiresAt: BigInt(invite.expiresAtMs),
      })),
    });
  });

const revokeInviteWork: ChangeWork<"revokeInvite"> = async (transaction, context, message, client) => {
  const deed = { clientId: client.clientId, networkId: message.networkId };
  await revokeInvite(transaction, context, deed, message.inviteId);
  return { payload: NOTHING, tell: () => {} };
};

/** Requests about invites (PROTOCOL.md section 6). */
export const inviteHandlers: Handlers = {
  createInvite: changing(createInviteWork),
  joinInvited: changing(joinInvitedWork),
  getInvites,
  revokeInvite: changing(revokeInviteWork),
};
