import { isUnsealed, openSealing } from "../crypto/mod.ts";
import { nameKey } from "../protocol/mod.ts";
import type { NetworksView } from "./networks_view.ts";
import type { NetworkSecret } from "./state_files.ts";

/**
 * The peer secrets of this client's networks. One that belongs to a request under way is known by the network's name already:
 * the first peer may ask for a tunnel before the server's answer is here.
 */
export class NetworkSecrets {
  readonly #kept: Map<number, NetworkSecret>;
  readonly #save: (secrets: ReadonlyMap<number, NetworkSecret>) => void;
  readonly #expected = new Map<string, Uint8Array>();
  readonly #invited = new Map<number, Uint8Array>();
  readonly #sealings = new Map<number, Uint8Array>();

  /** `kept`: from the disk, by network id; `save` puts all of them there. */
  constructor(kept: Map<number, NetworkSecret>, save: (secrets: ReadonlyMap<number, NetworkSecret>) => void) {
    this.#kept = kept;
    this.#save = save;
  }

  /**
   * Runs a request that makes us a member of the network `name`, and keeps its secret once that has succeeded.
   *
   * @param request resolves with the network's id
   */
  async during<T extends { networkId: number }>(
    name: string,
    peerSecret: Uint8Array | null,
    request: () => Promise<T>,
  ): Promise<T> {
    const key = nameKey(name);
    if (peerSecret !== null) this.#expected.set(key, peerSecret);
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
   * with it once that has succeeded.
   */
  async duringInvite<T>(networkId: number, peerSecret: Uint8Array | null, request: () => Promise<T>): Promise<T> {
    if (peerSecret !== null) this.#invited.set(networkId, peerSecret);
    try {
      const answer = await request();
      if (peerSecret !== null) this.#keep(networkId, { name: "", peerSecret });
      return answer;
    } finally {
      this.#invited.delete(networkId);
    }
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
    if (this.#kept.delete(networkId)) this.#save(this.#kept);
  }

  #keep(networkId: number, secret: NetworkSecret): void {
    this.#kept.set(networkId, secret);
    this.#save(this.#kept);
  }
}
