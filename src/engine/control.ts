/**
 * What commands may ask of the engine: `EngineControl` of src/ipc, on top of the account at the server.
 *
 * @module
 */
import process from "node:process";
import { formatIpv4, parseIpv4 } from "../base/ip.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { VERSION } from "../base/version.ts";
import {
  type AdmissionParams,
  ControlError,
  type CreateParams,
  type EngineControl,
  type EngineStatus,
  type IpMode,
  type KeyView,
  type NetworkParams,
  type NetworkView,
  type NoticeView,
  type PeerView,
  type PingParams,
  type PingReply,
  type VerifyParams,
} from "../ipc/schema.ts";
import type { EngineEvent, EventsParams, InboxParams, MessageView, SendParams } from "../ipc/chat_schema.ts";
import type { NatView, WhyView } from "../ipc/nat_schema.ts";
import { MEMBERSHIP, NETWORK_KIND } from "../protocol/mod.ts";
import type { Account } from "./account.ts";
import type { Chat } from "./chat/chat.ts";
import type { FindingView } from "../ipc/doctor_schema.ts";
import { diagnose } from "./diagnosis.ts";
import { gatherFacts, type HostFactsSources } from "./host_facts.ts";
import type { EventHub } from "./events.ts";
import { Invites } from "./invites.ts";
import { requireNetworkName, requireNick } from "./names.ts";
import type { KnownNetwork } from "./networks_view.ts";
import { NetworkPowers } from "./network_powers.ts";
import type { Notices } from "./notices.ts";
import { natView, whyView } from "./nat_views.ts";
import { namePlainPeer, type PlainPeers } from "./plain_tunnels.ts";
import type { Pings } from "./pings.ts";
import { deriveSecrets } from "./sealed_network.ts";
import type { NetworkSecrets } from "./secrets.ts";
import type { StateSaver } from "./state_saver.ts";
import { sleep } from "./sleep.ts";
import { Verification } from "./verification.ts";
import type { StoredSettings } from "./state_files.ts";
import {
  findNetwork,
  findPeer,
  formatClientId,
  formatVirtual6,
  listNetworks,
  networkView,
  type ViewInput,
} from "./views.ts";

/** What the control interface works with. */
export interface ControlOptions {
  /** The client at its server. */
  account: Account;
  /** `HOST:PORT` of the server. */
  server: string;
  /** The server's Ed25519 key, 32 bytes: part of the salt of passwords. */
  serverKey: Uint8Array;
  /** Name of the device, null = none. */
  deviceName: string | null;
  /** As stored; changed here once `saveSettings` has saved it. */
  settings: StoredSettings;
  /** Keeps the settings. */
  saveSettings(settings: StoredSettings): void;
  /** Gives the device the addresses that the settings ask for. */
  configureDevice(): void;
  /** Peer secrets of networks. */
  secrets: NetworkSecrets;
  /** The system's network. */
  network: HostFactsSources["network"];
  /** Knows what could not be saved. */
  saver: Pick<StateSaver, "problem">;
  /** Probes through tunnels. */
  pings: Pings;
  /** Messages. */
  chat: Chat;
  /** What happens. */
  events: EventHub;
  /** Welcomes and announcements. */
  notices: Notices;
  /** Peers whose tunnels may go without encryption. */
  plainPeers: PlainPeers;
  /** Time. */
  clock: Clock;
  /** For nonces. */
  random: Random;
  /** Ends the engine; resolves when all is undone. */
  down(): Promise<void>;
}

const NO_SECRET = new Uint8Array(32);

/** How long a look at the own network may take; UDP counts as blocked after 2.5 s. */
const NETCHECK_MS = 4_000;
const LOOK_AGAIN_MS = 50;

/** The engine as commands see it. */
export class Control implements EngineControl {
  readonly #options: ControlOptions;
  readonly #powers: NetworkPowers;
  readonly #invites: Invites;
  readonly #verification: Verification;

