/**
 * The connection to the mediation server, kept up: opened again after a loss, with growing pauses; greeted, kept alive, and
 * the requests sent over it answered or repeated.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Cidr4, Endpoint } from "../base/ip.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { ControlError } from "../ipc/schema.ts";
import { type ControlMessage, type ControlMessageOf, GOODBYE, type UnknownControlMessage } from "../protocol/mod.ts";
import { backoffMs } from "./backoff.ts";
import { Bettering, type BetterWay } from "./bettering.ts";
import { keepaliveIntervalMs, keepaliveStep } from "./keepalive.ts";
import { LoginError } from "./login_error.ts";
import { type Request, Requests } from "./requests.ts";
import { sleep } from "./sleep.ts";
import { checkWelcome } from "./welcome.ts";

/** An authenticated connection: whoever made it has checked the server's key and proved ours. */
export interface ControlSession {
  /** Our end. */
  readonly local: Endpoint;
  /** The server's end. */
  readonly remote: Endpoint;
  /** Names the connection in proofs sent over it, 32 bytes. */
  readonly binding: Uint8Array;
  /** Messages leave in order of the calls. Rejects when the connection is broken. */
  send(message: ControlMessage): Promise<void>;
  /** The next message; null at the end. @throws {ProtocolError} for anything that is not sealed by the server */
  receive(): Promise<ControlMessage | UnknownControlMessage | null>;
  /** Ends a `receive` that waits. May be called again. */
  close(): void;
}

/** A login as the rest of the engine sees it. */
export interface Login {
  /** WELCOME, checked. */
  welcome: ControlMessageOf<"welcome">;
  /** Virtual IPv4 addresses of this server. */
  pool: Cidr4;
  /** The connection, for its two ends. */
  session: ControlSession;
}

/** What a link needs and tells. */
export interface ServerLinkOptions {
  /** Connects and logs in. @throws {LoginError} or anything else, which is tried again */
  open(signal: AbortSignal): Promise<ControlSession>;
  /** Better ways than the one of the connection that is open. Default: there are none. */
  better?: BetterWay;
  /** Time. */
  clock: Clock;
  /** Chance for the pauses. */
  random: Random;
  /** What goes wrong goes here. */
  log: Logger;
  /** WELCOME came; nothing else has been told to `onMessage` yet. */
  onLogin(login: Login): void;
  /** The connection of the last login is gone. */
  onLogout(): void;
  /** Everything the server pushes. */
  onMessage(message: ControlMessage): void;
  /** The first login after `start` failed, and trying again would not help: the link is offline. */
  onFatal(error: LoginError): void;
}

/** See `EngineStatus.status`. */
export type LinkState = "offline" | "logging in" | "logged in";

/** How a connection ended, as far as the next try depends on it. */
interface Ending {
  wasLoggedIn: boolean;
  /** From GOODBYE. */
  retryAfterMs: number;
  /** Whether the server itself went away, and with it all its clients at once. */
  isServerGone: boolean;
  /** Whether the server has a newer login of ours. */
  isReplaced: boolean;
}

interface Waiter {
  resolve: () => void;
  reject: (error: ControlError) => void;
}

/** After such a GOODBYE the next try would only take the place of another engine with our keys. */
const REPLACED_PAUSE_MS = 60_000;

/** How long WELCOME may take after the login. */
const WELCOME_TIMEOUT_MS = 15_000;

/** How long the server may take to prove that the connection still holds, once that is in doubt. */
const CHECK_TIMEOUT_MS = 1_000;

/** For so long after such a doubt there are no long pauses between tries … */
const HURRY_MS = 5_000;

/** … only these. */
const HURRIED_PAUSE_MS = 250;

/** How long a goodbye may take. */
const GOODBYE_TIMEOUT_MS = 200;

/** The connection to one server. */
export class ServerLink {
  readonly #options: ServerLinkOptions;
  readonly #requests: Requests;
  readonly #waiters = new Set<Waiter>();
  #state: LinkState = "offline";
  #session: ControlSession | null = null;
  #sentAt = 0;
  #heardAt = 0;
  #spreadMs = 0;
  #hasLoggedIn = false;
  #hurriedAt = -Infinity;
  #endPause = () => {};
  #cancelCheck = () => {};
  #bettering: Bettering | null = null;
  #running: { abort: AbortController; ended: Promise<void> } | null = null;

  /** Does nothing before {@linkcode ServerLink.start}. */
  constructor(options: ServerLinkOptions) {
    this.#options = options;
    this.#requests = new Requests(options.clock);
  }

