import { createInvite, joinInvited } from "./registry_invites.ts";
import { admitted, withinTries } from "./requests_network.ts";
import { type ChangeWork, changing, type Handlers, NOTHING } from "./requests.ts";

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

/** Requests about invites (PROTOCOL.md section 6). */
export const inviteHandlers: Handlers = {
  createInvite: changing(createInviteWork),
  joinInvited: changing(joinInvitedWork),
};