  /** Everything else must be there already. */
  constructor(options: ControlOptions) {
    this.#options = options;
    this.#powers = new NetworkPowers(options);
    this.#invites = new Invites(options);
    this.#verification = new Verification(options.account);
  }

  status(): Promise<EngineStatus> {
    const { account: { stored, link }, settings, server, deviceName } = this.#options;
    const { clientId, virtualAddress, prefix6 } = stored;
    const hasAddress6 = virtualAddress !== null && prefix6 !== null;
    return Promise.resolve({
      version: VERSION,
      pid: process.pid,
      status: link.state,
      id: clientId === null ? null : formatClientId(clientId),
      address4: virtualAddress === null ? null : formatIpv4(virtualAddress),
      address6: hasAddress6 ? formatVirtual6(prefix6, virtualAddress) : null,
      nick: settings.nick,
      account: null,
      server,
      device: deviceName,
      problem: this.#options.saver.problem,
    });
  }

  list(): Promise<NetworkView[]> {
    return Promise.resolve(listNetworks(this.#viewInput()));
  }

  // deno-lint-ignore require-await -- a refusal must be a rejection, not an exception
  async peer({ peer }: { peer: string }): Promise<PeerView> {
    return findPeer(this.#viewInput(), peer);
  }

  // deno-lint-ignore require-await -- a refusal must be a rejection, not an exception
  async network({ network }: NetworkParams): Promise<NetworkView> {
    return networkView(findNetwork(this.#options.account.view, network), this.#viewInput());
  }

  async setNick({ nick }: { nick: string }): Promise<void> {
    const { account, settings } = this.#options;
    this.#setting({ nick: requireNick(nick) });
    if (account.link.state !== "logged in") return;
    try {
      await account.request({ type: "setNick", operation: account.newOperation(), nick: settings.nick });
    } catch (error) {
      throw error instanceof ControlError && error.code === "invalidName" ? new ControlError("invalidNick") : error;
    }
  }

  // deno-lint-ignore require-await -- a refusal must be a rejection, not an exception
  async setIpMode({ mode }: { mode: IpMode }): Promise<void> {
    this.#setting({ ipMode: mode });
    this.#options.configureDevice();
  }

  async create(params: CreateParams): Promise<void> {
    const { account, secrets } = this.#options;
    const { name, joinSecret, peerSecret, hasPassword } = await this.#admission(params);
    const operation = account.newOperation();
    const kind = params.type === "hub-and-spoke" ? NETWORK_KIND.hubAndSpoke : NETWORK_KIND.mesh;
    await secrets.during(
      name,
      peerSecret,
      () => account.ask({ type: "create", operation, name, hasPassword, joinSecret, kind }),
    );
  }

  async join(params: AdmissionParams): Promise<{ pending: boolean }> {
    const { account, secrets } = this.#options;
    const { name, joinSecret, peerSecret, hasPassword } = await this.#admission(params);
    const operation = account.newOperation();
    try {
      const { membership } = await secrets.during(
        name,
        peerSecret,
        () => account.ask({ type: "join", operation, name, hasPassword, joinSecret }),
      );
      return { pending: membership === MEMBERSHIP.awaitingApproval };
    } catch (error) {
      if (peerSecret === null || !this.#regains(error, name, peerSecret)) throw error;
      return { pending: false };
    }
  }

  /** Whoever is in already and joins again with the right password may have lost the secret. */
  #regains(error: unknown, name: string, peerSecret: Uint8Array): boolean {
    if (!(error instanceof ControlError) || error.code !== "alreadyMember" && error.code !== "isOwner") return false;
    const { account, secrets } = this.#options;
    if (!secrets.regain(findNetwork(account.view, name).head, peerSecret)) return false;
    account.peers?.tryAgain();
    return true;
  }

  readonly invite: EngineControl["invite"] = (params) => this.#invites.create(params);
  readonly invites: EngineControl["invites"] = (params) => this.#invites.list(params);
  readonly revoke: EngineControl["revoke"] = (params) => this.#invites.revoke(params);
  readonly joinInvited: EngineControl["joinInvited"] = (params) => this.#invites.join(params);
  async doctor(): Promise<FindingView[]> {
    return diagnose(await gatherFacts(this.#options));
  }

  async verify(params: VerifyParams): Promise<KeyView> {
    return await this.#verification.verify(findPeer(this.#viewInput(), params.peer), params);
  }

  async leave({ network }: NetworkParams): Promise<void> {
    await this.#change("leave", network);
  }

  async delete({ network }: NetworkParams): Promise<void> {
    try {
      await this.#change("delete", network);
    } catch (error) {
      throw error instanceof ControlError && error.code === "notPermitted" ? new ControlError("notOwner") : error;
    }
  }

  async goOnline({ network }: NetworkParams): Promise<void> {
    await this.#setOnline(network, true);
  }

  async goOffline({ network }: NetworkParams): Promise<void> {
    await this.#setOnline(network, false);
  }

  readonly setPassword: EngineControl["setPassword"] = (params) => this.#powers.setPassword(params);
  readonly setAccess: EngineControl["setAccess"] = (params) => this.#powers.setAccess(params);
  readonly setPlain: EngineControl["setPlain"] = (params) => this.#powers.setPlain(params);
  // deno-lint-ignore require-await -- a refusal must be a rejection, not an exception
  async plain({ peer, wanted }: { peer: string; wanted: boolean }): Promise<void> {
    namePlainPeer(this.#options, findPeer(this.#viewInput(), peer), wanted);
  }

  readonly approve: EngineControl["approve"] = (params) => this.#powers.approve(params);
  readonly reject: EngineControl["reject"] = (params) => this.#powers.reject(params);
  readonly evict: EngineControl["evict"] = (params) => this.#powers.evict(params);
  readonly ban: EngineControl["ban"] = (params) => this.#powers.ban(params);
  readonly unban: EngineControl["unban"] = (params) => this.#powers.unban(params);
  readonly bans: EngineControl["bans"] = (params) => this.#powers.bans(params);
  readonly setAdmin: EngineControl["setAdmin"] = (params) => this.#powers.setAdmin(params);
  readonly setHub: EngineControl["setHub"] = (params) => this.#powers.setHub(params);
  readonly handOver: EngineControl["handOver"] = (params) => this.#powers.handOver(params);
  readonly setWelcome: EngineControl["setWelcome"] = (params) => this.#powers.setWelcome(params);
  readonly announce: EngineControl["announce"] = (params) => this.#powers.announce(params);
  notices(): Promise<NoticeView[]> {
    return Promise.resolve(this.#options.notices.list());
  }

  async login(): Promise<{ changed: boolean }> {
    const { account: { link } } = this.#options;
    this.#wantLogin(true);
    if (link.state === "logged in") return { changed: false };
    link.start();
    await link.loggedIn();
    return { changed: true };
  }

  async logout(): Promise<{ changed: boolean }> {
    const { account } = this.#options;
    this.#wantLogin(false);
    const changed = account.link.state !== "offline";
    await account.logOut();
    return { changed };
  }

  async *ping(params: PingParams, signal: AbortSignal): AsyncIterable<PingReply> {
    const { account, pings, clock } = this.#options;
    const virtualAddress = parseIpv4(findPeer(this.#viewInput(), params.peer).address4)!;
    const count = params.count ?? Infinity;
    for (let sequence = 1; sequence <= count && !signal.aborted; sequence++) {
      const startedAt = clock.now();
      account.peers?.want(virtualAddress);
      const result = await pings.ping(() => account.peers?.tunnelOf(virtualAddress) ?? null, params.timeoutMs, signal);
      if (signal.aborted) return;
      yield { sequence, ...result };
      const pauseMs = startedAt + params.intervalMs - clock.now();
      if (sequence < count && pauseMs > 0) await sleep(clock, pauseMs, signal);
    }
  }

  async send(params: SendParams): Promise<MessageView> {
    return await this.#options.chat.send(params);
  }

  // deno-lint-ignore require-await -- a refusal must be a rejection, not an exception
  async inbox(params: InboxParams): Promise<MessageView[]> {
    return this.#options.chat.inbox(params);
  }

  events({ kinds }: EventsParams, signal: AbortSignal): AsyncIterable<EngineEvent> {
    return this.#options.events.listen(kinds, signal);
  }

  async netcheck(): Promise<NatView> {
    const { account, clock } = this.#options;
    this.#requireLogin();
    account.natWatch?.survey();
    const deadline = clock.now() + NETCHECK_MS;
    const signal = new AbortController().signal;
    while (account.natWatch?.isSurveyed === false && clock.now() < deadline) await sleep(clock, LOOK_AGAIN_MS, signal);
    return natView(account.network);
  }

  // deno-lint-ignore require-await -- a refusal must be a rejection, not an exception
  async why({ peer }: { peer: string }): Promise<WhyView> {
    const { account } = this.#options;
    const view = findPeer(this.#viewInput(), peer);
    const virtualAddress = parseIpv4(view.address4)!;
    return whyView({
      view,
      isLoggedIn: account.isReady,
      refused: account.factsOf(virtualAddress)?.refused ?? null,
      tunnel: account.peers?.anyTunnelOf(virtualAddress) ?? null,
      ...account.searchesFor(virtualAddress),
    }, account.network);
  }

  async down(): Promise<void> {
    await this.#options.down();
  }

  #viewInput(): ViewInput {
    const { account, settings, secrets, plainPeers } = this.#options;
    const { clientId, prefix6 } = account.stored;
    return {
      view: account.view,
      clientId: clientId ?? 0,
      nick: settings.nick,
      prefix6: prefix6 ?? new Uint8Array(12),
      isLoggedIn: account.isReady,
      factsOf: (virtualAddress) => account.factsOf(virtualAddress),
      wantsPlain: (virtualAddress) => plainPeers.has(account.trust.pins.get(virtualAddress)?.ed25519 ?? null),
      hasLostSecret: (head) => secrets.isLost(head),
    };
  }

  #known(name: string): KnownNetwork {
    this.#requireLogin();
    return findNetwork(this.#options.account.view, name);
  }

  async #change(type: "leave" | "delete", name: string): Promise<void> {
    const { networkId } = this.#known(name).head;
    await this.#options.account.request({ type, operation: this.#options.account.newOperation(), networkId });
  }

  async #setOnline(name: string, online: boolean): Promise<void> {
    const { account } = this.#options;
    const { networkId } = this.#known(name).head;
    await account.request({ type: "setOnline", operation: account.newOperation(), networkId, online });
  }

  /** Before the costly derivation, so that being offline is told at once. */
  async #admission({ network, password }: AdmissionParams): Promise<{
    name: string;
    hasPassword: boolean;
    joinSecret: Uint8Array;
    peerSecret: Uint8Array | null;
  }> {
    const name = requireNetworkName(network);
    this.#requireLogin();
    const secrets = await deriveSecrets(password, this.#options.serverKey, name);
    return {
      name,
      hasPassword: secrets !== null,
      joinSecret: secrets?.joinSecret ?? NO_SECRET,
      peerSecret: secrets?.peerSecret ?? null,
    };
  }

  #requireLogin(): void {
    if (this.#options.account.link.state !== "logged in") throw new ControlError("notLoggedIn");
  }

  #wantLogin(wantsLogin: boolean): void {
    if (this.#options.settings.wantsLogin !== wantsLogin) this.#setting({ wantsLogin });
  }

  /** What cannot be saved is not changed. */
  #setting(changes: Partial<StoredSettings>): void {
    const { settings, saveSettings } = this.#options;
    saveSettings({ ...settings, ...changes });
    Object.assign(settings, changes);
  }
}