  /** Whether there is a connection. */
  get state(): LinkState {
    return this.#state;
  }

  /** Connects and stays connected. A second call does nothing. */
  start(): void {
    if (this.#running !== null) return;
    const abort = new AbortController();
    this.#hasLoggedIn = false;
    this.#state = "logging in";
    this.#running = { abort, ended: this.#stayConnected(abort.signal) };
  }

  /** Resolves at the next login, or now; rejects with ControlError when the try that runs or comes next fails. */
  loggedIn(): Promise<void> {
    if (this.#state === "logged in") return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.add({ resolve, reject }));
  }

  /** The time of `better.at()` has changed. */
  reconsider(): void {
    this.#bettering?.plan();
  }

  /**
   * The way to the server may be another than before: makes sure that the connection holds, and opens one at once where it
   * does not. One from an address that is not ours any more cannot.
   */
  check(isOurs: (local: Endpoint) => boolean): void {
    const { clock } = this.#options;
    this.#hurriedAt = clock.now();
    this.#endPause();
    const session = this.#session;
    if (session === null || this.#state !== "logged in") return;
    if (!isOurs(session.local)) return session.close();
    this.#sendIfOpen({ type: "ping", requestId: 0 });
    this.#cancelCheck();
    const askedAt = clock.now();
    this.#cancelCheck = clock.after(CHECK_TIMEOUT_MS, () => {
      if (this.#session === session && this.#heardAt <= askedAt) session.close();
    });
  }

  /** Says goodbye where it can, and disconnects. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    await this.#sayGoodbye();
    running.abort.abort();
    this.#session?.close();
    await running.ended;
    this.#requests.stop();
    this.#failWaiters(new ControlError("notLoggedIn"));
  }

  /** Asks the server; see {@linkcode Requests.start}. */
  request(request: Request): Promise<Uint8Array> {
    if (this.#session === null || this.#state !== "logged in") return Promise.reject(new ControlError("notLoggedIn"));
    return this.#requests.start(request, (message) => this.#sendIfOpen(message));
  }

  /** Tells the server something that it does not answer; lost where there is no connection. */
  tell(message: Request): void {
    if (this.#state === "logged in") this.#sendIfOpen({ ...message, requestId: 0 } as ControlMessage);
  }

  /** A server that does not take it must not hold up the end. */
  async #sayGoodbye(): Promise<void> {
    const sent = this.#session?.send({ type: "goodbye", requestId: 0, reason: GOODBYE.logout, retryAfterMs: 0 });
    if (sent === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(GOODBYE_TIMEOUT_MS, resolve);
    await Promise.race([sent.catch(() => {}), promise]);
    cancel();
  }

  async #stayConnected(signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    let failures = 0;
    let better: ControlSession | null = null;
    while (!signal.aborted) {
      this.#state = "logging in";
      const ending = await this.#connectOnce(signal, better);
      // A better connection replaces the former one, which ends by that.
      const bettering = this.#bettering;
      this.#bettering = null;
      better = bettering === null ? null : await bettering.end(ending?.isReplaced ?? false);
      if (ending === null || signal.aborted) break;
      if (better !== null) continue;
      failures = ending.wasLoggedIn ? 0 : failures + 1;
      const spreadMs = ending.isServerGone ? this.#spreadMs : 0;
      const waitMs = backoffMs({ failures, spreadMs, retryAfterMs: ending.retryAfterMs }, random);
      await this.#pause(this.#isHurried && ending.retryAfterMs === 0 ? HURRIED_PAUSE_MS : waitMs, failures, signal);
    }
    better?.close();
    this.#state = "offline";
    if (this.#running?.abort.signal === signal) this.#running = null;
  }

  get #isHurried(): boolean {
    return this.#options.clock.now() - this.#hurriedAt < HURRY_MS;
  }

  /** Ends early at a {@linkcode ServerLink.check}. */
  async #pause(waitMs: number, failures: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    log.debug("waiting before the next login", { waitMs, failures });
    const hurry = new AbortController();
    this.#endPause = () => hurry.abort();
    await sleep(clock, waitMs, AbortSignal.any([signal, hurry.signal]));
    this.#endPause = () => {};
  }

  /** Null when there is no sense in another try. */
  async #connectOnce(signal: AbortSignal, opened: ControlSession | null): Promise<Ending | null> {
    const ending: Ending = { wasLoggedIn: false, retryAfterMs: 0, isServerGone: false, isReplaced: false };
    let failure = new LoginError("the connection was lost");
    try {
      const session = opened ?? await this.#options.open(signal);
      await this.#serve(session, ending, signal);
    } catch (error) {
      if (signal.aborted) return null;
      failure = error instanceof LoginError
        ? error
        : new LoginError(error instanceof Error ? error.message : String(error));
      ending.retryAfterMs = failure.retryAfterMs;
      ending.isServerGone = true;
    }
    if (this.#running === null) return null;
    this.#hasLoggedIn ||= ending.wasLoggedIn;
    this.#failWaiters(new ControlError(failure.code, failure.message));
    if (!failure.isFinal || this.#hasLoggedIn) {
      this.#options.log.warn("no connection to the server", { reason: failure.message });
      return ending;
    }
    this.#options.onFatal(failure);
    return null;
  }

  async #serve(session: ControlSession, ending: Ending, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return session.close();
    this.#session = session;
    let stopKeepalive = () => {};
    try {
      const login = await this.#greet(session);
      ending.wasLoggedIn = true;
      stopKeepalive = this.#keepAlive(session, login.welcome.keepaliveSeconds);
      this.#begin(login);
      const { better, clock } = this.#options;
      if (better !== undefined) this.#bettering = new Bettering(better, clock, session);
      await this.#receiveAll(session, ending);
    } finally {
      stopKeepalive();
      this.#cancelCheck();
      this.#session = null;
      session.close();
      if (ending.wasLoggedIn) this.#lost();
    }
  }

  async #greet(session: ControlSession): Promise<Login> {
    const cancel = this.#options.clock.after(WELCOME_TIMEOUT_MS, () => session.close());
    const welcome = await session.receive().finally(cancel);
    if (welcome === null) throw new Error("the server said no word after the login");
    if (welcome.type !== "welcome") throw new ProtocolError("the server's first message is not WELCOME");
    return { welcome, pool: checkWelcome(welcome), session };
  }

