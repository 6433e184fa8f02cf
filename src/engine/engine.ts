/**
 * The engine: puts state, device, data plane, account and control interface together, and takes them apart again.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { UserError } from "../base/errors.ts";
import { formatIpv4 } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { type DataPlane, type Overlay, startDataPlane } from "../dataplane/mod.ts";
import { type NetworkConfiguration, openNetworkConfiguration } from "../device/addresses.ts";
import { ControlError, type EngineControl, serveControl } from "../ipc/mod.ts";
import { systemClock } from "../transport/system.ts";
import { finishRestore } from "./backup.ts";
import { Control } from "./control.ts";
import type { EngineOptions } from "./engine_options.ts";
import { EventHub } from "./events.ts";
import { loadIdentity } from "./identity.ts";
import type { LoginError } from "./login_error.ts";
import { requireNick } from "./names.ts";
import { watchOwnNetwork } from "./network_watch.ts";
import { openOverlayDevice, type OverlayDevice, undoChanges } from "./overlay_device.ts";
import { Pings } from "./pings.ts";
import { PlainPeers } from "./plain_tunnels.ts";
import { ServerAccount, type SharedParts } from "./server_account.ts";
import { chooseServer, type ChosenServer, requireSuite } from "./server_choice.ts";
import { readSettings, type StoredSettings, writeSettings } from "./state_files.ts";
import { StateFolder } from "./state_folder.ts";
import { requireSaved, StateSaver } from "./state_saver.ts";
import { formatVirtual6 } from "./views.ts";

/** An engine that is logged in and has its device up. */
export interface RunningEngine {
  /** Own virtual IPv4 address. */
  address4: string;
  /** Own virtual IPv6 address. */
  address6: string;
  /** What commands talk to, without the socket between. */
  control: EngineControl;
  /** Resolves when it has ended, by `down` too; rejects when it had to end by itself. */
  stopped: Promise<void>;
  /** Ends it: peers and server are told, and what was set up is undone. May be called again. */
  stop(): Promise<void>;
}

/** What an engine takes from the world around it, so that a test can be one. */
export interface EngineMeans {
  /** Time. */
  clock: Clock;
  /** For keys and numbers on the wire. */
  random: Random;
  /** Opens the device. */
  openDevice: typeof openOverlayDevice;
  /** Starts what moves the packets. */
  startDataPlane: typeof startDataPlane;
}

/**
 * Starts an engine; it is logged in and its device is up when this resolves. Resolves to null when `down` ended it before that.
 *
 * @throws {UserError} what the person must know, with the exit code of the program; or the reason of `signal`
 */
export function startEngine(options: EngineOptions): Promise<RunningEngine | null> {
  const means = { clock: systemClock(), random: systemRandom(), openDevice: openOverlayDevice, startDataPlane };
  return startEngineWith(options, means);
}

/** {@linkcode startEngine} in a world of the caller's. */
export async function startEngineWith(options: EngineOptions, means: EngineMeans): Promise<RunningEngine | null> {
  const engine = new Engine(options, means);
  try {
    await engine.start();
    const ready = await engine.ready;
    if (ready === null) return null;
    const { address4, address6 } = ready;
    return { address4, address6, control: engine.control, stopped: engine.stopped, stop: () => engine.stop() };
  } catch (error) {
    await engine.stop().catch(() => {});
    throw error;
  }
}

class Engine {
  readonly #options: EngineOptions;
  readonly #means: EngineMeans;
  readonly #log: Logger;
  /** What goes before a `down` is answered; the outer one holds what is needed to answer it. */
  readonly #inner = new AsyncDisposableStack();
  readonly #outer = new AsyncDisposableStack();
  readonly #ready = Promise.withResolvers<{ address4: string; address6: string } | null>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #saver: StateSaver;
  #failure: unknown;
  #isReady = false;
  #tearing: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  control!: EngineControl;

