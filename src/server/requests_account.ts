import { verifyEd25519, verifyRsa } from "../crypto/mod.ts";
import { addKeyProofInput, type ControlMessageOf, encodeResultPayload } from "../protocol/mod.ts";
import { announceMember } from "./announcements.ts";
import { type AccountPublicKey, fingerprintOf, keyRecord, kindOfType } from "./keys.ts";
import { RefusedError } from "./refusal.ts";
import { addKey, requireAccount, setNick, shareNetwork } from "./registry.ts";
import { type ChangeWork, changing, type Handler, type Handlers, NOTHING } from "./requests.ts";
import type { Membership, Network } from "./store.ts";
import type { ControlClient } from "./world.ts";

const setNickWork: ChangeWork<"setNick"> = async (transaction, _context, message, client, world) => {
  const account = await setNick(transaction, client.clientId, message.nick);
  const places: { network: Network; membership: Membership }[] = [];
  for (const membership of await transaction.membershipsOf(client.clientId)) {
    const network = await transaction.network(membership.networkId);
    if (network !== null) places.push({ network, membership });
  }
  return {
    payload: NOTHING,
    tell: () => {
      for (const { network, membership } of places) announceMember(world, network, membership, account, "changed");
    },
  };
};

const addKeyOfClient: Handler<"addKey"> = (world, client, message) => {
  const key = provenKey(client, message);
  return world.turns.take(async () => {
    const keys = await world.store.write(async (transaction) => {
      await requireAccount(transaction, client.clientId);
      await addKey(transaction, client.clientId, key);
      return await transaction.keysOf(client.clientId);
    });
    client.keys = keys.map(keyRecord);
    return NOTHING;
  });
};

/** The offered key, if the proof shows that its holder sent it over this very connection. @throws {RefusedError} */
function provenKey(client: ControlClient, message: ControlMessageOf<"addKey">): AccountPublicKey {
  const { keyType, publicKey, proof } = message;
  const kind = kindOfType(keyType);
  if (kind === null) throw new RefusedError("notUnderstood");
  const key = { kind, publicKey };
  const signed = addKeyProofInput({ keyType, binding: client.binding, keyHash: fingerprintOf(key) });
  const isProven = kind === "ed25519"
    ? verifyEd25519(publicKey, signed, proof)
    : verifyRsa("sha256", publicKey, signed, proof);
  if (!isProven) throw new RefusedError("notPermitted");
  return key;
}

/** A stranger learns no more than that somebody it has no network in common with is unknown to it. */
const getKeys: Handler<"getKeys"> = (world, client, { clientId }) =>
  world.store.read(async (transaction) => {
    const isOwn = clientId === client.clientId;
    if (!isOwn && !await shareNetwork(transaction, client.clientId, clientId)) throw new RefusedError("peerNotFound");
    const keys = await transaction.keysOf(clientId);
    return encodeResultPayload("getKeys", { keys: keys.map(keyRecord) });
  });

const ping: Handler<"ping"> = (world, client, { requestId }) => {
  client.send({ type: "pong", requestId, time: BigInt(Math.floor(world.clock.wallMs())) });
  return Promise.resolve(null);
};

/** That it arrived is all there is to know. */
const pong: Handler<"pong"> = () => Promise.resolve(null);

const goodbye: Handler<"goodbye"> = (_world, client) => {
  client.hangUp("client said goodbye");
  return Promise.resolve(null);
};

/** Requests about the client's own account, and those about the connection (PROTOCOL.md section 6). */
export const accountHandlers: Handlers = {
  ping,
  pong,
  goodbye,
  setNick: changing(setNickWork),
  addKey: addKeyOfClient,
  getKeys,
};