  #begin(login: Login): void {
    this.#state = "logged in";
    this.#spreadMs = login.welcome.spreadSeconds * 1000;
    this.#options.onLogin(login);
    for (const message of this.#requests.toRepeat()) this.#sendIfOpen(message);
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters.clear();
  }

  #lost(): void {
    this.#state = "logging in";
    this.#requests.connectionLost();
    this.#options.onLogout();
  }

  async #receiveAll(session: ControlSession, ending: Ending): Promise<void> {
    for (let message = await session.receive(); message !== null; message = await session.receive()) {
      this.#heardAt = this.#options.clock.now();
      this.#take(message, session, ending);
    }
    ending.isServerGone ||= ending.retryAfterMs === 0;
  }

  #take(message: ControlMessage | UnknownControlMessage, session: ControlSession, ending: Ending): void {
    switch (message.type) {
      case "result":
        return this.#requests.settle(message);
      case "ping":
        return this.#sendIfOpen({ type: "pong", requestId: message.requestId, time: wallTime(this.#options.clock) });
      case "goodbye":
        this.#options.log.info("the server ends the connection", { reason: message.reason });
        ending.retryAfterMs = message.reason === GOODBYE.replaced
          ? Math.max(REPLACED_PAUSE_MS, message.retryAfterMs)
          : message.retryAfterMs;
        ending.isServerGone = message.reason === GOODBYE.serverStops;
        ending.isReplaced = message.reason === GOODBYE.replaced;
        return session.close();
      case "unknown":
        return;
      default:
        this.#options.onMessage(message);
    }
  }

  #keepAlive(session: ControlSession, keepaliveSeconds: number): () => void {
    const { clock } = this.#options;
    const intervalMs = keepaliveIntervalMs(keepaliveSeconds);
    let cancel = () => {};
    const check = () => {
      const step = keepaliveStep({ sentAt: this.#sentAt, heardAt: this.#heardAt, intervalMs }, clock.now());
      if (step.do === "close") return session.close();
      if (step.do === "ping") this.#sendIfOpen({ type: "ping", requestId: 0 });
      cancel = clock.after(step.do === "ping" ? intervalMs : step.untilMs - clock.now(), check);
    };
    this.#sentAt = this.#heardAt = clock.now();
    check();
    return () => cancel();
  }

  #sendIfOpen(message: ControlMessage): void {
    const session = this.#session;
    if (session === null) return;
    this.#sentAt = this.#options.clock.now();
    session.send(message).catch((error: unknown) => {
      this.#options.log.debug("sending to the server failed", { error });
      session.close();
    });
  }

  #failWaiters(error: ControlError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}

function wallTime(clock: Clock): bigint {
  return BigInt(Math.round(clock.wallMs()));
}