  constructor(options: EngineOptions, means: EngineMeans) {
    this.#options = options;
    this.#means = means;
    this.#log = options.log;
    this.#saver = new StateSaver({ clock: means.clock, log: options.log });
    // Whoever waits for them is told; nobody must.
    this.#ready.promise.catch(() => {});
    this.#stopped.promise.catch(() => {});
  }

  /** The virtual addresses; null when `down` came first. */
  get ready(): Promise<{ address4: string; address6: string } | null> {
    return this.#ready.promise;
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Opens everything and begins to log in. */
  async start(): Promise<void> {
    const { stateDir, server: given, acceptNew = false, suite, device: deviceName, udpPort = 0, signal } =
      this.#options;
    const { clock, random, openDevice, startDataPlane } = this.#means;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => this.#fail(signal.reason), { once: true });
    const folder = this.#outer.adopt(StateFolder.open(stateDir), (each) => each.close());
    this.#outer.defer(() => this.#saver.stop());
    finishRestore(folder);
    const server = chooseServer(folder, given, acceptNew);
    requireSuite(server, suite, acceptNew);
    const settings = this.#settings(folder);
    const hasAccount = server.account.clientId !== null;
    const identity = await loadIdentity(folder, { suite, hasAccount }, random);
    const network = this.#inner.adopt(openNetworkConfiguration(folder.pathOf("journal")), (each) => each.close());
    undoChanges(network, this.#log);
    const overlay = openDevice(deviceName, network, this.#log);
    this.#inner.defer(() => overlay.device.close());
    const dataPlane = await startDataPlane({ device: overlay.device, port: udpPort });
    this.#inner.defer(() => dataPlane.stop());
    this.#inner.defer(() => undoChanges(network, this.#log));
    const events = new EventHub(clock);
    const savePlain = (plainPeers: string[]) => requireSaved(() => writeSettings(folder, { ...settings, plainPeers }));
    const plainPeers = new PlainPeers(settings, savePlain);
    const home = this.#home(server, { folder, identity, settings, plainPeers, dataPlane, network, events }, overlay);
    const { account, chat, secrets, notices } = home;
    this.#inner.defer(() => home.stop());
    const pings = new Pings({ dataPlane, clock, random });
    this.#listen(dataPlane, home, pings);
    this.#watch(network, home);
    this.control = new Control({
      account,
      server: home.place,
      serverKey: server.invite.pin.ed25519,
      deviceName: overlay.device.name === "" ? null : overlay.device.name,
      settings,
      saveSettings: (changed) => requireSaved(() => writeSettings(folder, changed)),
      configureDevice: () => {
        if (home.overlay !== null) this.#configure(overlay, home.overlay, settings);
      },
      secrets,
      notices,
      plainPeers,
      saver: this.#saver,
      network,
      pings,
      chat,
      events,
      clock,
      random,
      down: () => this.#down(),
    });
    const ipc = await serveControl({ stateDir, control: this.control, log: this.#log });
    this.#outer.defer(() => ipc.stop());
    if (this.#tearing === undefined) this.#begin(home, settings, overlay);
  }

  /** Ends everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    try {
      await this.#tearDown();
      await this.#outer.disposeAsync();
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#failure !== undefined) {
      this.#ready.reject(this.#failure);
      return this.#stopped.reject(this.#failure);
    }
    // Whoever still waits for it now was ended by `down`.
    this.#ready.resolve(null);
    this.#stopped.resolve();
  }

  #tearDown(): Promise<void> {
    this.#tearing ??= this.#inner.disposeAsync();
    return this.#tearing;
  }

  /** For a command: it is answered when all is undone, and only then the control socket goes. */
  async #down(): Promise<void> {
    try {
      await this.#tearDown();
    } catch (error) {
      throw new ControlError("internal", error instanceof Error ? error.message : String(error));
    } finally {
      this.#means.clock.after(0, () => void this.stop());
    }
  }

  /** Something happened after which there is no sense in going on. */
  #fail(error: unknown): void {
    this.#ready.reject(error);
    if (!this.#isReady) return;
    this.#failure ??= error;
    void this.stop();
  }

  #settings(folder: StateFolder): StoredSettings {
    const settings = readSettings(folder);
    const { nick } = this.#options;
    if (nick === undefined) return settings;
    try {
      settings.nick = requireNick(nick);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      throw new UserError(`Cannot use this nickname: ${error.message}`, { exitCode: 2, hint: error.hint ?? "" });
    }
    writeSettings(folder, settings);
    return settings;
  }

  /** The server whose address the device carries, and whose login makes the engine ready. */
  #home(
    server: ChosenServer,
    parts: Omit<SharedParts, "options" | "saver" | "clock" | "random" | "log">,
    overlay: OverlayDevice,
  ): ServerAccount {
    const { folder, settings } = parts;
    const { clock, random } = this.#means;
    const shared = { ...parts, options: this.#options, saver: this.#saver, clock, random, log: this.#log };
    const home: ServerAccount = new ServerAccount(server, shared, {
      onOverlay: (wanted) => this.#configure(overlay, wanted, settings),
      onReady: (nick) => {
        if (settings.server !== server.text) {
          settings.server = server.text;
          home.saveAccount();
          this.#saver.save("settings", () => writeSettings(folder, settings));
        }
        this.#loggedIn(home, nick, settings, (changed) => writeSettings(folder, changed));
      },
      onFatal: (error) => this.#loginFailed(error, home),
    });
    return home;
  }

  #begin(home: ServerAccount, settings: StoredSettings, overlay: OverlayDevice): void {
    if (settings.wantsLogin || home.overlay === null) return home.account.link.start();
    this.#log.info("logged out: waiting for a login");
    this.#configure(overlay, home.overlay, settings);
    this.#becomeReady(home);
  }

  #configure(overlay: OverlayDevice, wanted: Overlay, { ipMode }: StoredSettings): void {
    try {
      overlay.configure(wanted, ipMode);
    } catch (error) {
      this.#fail(error);
    }
  }

  #loggedIn(
    home: ServerAccount,
    nickAtServer: string,
    settings: StoredSettings,
    save: (settings: StoredSettings) => void,
  ): void {
    this.#becomeReady(home);
    if (settings.nick === nickAtServer) return;
    if (settings.nick === "") {
      settings.nick = nickAtServer;
      return save(settings);
    }
    const { account } = home;
    account.request({ type: "setNick", operation: account.newOperation(), nick: settings.nick })
      .catch((error: unknown) => this.#log.warn("the server does not take the nickname", { error }));
  }

  #becomeReady({ account }: ServerAccount): void {
    const { virtualAddress, prefix6 } = account.stored;
    this.#isReady = true;
    this.#ready.resolve({
      address4: formatIpv4(virtualAddress!),
      address6: formatVirtual6(prefix6!, virtualAddress!),
    });
  }

  #loginFailed(error: LoginError, { place }: ServerAccount): void {
    const explained = error.toUserError(place);
    if (!this.#isReady) return this.#fail(explained);
    this.#log.error(explained.message, { hint: explained.hint });
  }

  #listen(dataPlane: DataPlane, home: ServerAccount, pings: Pings): void {
    dataPlane.onEvent((event) => {
      pings.takeEvent(event);
      home.takeEvent(event);
      if (event.on === "failed") this.#fail(new UserError(`Cannot go on: the data plane failed (${event.reason})`));
    });
  }

  #watch(network: NetworkConfiguration, { account }: ServerAccount): void {
    const watch = watchOwnNetwork({
      network,
      clock: this.#means.clock,
      onChange: (reason) => {
        this.#log.info(reason === "sleep" ? "woke up" : "the network has changed");
        account.networkChanged();
      },
    });
    this.#inner.defer(() => watch.close());
  }
}
