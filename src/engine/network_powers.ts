/**
 * What owners and administrators ask of the engine: finds the network and the member, and puts the request to the server,
 * which decides.
 *
 * @module
 */
import { utf8 } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import { changeSealing } from "../crypto/mod.ts";
import {
  type AccessParams,
  type AdmissionParams,
  type BanParams,
  type BanView,
  ControlError,
  type FailureCode,
  type MemberParams,
  type NetworkParams,
  type PrivilegeName,
} from "../ipc/schema.ts";
import { ACCESS, MAX_TEXT_LENGTH } from "../protocol/mod.ts";
import type { Account } from "./account.ts";
import type { KnownNetwork } from "./networks_view.ts";
import type { Request } from "./requests.ts";
import { deriveSecrets } from "./sealed_network.ts";
import type { NetworkSecrets } from "./secrets.ts";
import { findNetwork, formatClientId, isNamed, PRIVILEGE_BITS } from "./views.ts";

/** What the powers work with. */
export interface NetworkPowersOptions {
  /** The client at its server. */
  account: Account;
  /** The server's Ed25519 key, 32 bytes: part of the salt of passwords. */
  serverKey: Uint8Array;
  /** Peer secrets of networks. */
  secrets: NetworkSecrets;
  /** For nonces. */
  random: Random;
}

const NO_SECRET = new Uint8Array(32);
const NONCE_LENGTH = 12;

/** A request without what every change has. */
type Change = Request extends infer R ? R extends { operation: bigint } ? Omit<R, "operation"> : never : never;

/** Powers over the networks at one server. Each method rejects with `ControlError`. */
export class NetworkPowers {
  readonly #options: NetworkPowersOptions;

  /** Everything it works with. */
  constructor(options: NetworkPowersOptions) {
    this.#options = options;
  }

  /** The members stay, and so does the secret of their tunnels: see `network_sealing.ts`. */
  async setPassword({ network, password }: AdmissionParams): Promise<void> {
    const { secrets, serverKey, random, account } = this.#options;
    const { networkId, name } = this.#known(network).head;
    const derived = await deriveSecrets(password, serverKey, name);
    const sealing = changeSealing({
      networkId,
      former: secrets.sealingOf(networkId),
      peerSecret: secrets.of([networkId], account.view).get(networkId) ?? null,
      derived: derived?.peerSecret ?? null,
      nonce: random.bytes(NONCE_LENGTH),
    });
    const joinSecret = derived?.joinSecret ?? NO_SECRET;
    await this.#change({ type: "setPassword", networkId, hasPassword: derived !== null, joinSecret, sealing });
  }

  /** Locks the network or opens it, and says whether newcomers need approval; null leaves either as it is. */
  async setAccess({ network, locked, approve }: AccessParams): Promise<void> {
    const { networkId } = this.#known(network).head;
    const asked = (wanted: boolean | null) => wanted === null ? ACCESS.unchanged : wanted ? ACCESS.yes : ACCESS.no;
    const approval = asked(approve === null ? null : approve === "manual");
    await this.#change({ type: "setAccess", networkId, locked: asked(locked), approval });
  }

  /** Lets tunnels of members go without encryption where both ends want it, or not. */
  async setPlain({ network, allowed }: NetworkParams & { allowed: boolean }): Promise<void> {
    await this.#change({ type: "setPlain", networkId: this.#known(network).head.networkId, plain: allowed });
  }

  /** Lets somebody in who asked to join. */
  async approve(params: MemberParams): Promise<void> {
    await this.#change({ type: "approve", ...this.#member(params) });
  }

  /** Turns somebody away who asked to join. */
  async reject(params: MemberParams): Promise<void> {
    await this.#change({ type: "reject", ...this.#member(params) });
  }

  /** Removes a member, who may join again. */
  async evict(params: MemberParams): Promise<void> {
    await this.#change({ type: "evict", ...this.#member(params) });
  }

