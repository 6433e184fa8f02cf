/**
 * Everything an engine has per server: the account there, the ways to it, its messages, and what is kept on disk of them.
 *
 * What servers share (device, data plane, keys, settings) is the engine's and is handed in.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { DataPlane, DataPlaneEvent, Overlay } from "../dataplane/types.ts";
import type { NetworkConfiguration } from "../device/addresses.ts";
import type { ClientLoginOptions } from "../session/mod.ts";
import { proxyFromEnvironment } from "../transport/http_proxy.ts";
import { Account, type AccountOptions } from "./account.ts";
import type { Chat } from "./chat/chat.ts";
import { startChat } from "./chat/start_chat.ts";
import { connect, connectBetter } from "./connect.ts";
import type { EngineOptions } from "./engine_options.ts";
import type { EventHub } from "./events.ts";
import type { Identity } from "./identity.ts";
import type { LoginError } from "./login_error.ts";
import { Notices } from "./notices.ts";
import type { PlainPeers } from "./plain_tunnels.ts";
import { NetworkSecrets } from "./secrets.ts";
import type { ChosenServer } from "./server_choice.ts";
import { ServerWays } from "./server_ways.ts";
import {
  readNotices,
  readPins,
  readSecrets,
  type StoredAccount,
  type StoredSettings,
  writeAccount,
  writeNotices,
  writePins,
  writeSecrets,
} from "./state_files.ts";
import type { StateFolder } from "./state_folder.ts";
import { requireSaved, type StateSaver } from "./state_saver.ts";

/** What all servers of an engine share. */
export interface SharedParts {
  /** How the engine was started. */
  options: Pick<EngineOptions, "suite" | "mapsPort" | "proxy">;
  /** Where state is kept. */
  folder: StateFolder;
  /** Keeps it. */
  saver: StateSaver;
  /** Keys of this client. */
  identity: Identity;
  /** As stored; the nickname is taken from here. */
  settings: StoredSettings;
  /** Peers whose tunnels may go without encryption. */
  plainPeers: PlainPeers;
  /** Moves the packets. */
  dataPlane: DataPlane;
  /** Tells the addresses of this machine. */
  network: Pick<NetworkConfiguration, "addresses">;
  /** Hears what happens. */
  events: EventHub;
  /** Time. */
  clock: Clock;
  /** For keys and numbers on the wire. */
  random: Random;
  /** Where it reports. */
  log: Logger;
}

/** What an engine is told of a server. */
export interface ServerAccountEvents {
  /** See `AccountOptions`. */
  onOverlay(overlay: Overlay): void;
  /** Logged in, and told of every network; the nickname is the one the server knows. */
  onReady(nick: string): void;
  /** The login failed for good. */
  onFatal(error: LoginError): void;
}

/** This client at one server, with what is kept of the time before. */
export class ServerAccount {
  /** The server. */
  readonly server: ChosenServer;
  /** The client there. */
  readonly account: Account;
  /** Messages over it. */
  readonly chat: Chat;
  /** Peer secrets of its networks. */
  readonly secrets: NetworkSecrets;
  /** Its welcomes and announcements. */
  readonly notices: Notices;
  readonly #shared: SharedParts;

  /** Reads what was kept; offline. @throws {UserError} exit 1 when it is damaged */
  constructor(server: ChosenServer, shared: SharedParts, told: ServerAccountEvents) {
    const { folder, settings, identity, plainPeers, dataPlane, clock, random, log } = shared;
    this.server = server;
    this.#shared = shared;
    this.secrets = this.#readSecrets();
    this.notices = new Notices(
      readNotices(folder, server.id),
      (changed) => this.#save("notices", () => writeNotices(folder, server.id, changed)),
    );
    const pins = readPins(folder, server.id);
    const ways = this.#ways();
    const { chat, observer } = startChat({
      ...shared,
      serverId: server.id,
      account: () => this.account,
      identity: identity.ed25519,
      nick: () => settings.nick,
      pins,
      secrets: this.secrets,
    });
    this.chat = chat;
    this.account = new Account({
      clock,
      random,
      log,
      dataPlane,
      plainPeers,
      ...this.#opening(ways),
      ...told,
      keys: identity,
      suite: shared.options.suite,
      mapsPort: shared.options.mapsPort ?? true,
      account: server.account,
      saveAccount: (changed) => this.#save("account", () => writeAccount(folder, server.id, changed)),
      pins,
      savePins: (changed) => this.#save("pins", () => writePins(folder, server.id, changed)),
      secrets: this.secrets,
      notices: this.notices,
      observer,
      ownAddresses: () => shared.network.addresses(),
      ways,
    });
  }

  /** `HOST:PORT` of the server. */
  get place(): string {
    const { host, port } = this.server.invite;
    return `${host}:${port}`;
  }

  /** The addresses that the server gave us; null before the first login. */
  get overlay(): Overlay | null {
    const { virtualAddress, pool, prefix6 } = this.server.account;
    if (virtualAddress === null || pool === null || prefix6 === null) return null;
    return { virtualAddress, pool, prefix6 };
  }

  /** Takes what the data plane reports. */
  takeEvent(event: DataPlaneEvent): void {
    if (event.on === "frame") this.chat.takeFrame(event.localSpi, event.frameType, event.payload);
    this.account.takeEvent(event);
  }

  /** Keeps the account, changed or not. */
  saveAccount(): void {
    this.#save("account", () => writeAccount(this.#shared.folder, this.server.id, this.server.account));
  }

  /** Ends connection, tunnels and messages. */
  async stop(): Promise<void> {
    try {
      await this.account.stop();
    } finally {
      await this.chat.stop();
    }
  }

  /** Files of the same name at two servers are two files. */
  #save(name: string, write: () => void): void {
    this.#shared.saver.save(`${name} of ${this.server.id}`, write);
  }

  #readSecrets(): NetworkSecrets {
    const { server: { id } } = this;
    const { folder } = this.#shared;
    return new NetworkSecrets(readSecrets(folder, id), {
      save: (changed) => this.#save("secrets", () => writeSecrets(folder, id, changed)),
      check: (kept) => requireSaved(() => writeSecrets(folder, id, kept)),
    });
  }

  #ways(): ServerWays {
    const { invite, account } = this.server;
    const { options, clock, log } = this.#shared;
    const { proxy = proxyFromEnvironment((name) => Deno.env.get(name), invite.host) } = options;
    return new ServerWays({
      hostname: invite.host,
      port: invite.port,
      proxy,
      last: account.way ?? null,
      remember: (way) => {
        if (account.way === way) return;
        account.way = way;
        this.saveAccount();
      },
      clock,
      log,
    });
  }

  #opening(ways: ServerWays): Pick<AccountOptions, "open" | "openBetter"> {
    const { options: { suite }, identity, settings, dataPlane, clock, random } = this.#shared;
    const offers = dataPlane.aeadCosts.map(({ aead, costNs }) => ({ aead, costNs }));
    const loginOf = ({ virtualAddress }: StoredAccount): ClientLoginOptions => ({
      suite,
      server: this.server.invite.pin,
      identity: { ...identity, address: virtualAddress ?? 0, nick: settings.nick },
      suites: [suite],
      offers,
    });
    return {
      open: (account, signal) => connect(ways, loginOf(account), { clock, random, signal }),
      openBetter: (account, signal) => connectBetter(ways, loginOf(account), { clock, random, signal }),
    };
  }
}
