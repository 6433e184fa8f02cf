import {
  type AccessParams,
  type AdmissionParams,
  type BanParams,
  type BanView,
  ControlError,
  type EngineControl,
  type EngineEvent,
  type EngineStatus,
  type EventsParams,
  type FindingView,
  type InboxParams,
  type InviteControl,
  type IpMode,
  type KeyView,
  type MemberParams,
  type MemberView,
  type MessageView,
  type NatView,
  type NetworkParams,
  type NetworkView,
  type NoticeView,
  type PeerView,
  type PingParams,
  type PingReply,
  type PrivilegeName,
  type SendParams,
  type VerifyParams,
  type WhyView,
} from "../../src/ipc/mod.ts";
import { fakeInvites } from "./fake_invites.ts";
import { sampleMessage, sampleNat, sampleNetwork, sampleStatus, sampleWhy } from "./sample_views.ts";

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
  /** By network id. */
  readonly banned = new Map<string, BanView[]>();
  /** Fingerprints by client id. */
  readonly pinned = new Map<string, string>();
  /** Client ids of peers that may go without encryption. */
  readonly plainPeers: Set<string> = new Set();
  /** What `notices` gives. */
  said: NoticeView[] = [];
  /** The history. */
  messages: MessageView[] = [];
  /** What `events` tells. */
  happening: EngineEvent[] = [];
  /** Whether `events` ends after that. */
  endsEvents = false;
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

  netcheck(): Promise<NatView> {
    this.calls.push("netcheck");
    return Promise.resolve(sampleNat());
  }

  async why({ peer }: { peer: string }): Promise<WhyView> {
    this.calls.push("why");
    const { id, nick } = this.#find(peer);
    return await Promise.resolve(sampleWhy({ id, nick }));
  }

  async peer({ peer }: { peer: string }): Promise<PeerView> {
    this.calls.push("peer");
    const found = this.#find(peer);
    const networks = this.networks.filter(({ members }) => members.some(({ id }) => id === found.id));
    return await Promise.resolve({
      ...found,
      networks: networks.map(({ id }) => id),
      plainWanted: this.plainPeers.has(found.id),
    });
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

  async setIpMode({ mode }: { mode: IpMode }): Promise<void> {
    this.calls.push(`setIpMode ${mode}`);
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

  /** What `doctor` gives. */
  findings: FindingView[] = [];

  async doctor(): Promise<FindingView[]> {
    this.calls.push("doctor");
    return await Promise.resolve(this.findings);
  }

  readonly #invites: InviteControl = fakeInvites((method, network) => {
    this.#requireLogin(method);
    return network === null ? "" : this.#mine(network).name;
  });
  readonly invite: EngineControl["invite"] = (params) => this.#invites.invite(params);
  readonly invites: EngineControl["invites"] = (params) => this.#invites.invites(params);
  readonly revoke: EngineControl["revoke"] = (params) => this.#invites.revoke(params);
  readonly joinInvited: EngineControl["joinInvited"] = (params) => this.#invites.joinInvited(params);

  async verify({ peer, install, acceptNew }: VerifyParams): Promise<KeyView> {
    this.calls.push("verify");
    const { id, nick, address4 } = this.#find(peer);
    const told = "cd".repeat(32);
    const before = this.pinned.get(id) ?? null;
    if (install !== null && before !== null && before !== install && !acceptNew) throw new ControlError("keyPinned");
    const pinned = install ?? (acceptNew ? told : before);
    if (pinned !== null) this.pinned.set(id, pinned);
    const state = pinned === null ? "unpinned" : pinned === told ? "pinned" : "changed";
    const words = "lusab babad gutih tugad lusab babad gutih tugad";
    return await Promise.resolve({ id, nick, address4, state, pinned, told, own: "ab".repeat(32), words });
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

  async setPassword({ network, password }: AdmissionParams): Promise<void> {
    const mine = this.#owned("setPassword", network);
    this.joinable.set(mine.id, { password, view: mine });
    await Promise.resolve();
  }

  async setAccess({ network, locked, approve }: AccessParams): Promise<void> {
    const mine = this.#owned("setAccess", network);
    if (locked !== null) mine.status = locked ? "locked" : "unlocked";
    if (approve !== null) mine.approve = approve;
    await Promise.resolve();
  }

  async setPlain({ network, allowed }: NetworkParams & { allowed: boolean }): Promise<void> {
    this.#owned("setPlain", network).plainTunnels = allowed;
    await Promise.resolve();
  }

  async plain({ peer, wanted }: { peer: string; wanted: boolean }): Promise<void> {
    const { id } = this.#find(peer);
    if (wanted) this.plainPeers.add(id);
    else this.plainPeers.delete(id);
    await Promise.resolve();
  }

  async approve(params: MemberParams): Promise<void> {
    this.#waiting("approve", params).status = "offline";
    await Promise.resolve();
  }

  async reject(params: MemberParams): Promise<void> {
    this.#dismiss(params.network, this.#waiting("reject", params).id);
    await Promise.resolve();
  }

  async evict({ network, member }: MemberParams): Promise<void> {
    const { members } = this.#owned("evict", network);
    this.#dismiss(network, this.#findIn(members, member).id);
    await Promise.resolve();
  }

  async ban({ network, member, reason, forMs }: BanParams): Promise<void> {
    const { members } = this.#owned("ban", network);
    const { id, nick } = this.#findIn(members, member);
    const until = forMs === null ? null : 1_767_225_600_000 + forMs;
    this.banned.set(network, [...this.banned.get(network) ?? [], { id, nick, until, reason }]);
    this.#dismiss(network, id);
    await Promise.resolve();
  }

  async unban({ network, member }: MemberParams): Promise<void> {
    this.#owned("unban", network);
    const bans = this.banned.get(network) ?? [];
    if (!bans.some(({ id }) => id === member)) throw new ControlError("notBanned");
    this.banned.set(network, bans.filter(({ id }) => id !== member));
    await Promise.resolve();
  }

  async bans({ network }: NetworkParams): Promise<BanView[]> {
    this.#owned("bans", network);
    return await Promise.resolve(this.banned.get(network) ?? []);
  }

  async setAdmin({ network, member, privileges }: MemberParams & { privileges: PrivilegeName[] }): Promise<void> {
    const { members } = this.#owned("setAdmin", network);
    this.#findIn(members, member).role = privileges.length > 0 ? "administrator" : "member";
    await Promise.resolve();
  }

  async setHub({ network, member, hub }: MemberParams & { hub: boolean }): Promise<void> {
    const { members, type } = this.#owned("setHub", network);
    if (type !== "hub-and-spoke") throw new ControlError("notPermitted", "This network has no hubs.");
    this.#findIn(members, member).role = hub ? "hub" : "member";
    await Promise.resolve();
  }

  async handOver({ network, member }: MemberParams): Promise<void> {
    const mine = this.#owned("handOver", network);
    const { id, nick } = this.#findIn(mine.members, member);
    mine.owner = { id, nick, isSelf: false };
    await Promise.resolve();
  }

  async setWelcome({ network }: NetworkParams & { text: string }): Promise<void> {
    this.#owned("setWelcome", network);
    await Promise.resolve();
  }

  async announce({ network, text }: NetworkParams & { text: string }): Promise<void> {
    const { name, owner } = this.#owned("announce", network);
    this.said.push({ network: name, kind: "announcement", from: owner.id, sentAt: 1_767_225_600_000, text });
    await Promise.resolve();
  }

  async notices(): Promise<NoticeView[]> {
    this.calls.push("notices");
    return await Promise.resolve(this.said);
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

  /** Everybody has it at once, but for those who are offline. */
  async send({ to, kind, text }: SendParams): Promise<MessageView> {
    this.calls.push(`send ${kind}`);
    if (text.trim() === "") throw new ControlError("invalidMessage", "A message has 1 to 1024 bytes, this one 0.");
    const network = kind === "peer" ? undefined : this.networks.find(({ id }) => id === to);
    if (kind === "network" && network === undefined) throw new ControlError("networkNotFound");
    const members = network?.members ?? [this.#find(to)];
    const message = sampleMessage({
      id: (this.messages.length + 1).toString(16).padStart(32, "0"),
      direction: "out",
      from: { id: this.view.id ?? "", nick: this.view.nick },
      to: network === undefined ? { id: members[0]!.id, nick: members[0]!.nick } : null,
      network: network?.name ?? null,
      text,
      read: true,
      deliveries: members.map(({ id, nick, status }) => {
        return { id, nick, state: status === "online" ? "delivered" : "stored", reason: null };
      }),
    });
    this.messages.push(message);
    return await Promise.resolve(message);
  }

  async inbox({ with: partner, all, markRead, limit }: InboxParams): Promise<MessageView[]> {
    this.calls.push("inbox");
    const isWith = ({ from, to, network }: MessageView) =>
      partner === null || network === partner || [from, to].some((one) => one?.nick === partner || one?.id === partner);
    const found = this.messages.filter((one) => isWith(one) && (all || !one.read)).slice(-limit);
    if (markRead) this.messages = this.messages.map((one) => found.includes(one) ? { ...one, read: true } : one);
    return await Promise.resolve(found);
  }

  /** Tells `happening`, then waits for the signal. */
  async *events({ kinds }: EventsParams, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    this.calls.push("events");
    for (const event of this.happening) if (kinds === null || kinds.includes(event.kind)) yield event;
    if (!this.endsEvents) { while (!signal.aborted) await nextTurn(signal); }
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

  /** A network over which this computer has all powers. */
  #owned(method: string, name: string): NetworkView {
    this.#requireLogin(method);
    const mine = this.#mine(name);
    if (!mine.owner.isSelf) throw new ControlError("notPermitted");
    return mine;
  }

  #waiting(method: string, { network, member }: MemberParams): MemberView {
    const found = this.#findIn(this.#owned(method, network).members, member);
    if (found.status !== "unapproved") throw new ControlError("notAwaitingApproval");
    return found;
  }

  #dismiss(network: string, memberId: string): void {
    const mine = this.#mine(network);
    mine.members = mine.members.filter(({ id }) => id !== memberId);
    mine.memberCount--;
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
    return this.#findIn(this.networks.flatMap(({ members }) => members), text);
  }

  #findIn(all: readonly MemberView[], text: string): MemberView {
    const members = new Map(all.map((one) => [one.id, one]));
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
