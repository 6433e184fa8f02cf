import {
  type AdmissionParams,
  ControlError,
  type EngineControl,
  type EngineStatus,
  type MemberView,
  type NetworkParams,
  type NetworkView,
  type PeerView,
  type PingParams,
  type PingReply,
} from "../../src/ipc/mod.ts";
import { sampleNetwork, sampleStatus } from "./sample_views.ts";

/** A network that exists but that the engine has not joined. */
export interface JoinableNetwork {
  /** What `join` must give. */
  password: string;
  /** What it is once joined. */
  view: NetworkView;
  /** Members it takes no more of. */
  isFull?: boolean;
}

/** An engine without a server, a device or peers: it keeps to the words of `EngineControl` and nothing else. */
export class FakeEngine implements EngineControl {
  view: EngineStatus;
  networks: NetworkView[];
  readonly joinable: Map<string, JoinableNetwork>;
  /** Rounds trips of the pings to come; null = lost. Begins again at its end. */
  rtts: (number | null)[] = [12.34];
  /** Names of the methods called, in order. */
  readonly calls: string[] = [];
  readonly #down = Promise.withResolvers<void>();

  constructor(networks: NetworkView[] = [], joinable: Record<string, JoinableNetwork> = {}) {
    this.view = sampleStatus();
    this.networks = networks;
    this.joinable = new Map(Object.entries(joinable));
  }

  /** Resolves when `down` was called. */
  get isDown(): Promise<void> {
    return this.#down.promise;
  }

  status(): Promise<EngineStatus> {
    this.calls.push("status");
    return Promise.resolve(this.view);
  }

  list(): Promise<NetworkView[]> {
    this.calls.push("list");
    return Promise.resolve(this.networks);
  }

  async peer({ peer }: { peer: string }): Promise<PeerView> {
    this.calls.push("peer");
    const found = this.#find(peer);
    const networks = this.networks.filter(({ members }) => members.some(({ id }) => id === found.id));
    return await Promise.resolve({ ...found, networks: networks.map(({ id }) => id) });
  }

  async network({ network }: NetworkParams): Promise<NetworkView> {
    this.calls.push("network");
    return await Promise.resolve(this.#mine(network));
  }

  async setNick({ nick }: { nick: string }): Promise<void> {
    this.calls.push("setNick");
    if (nick === "") throw new ControlError("invalidNick");
    this.view = { ...this.view, nick };
    await Promise.resolve();
  }

  async create({ network, password }: AdmissionParams): Promise<void> {
    this.#requireLogin("create");
    if (network.length < 4) throw new ControlError("invalidName", "A name has 4 to 64 bytes.");
    if (this.#exists(network)) throw new ControlError("nameTaken");
    const owner = { id: this.view.id ?? "", nick: this.view.nick, isSelf: true };
    this.networks.push(sampleNetwork({ id: network, name: network, owner }));
    this.joinable.set(network, { password, view: sampleNetwork() });
    await Promise.resolve();
  }

  async join({ network, password }: AdmissionParams): Promise<{ pending: boolean }> {
    this.#requireLogin("join");
    const mine = this.networks.find(({ id }) => id === network);
    if (mine !== undefined) throw new ControlError(mine.owner.isSelf ? "isOwner" : "alreadyMember");
    const found = this.joinable.get(network);
    if (found === undefined || found.password !== password) throw new ControlError("invalidPassword");
    if (found.view.status === "locked") throw new ControlError("networkLocked");
    if (found.isFull) throw new ControlError("networkFull");
    const pending = found.view.approve === "manual";
    if (!pending) this.networks.push(found.view);
    return await Promise.resolve({ pending });
  }

  async leave({ network }: NetworkParams): Promise<void> {
    this.#requireLogin("leave");
    const mine = this.#mine(network);
    if (mine.owner.isSelf) throw new ControlError("isOwner");
    this.#remove(mine);
    await Promise.resolve();
  }

  async delete({ network }: NetworkParams): Promise<void> {
    this.#requireLogin("delete");
    const mine = this.#mine(network);
    if (!mine.owner.isSelf) throw new ControlError("notOwner");
    this.#remove(mine);
    await Promise.resolve();
  }

  async goOnline({ network }: NetworkParams): Promise<void> {
    this.#requireLogin("goOnline");
    this.#mine(network).online = true;
    await Promise.resolve();
  }

  async goOffline({ network }: NetworkParams): Promise<void> {
    this.#requireLogin("goOffline");
    this.#mine(network).online = false;
    await Promise.resolve();
  }

  async login(): Promise<{ changed: boolean }> {
    this.calls.push("login");
    const changed = this.view.status !== "logged in";
    this.view = { ...this.view, status: "logged in" };
    return await Promise.resolve({ changed });
  }

  async logout(): Promise<{ changed: boolean }> {
    this.calls.push("logout");
    const changed = this.view.status !== "offline";
    this.view = { ...this.view, status: "offline" };
    return await Promise.resolve({ changed });
  }

  /** Sends at once, whatever the interval; unlimited pings stop after the signal only. */
  async *ping({ peer, count }: PingParams, signal: AbortSignal): AsyncGenerator<PingReply> {
    this.calls.push("ping");
    const { path, transport, endpoint } = this.#find(peer);
    for (let sequence = 1; sequence <= (count ?? Infinity) && !signal.aborted; sequence++) {
      const rttMs = this.rtts[(sequence - 1) % this.rtts.length] ?? null;
      yield rttMs === null
        ? { sequence, rttMs, path: null, transport: null, endpoint: null }
        : { sequence, rttMs, path, transport, endpoint };
      if (count === null) await nextTurn(signal);
    }
    this.calls.push("ping ended");
  }

  async down(): Promise<void> {
    this.calls.push("down");
    this.#down.resolve();
    await Promise.resolve();
  }

  #requireLogin(method: string): void {
    this.calls.push(method);
    if (this.view.status !== "logged in") throw new ControlError("notLoggedIn");
  }

  #exists(name: string): boolean {
    return this.joinable.has(name) || this.networks.some(({ id }) => id === name);
  }

  #mine(name: string): NetworkView {
    const found = this.networks.find(({ id }) => id === name);
    if (found === undefined) throw new ControlError("networkNotFound");
    return found;
  }

  #remove(network: NetworkView): void {
    this.networks = this.networks.filter(({ id }) => id !== network.id);
  }

  #find(text: string): MemberView {
    const members = new Map(this.networks.flatMap(({ members }) => members.map((one) => [one.id, one])));
    const found = [...members.values()].filter(({ id, nick, address4, address6 }) =>
      [id, nick, address4, address6].includes(text)
    );
    const [first, second] = found;
    if (first === undefined) throw new ControlError("peerNotFound");
    if (second !== undefined) throw new ControlError("peerAmbiguous", found.map(({ id }) => id).join(", "));
    return first;
  }
}

/** Lets timers and sockets have their turn, unless the signal aborts. */
function nextTurn(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