  /** Removes somebody and keeps them out for `forMs`; null = until they are unbanned. */
  async ban(params: BanParams): Promise<void> {
    const { forMs, reason } = params;
    const until = forMs === null ? 0n : BigInt(Math.ceil(this.#options.account.serverTimeMs() + forMs));
    await this.#change({ type: "ban", ...this.#member(params), until, reason: wireText(reason) });
  }

  /** Lets somebody join again who was banned. */
  async unban(params: MemberParams): Promise<void> {
    await this.#change({ type: "unban", ...this.#member(params) }, { peerNotFound: "notBanned" });
  }

  /** The bans in force. */
  async bans({ network }: NetworkParams): Promise<BanView[]> {
    const { networkId } = this.#known(network).head;
    const { bans } = await this.#options.account.ask({ type: "getBans", networkId });
    return bans.map(({ clientId, nick, until, reason }) => ({
      id: formatClientId(clientId),
      nick,
      until: until === 0n ? null : Number(until),
      reason,
    }));
  }

  /** Gives a member exactly these privileges; none makes it an ordinary member. */
  async setAdmin(params: MemberParams & { privileges: PrivilegeName[] }): Promise<void> {
    const privileges = params.privileges.reduce((bits, name) => bits | PRIVILEGE_BITS[name], 0);
    await this.#change({ type: "setAdmin", ...this.#member(params), privileges });
  }

  /** Makes a member a hub of its hub-and-spoke network, or a spoke. */
  async setHub(params: MemberParams & { hub: boolean }): Promise<void> {
    await this.#change({ type: "setHub", ...this.#member(params), hub: params.hub });
  }

  /** Makes a member the owner. */
  async handOver(params: MemberParams): Promise<void> {
    await this.#change({ type: "handOver", ...this.#member(params) });
  }

  /** Sets what newcomers are told; an empty text ends that. */
  async setWelcome({ network, text }: NetworkParams & { text: string }): Promise<void> {
    await this.#change({ type: "setMessage", networkId: this.#known(network).head.networkId, welcome: wireText(text) });
  }

  /** Tells all members something, those who are away when they come back. */
  async announce({ network, text }: NetworkParams & { text: string }): Promise<void> {
    const { networkId } = this.#known(network).head;
    await this.#change({ type: "announce", networkId, message: wireText(text) });
  }

  #known(name: string): KnownNetwork {
    if (this.#options.account.link.state !== "logged in") throw new ControlError("notLoggedIn");
    return findNetwork(this.#options.account.view, name);
  }

  /** A client id needs no look-up: one that is banned, or that a spoke does not see, is in no list. */
  #member({ network, member: text }: MemberParams): { networkId: number; clientId: number } {
    const { head: { networkId }, members } = this.#known(network);
    if (/^\d{3}-\d{3}-\d{3}$/.test(text)) return { networkId, clientId: Number(text.replaceAll("-", "")) };
    const prefix6 = this.#options.account.stored.prefix6 ?? new Uint8Array(12);
    const [found, other] = [...members.values()].filter((member) => isNamed(member, text, prefix6));
    if (found === undefined) throw new ControlError("peerNotFound");
    if (other !== undefined) throw new ControlError("peerAmbiguous", "Name the member by its client id.");
    return { networkId, clientId: found.clientId };
  }

  /** `renamed`: what a refusal means to whoever made this request. */
  async #change(change: Change, renamed: Partial<Record<FailureCode, FailureCode>> = {}): Promise<void> {
    const { account } = this.#options;
    const names: typeof renamed = { tooManyNetworks: "limitReached", ...renamed };
    try {
      await account.request({ ...change, operation: account.newOperation() } as Request);
    } catch (error) {
      const code = error instanceof ControlError ? names[error.code] : undefined;
      throw code === undefined ? error : new ControlError(code);
    }
  }
}

/** Texts on the wire are one line of NFC (PROTOCOL.md section 1). @throws {ControlError} `invalidRequest` */
function wireText(text: string): string {
  const line = text.normalize("NFC");
  const isShort = utf8(line).length <= MAX_TEXT_LENGTH.message;
  if (isShort && line.isWellFormed() && !/\p{Cc}/u.test(line)) return line;
  throw new ControlError("invalidRequest", "The text must be one line of at most 1024 bytes.");
}
