/** A logged-in client. */
export interface OnlineClient {
  /** Its account. */
  readonly clientId: number;
}

/** A network of a client that is logged in. */
export interface Place {
  /** The network; the client is a full member of it. */
  networkId: number;
  /** Whether it has not gone offline there. */
  isVisible: boolean;
  /** Whether the network connects it to every member; a spoke meets hubs only. */
  isConnectedToAll: boolean;
}

interface Entry<C> {
  client: C;
  /** By network id. */
  places: Map<number, Place>;
}

/**
 * Who is logged in, and so who must be told of what: nothing here is kept over a restart.
 *
 * A member is online in a network while it is logged in and visible there (PROTOCOL.md section 6.2). All logged-in members
 * of a network hear of its changes, visible or not.
 */
export class Presence<C extends OnlineClient> {
  readonly #entries = new Map<number, Entry<C>>();
  readonly #byNetwork = new Map<number, Set<number>>();

  /** How many clients are logged in. */
  get size(): number {
    return this.#entries.size;
  }

  /** A client has logged in. @returns the former connection of the same account, which has lost its place */
  enter(client: C, places: readonly Place[]): C | null {
    const former = this.#entries.get(client.clientId)?.client ?? null;
    if (former !== null) this.exit(former);
    this.#entries.set(client.clientId, { client, places: new Map() });
    for (const place of places) this.put(client.clientId, place);
    return former;
  }

  /** A client has gone. @returns the networks in which it was online; none when a newer login has taken its place */
  exit(client: C): number[] {
    const entry = this.#entries.get(client.clientId);
    if (entry?.client !== client) return [];
    const networkIds = [...entry.places.values()].filter(({ isVisible }) => isVisible).map(({ networkId }) =>
      networkId
    );
    for (const networkId of [...entry.places.keys()]) this.remove(client.clientId, networkId);
    this.#entries.delete(client.clientId);
    return networkIds;
  }

  /** A client that may be logged in has become a member, or its place has changed. */
  put(clientId: number, place: Place): void {
    const { networkId } = place;
    const entry = this.#entries.get(clientId);
    if (entry === undefined) return;
    entry.places.set(networkId, place);
    const members = this.#byNetwork.get(networkId) ?? new Set();
    this.#byNetwork.set(networkId, members.add(clientId));
  }

  /** A client is no member any more. */
  remove(clientId: number, networkId: number): void {
    this.#entries.get(clientId)?.places.delete(networkId);
    const members = this.#byNetwork.get(networkId);
    members?.delete(clientId);
    if (members?.size === 0) this.#byNetwork.delete(networkId);
  }

  /** The logged-in client of an account. */
  find(clientId: number): C | null {
    return this.#entries.get(clientId)?.client ?? null;
  }

  /** The logged-in members of a network. */
  audience(networkId: number): C[] {
    return [...this.#byNetwork.get(networkId) ?? []].map((clientId) => this.#entries.get(clientId)!.client);
  }

  /** Whether a client is online in a network. */
  isOnline(clientId: number, networkId: number): boolean {
    return this.#entries.get(clientId)?.places.get(networkId)?.isVisible === true;
  }

  /** Whether a network connects a client that is logged in to every member. */
  isConnectedToAll(clientId: number, networkId: number): boolean {
    return this.#entries.get(clientId)?.places.get(networkId)?.isConnectedToAll === true;
  }

  /** The networks that connect both and in which both are online, in ascending order: in these they may meet, and know each other's endpoints. */
  commonNetworks(clientId: number, otherClientId: number): number[] {
    if (clientId === otherClientId) return [];
    const others = this.#entries.get(otherClientId)?.places;
    const isCommon = ({ networkId, isVisible, isConnectedToAll }: Place) => {
      const other = others?.get(networkId);
      return isVisible && other?.isVisible === true && (isConnectedToAll || other.isConnectedToAll);
    };
    return [...this.#entries.get(clientId)?.places.values() ?? []]
      .filter(isCommon).map(({ networkId }) => networkId).sort((a, b) => a - b);
  }
}
