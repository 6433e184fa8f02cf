import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { INVITE_SEED_LENGTH, inviteSecret, sha256 } from "../crypto/mod.ts";
import type { InviteParams, InviteView, OpenInviteView } from "../ipc/invite_schema.ts";
import { ControlError, type FailureCode, type NetworkParams } from "../ipc/schema.ts";
import {
  formatNetworkInvite,
  INVITE_ID_LENGTH,
  MEMBERSHIP,
  type NetworkInvite,
  parseInvite,
  parseNetworkInvite,
} from "../protocol/mod.ts";
import type { Account } from "./account.ts";
import type { NetworkSecrets } from "./secrets.ts";
import { findNetwork, formatClientId } from "./views.ts";

/** What invites are made of. */
export interface InvitesOptions {
  /** The client at its server. */
  account: Account;
  /** Peer secrets of networks. */
  secrets: NetworkSecrets;
  /** For their seeds. */
  random: Random;
}

/** Makes invites to networks, and joins by them. Each method rejects with `ControlError`. */
export class Invites {
  readonly #options: InvitesOptions;

  /** Everything it works with. */
  constructor(options: InvitesOptions) {
    this.#options = options;
  }

  /** A link that the server knows when this resolves. The server never sees the network's peer secret in it. */
  async create({ network, uses, forMs }: InviteParams): Promise<InviteView> {
    const { account, secrets, random } = this.#options;
    this.#requireLogin();
    const { networkId, name } = findNetwork(account.view, network).head;
    const peerSecret = secrets.of([networkId], account.view).get(networkId) ?? null;
    const seed = random.bytes(INVITE_SEED_LENGTH);
    const expiresAt = forMs === null ? null : Math.ceil(account.serverTimeMs() + forMs);
    const verifier = sha256(inviteSecret(seed));
    const operation = account.newOperation();
    await renaming(
      { tooManyNetworks: "limitReached" },
      account.request({
        type: "createInvite",
        operation,
        networkId,
        uses,
        expiresAt: BigInt(expiresAt ?? 0),
        verifier,
      }),
    );
    const server = parseInvite(account.stored.invite);
    return { link: formatNetworkInvite({ server, networkId, seed, peerSecret }), network: name, uses, expiresAt };
  }

  /** Those by which somebody may still join, as far as this client may end them. */
  async list({ network }: NetworkParams): Promise<OpenInviteView[]> {
    const { account } = this.#options;
    this.#requireLogin();
    const { head: { networkId }, members } = findNetwork(account.view, network);
    const { invites } = await account.ask({ type: "getInvites", networkId });
    return invites.map(({ inviteId, clientId, uses, expiresAt }) => ({
      id: toHex(inviteId),
      by: {
        id: formatClientId(clientId),
        nick: members.get(clientId)?.nick ?? "",
        isSelf: clientId === account.stored.clientId,
      },
      usesLeft: uses,
      expiresAt: expiresAt === 0n ? null : Number(expiresAt),
    }));
  }

  /** Ends one of those. */
  async revoke({ network, invite }: NetworkParams & { invite: string }): Promise<void> {
    const { account } = this.#options;
    this.#requireLogin();
    const { networkId } = findNetwork(account.view, network).head;
    const inviteId = readInviteId(invite);
    const operation = account.newOperation();
    await renaming(
      { invalidPassword: "inviteNotFound" },
      account.request({ type: "revokeInvite", operation, networkId, inviteId }),
    );
  }

  /** Joins the network of a link, if it is one of this server. */
  async join({ link }: { link: string }): Promise<{ network: string; pending: boolean }> {
    const { account, secrets } = this.#options;
    const { server, networkId, seed, peerSecret } = readLink(link);
    const own = parseInvite(account.stored.invite);
    if (!equalBytes(own.pin.ed25519, server.pin.ed25519)) {
      throw new ControlError(
        "otherServer",
        `The invite is for ${server.host}. Join by it with an engine of its own: add --state and another folder.`,
      );
    }
    this.#requireLogin();
    const operation = account.newOperation();
    const { membership } = await renaming(
      { invalidPassword: "invalidInvite" },
      secrets.duringInvite(
        networkId,
        peerSecret,
        () => account.ask({ type: "joinInvited", operation, networkId, secret: inviteSecret(seed) }),
      ),
    );
    const name = account.view.networks.get(networkId)?.head.name ?? formatClientId(networkId);
    return { network: name, pending: membership === MEMBERSHIP.awaitingApproval };
  }

  #requireLogin(): void {
    if (this.#options.account.link.state !== "logged in") throw new ControlError("notLoggedIn");
  }
}

function readInviteId(text: string): Uint8Array {
  if (new RegExp(`^[0-9a-f]{${2 * INVITE_ID_LENGTH}}$`, "i").test(text)) return fromHex(text.toLowerCase());
  throw new ControlError("inviteNotFound", "`invites` lists them, each with its id.");
}

function readLink(link: string): NetworkInvite {
  try {
    return parseNetworkInvite(link);
  } catch (error) {
    if (error instanceof ProtocolError) {
      throw new ControlError("invalidRequest", `The link is malformed: ${error.message}.`);
    }
    throw error;
  }
}

/** Says a refusal in the words of whoever asked. */
async function renaming<T>(names: Partial<Record<FailureCode, FailureCode>>, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    const code = error instanceof ControlError ? names[error.code] : undefined;
    throw code === undefined ? error : new ControlError(code);
  }
}
