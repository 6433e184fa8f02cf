import { isUnsealed, openSealing } from "../crypto/mod.ts";
import { MEMBERSHIP, nameKey, NETWORK_FLAG, type NetworkHead } from "../protocol/mod.ts";
import type { NetworksView } from "./networks_view.ts";
import type { NetworkSecret } from "./state_files.ts";

/** Where secrets are put. */
export interface SecretsDisk {
  /** Puts all of them there, now or as soon as it takes them. */
  save(secrets: ReadonlyMap<number, NetworkSecret>): void;
  /** Puts those there that it has already. @throws {ControlError} `cannotSave` when it does not take them */
  check(secrets: ReadonlyMap<number, NetworkSecret>): void;
}

/**
 * The peer secrets of this client's networks. One that belongs to a request under way is known by the network's name already:
 * the first peer may ask for a tunnel before the server's answer is here.
 */
export class NetworkSecrets {
  readonly #kept: Map<number, NetworkSecret>;
  readonly #disk: SecretsDisk;
  readonly #expected = new Map<string, Uint8Array>();
  readonly #invited = new Map<number, Uint8Array>();
  readonly #sealings = new Map<number, Uint8Array>();

  /** `kept`: from the disk, by network id. */
  constructor(kept: Map<number, NetworkSecret>, disk: SecretsDisk) {
    this.#kept = kept;
    this.#disk = disk;
  }

  /**
   * Runs a request that makes us a member of the network `name`, and keeps its secret once that has succeeded. Where the disk
   * would not take the secret nothing is asked: a member without it reaches nobody.
   *
   * @param request resolves with the network's id
   * @throws whatever {@linkcode SecretsDisk.check} or `request` throws
   */
  async during<T extends { networkId: number }>(
    name: string,
    peerSecret: Uint8Array | null,
    request: () => Promise<T>,
  ): Promise<T> {
    const key = nameKey(name);
    if (peerSecret !== null) {
      this.#disk.check(this.#kept);
      this.#expected.set(key, peerSecret);
    }
    try {
      const answer = await request();
      // A sealing may have taken its place meanwhile.
      const settled = this.#expected.get(key);
      if (settled !== undefined) this.#keep(answer.networkId, { name, peerSecret: settled });
      return answer;
    } finally {
      this.#expected.delete(key);
    }
  }

  /**
   * Runs a request that makes us a member by an invite, which names the network by its id, and keeps the secret that came
   * with it once that has succeeded. As {@linkcode NetworkSecrets.during}.
   */
  async duringInvite<T>(networkId: number, peerSecret: Uint8Array | null, request: () => Promise<T>): Promise<T> {
    if (peerSecret !== null) {
      this.#disk.check(this.#kept);
      this.#invited.set(networkId, peerSecret);
    }
    try {
      const answer = await request();
      if (peerSecret !== null) this.#keep(networkId, { name: "", peerSecret });
      return answer;
    } finally {
      this.#invited.delete(networkId);
    }
  }

  /** Whether we are in a network whose first password still holds, and have lost what we made of it. */
  isLost({ networkId, flags, membership }: NetworkHead): boolean {
    const hasPassword = (flags & NETWORK_FLAG.hasPassword) !== 0 && this.sealingOf(networkId).length === 0;
    return hasPassword && membership === MEMBERSHIP.member && !this.#kept.has(networkId);
  }

  /**
   * Takes back the secret of a network that we are in: the server has found the password right.
   *
   * @param derived the peer secret that the password gives by itself, 32 bytes
   * @returns whether it was missing, and is no longer
   */
  regain({ networkId, name }: NetworkHead, derived: Uint8Array): boolean {
    if (this.#kept.has(networkId)) return false;
    const sealing = this.sealingOf(networkId);
    const peerSecret = sealing.length === 0 ? derived : openSealing(sealing, networkId, derived)?.peerSecret ?? null;
    if (peerSecret === null) return false;
    this.#disk.check(this.#kept);
    this.#keep(networkId, { name, peerSecret });
    return true;
  }

  /** The secrets of these networks, for those that have one. */
  of(networkIds: readonly number[], view: NetworksView): ReadonlyMap<number, Uint8Array> {
    const found = new Map<number, Uint8Array>();
    for (const networkId of networkIds) {
      const name = view.networks.get(networkId)?.head.name;
      const expected = name === undefined ? undefined : this.#expected.get(nameKey(name));
      const secret = expected ?? this.#invited.get(networkId) ?? this.#kept.get(networkId)?.peerSecret;
      if (secret !== undefined) found.set(networkId, secret);
    }
    return found;
  }

  /**
   * The server tells what members made of the network's password (see `network_sealing.ts`): whoever joins learns the
   * network's secret from it, and whoever has one may learn that it is void.
   */
  takeSealing(networkId: number, name: string | undefined, sealing: Uint8Array): void {
    this.#sealings.set(networkId, sealing);
    const kept = this.#kept.get(networkId);
    if (kept !== undefined && isUnsealed(sealing, networkId, kept.peerSecret)) this.#drop(networkId);
    const key = name === undefined ? "" : nameKey(name);
    const derived = this.#expected.get(key);
    const opened = derived === undefined ? undefined : openSealing(sealing, networkId, derived);
    if (opened === undefined) return;
    if (opened.peerSecret === null) this.#expected.delete(key);
    else this.#expected.set(key, opened.peerSecret);
  }

  /** As last told; empty = never. */
  sealingOf(networkId: number): Uint8Array {
    return this.#sealings.get(networkId) ?? new Uint8Array();
  }

  /** We are no longer a member. */
  forget(networkId: number): void {
    this.#sealings.delete(networkId);
    this.#drop(networkId);
  }

  #drop(networkId: number): void {
    if (this.#kept.delete(networkId)) this.#disk.save(this.#kept);
  }

  #keep(networkId: number, secret: NetworkSecret): void {
    this.#kept.set(networkId, secret);
    this.#disk.save(this.#kept);
  }
}
