import { ProtocolError } from "../base/errors.ts";
import type { Endpoint } from "../base/ip.ts";
import {
  type ControlMessage,
  decodePlainFrame,
  encodeControl,
  FrameSplitter,
  GOODBYE,
  MAX_FRAME_SIZE,
  modernLogin,
  SUITE,
} from "../protocol/mod.ts";
import {
  type ControlStream,
  type ServerLogin,
  type ServerLoginEffect,
  type ServerLoginEvent,
  type ServerLoginOptions,
  type ServerLoginState,
  startServerLogin,
  stepServerLogin,
} from "../session/mod.ts";

import { handlePlaintext, type Handlers } from "./requests.ts";
import { SendQueue } from "./send_queue.ts";
import { enterSession, exitSession, KEEPALIVE_SECONDS, lookUpAccount, registerAccount } from "./sessions.ts";
import type { Account } from "./store.ts";
import type { ControlClient, World } from "./world.ts";

/** The bytes below a control connection. */
export interface ControlSocket {
  /** Our end. */
  readonly local: Endpoint;
  /** The client's end. */
  readonly remote: Endpoint;
  /** Reads into `buffer`; how many bytes came, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Resolves when the system has taken all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends waiting reads and writes. May be called again. */
  close(): void;
}

/** What all connections of a server share. */
export interface ConnectionContext {
  /** What requests work on. */
  world: World;
  /** The server's keys and suites. */
  login: ServerLoginOptions;
  /** What clients may ask for. */
  handlers: Handlers;
  /** Whoever stands behind `remote`, see `rate_limits.ts`. */
  source: string;
  /** Called once, when the client is authenticated. */
  onAuthenticated: () => void;
}

const READ_LENGTH = 4096;
const WRITE_TIMEOUT_MS = 10_000;
const SESSION_ID_LENGTH = 8;
const DISCOVERY_KEY_LENGTH = 32;
const KEEPALIVE_MS = KEEPALIVE_SECONDS * 1000;
const IDLE_MS = 3 * KEEPALIVE_MS;

/** One connection of a client, from its first byte to its last. */
export class ControlConnection {
  readonly #socket: ControlSocket;
  readonly #context: ConnectionContext;
  readonly #splitter = new FrameSplitter({ maxSize: MAX_FRAME_SIZE.beforeAuthentication });
  readonly #queue: SendQueue;
  #login: ServerLoginState;
  #deadline: number | null = null;
  #stream: ControlStream | null = null;
  #client: ControlClient | null = null;
  /** Suites named in HELO; believed once the login, which covers it, has held. */
  #suites: readonly number[] = [];
  #heardAt: number;
  #sentAt: number;
  #writingSince: number | null = null;
  #pingId = 0;
  #isClosed = false;

  /** Takes over the socket. */
  constructor(socket: ControlSocket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#queue = new SendQueue({ write: (bytes) => this.#write(bytes) }, (reason) => this.#close(reason));
    const now = context.world.clock.now();
    [this.#heardAt, this.#sentAt] = [now, now];
    const { state, effects } = startServerLogin(now);
    this.#login = state;
    for (const effect of effects) if (effect.do === "arm") this.#deadline = now + effect.ms;
  }

  /** Serves the connection until it ends. Never throws. */
  async run(): Promise<void> {
    try {
      await this.#readAll();
    } catch (error) {
      this.#log("connection failed", error);
    }
    this.#close("client closed the connection");
    if (this.#client !== null) await exitSession(this.#context.world, this.#client);
  }

  /**
   * To be called about once a second: time limits of a login, silence, writes that hang.
   *
   * @param stalledMs for so long nobody could be served; that is not the client's fault
   */
  tick(now: number, stalledMs: number): void {
    if (this.#deadline !== null) this.#deadline += stalledMs;
    if (this.#deadline !== null && now >= this.#deadline) {
      this.#deadline = null;
      void this.#step({ on: "timer" });
    }
    if (this.#writingSince !== null && now >= this.#writingSince + WRITE_TIMEOUT_MS) this.#close("write timed out");
    if (this.#client === null) return;
    if (now >= this.#heardAt + IDLE_MS) return this.dismiss(GOODBYE.idle, 0);
    if (now >= this.#sentAt + KEEPALIVE_MS) this.#send({ type: "ping", requestId: ++this.#pingId });
  }

  /** Says GOODBYE if the client has logged in, and closes when it is written. */
  dismiss(reason: number, retryAfterMs: number): void {
    if (this.#stream !== null) this.#send({ type: "goodbye", requestId: 0, reason, retryAfterMs });
    void this.#closeWhenWritten("dismissed");
  }

  /** Closes at once. */
  hangUp(reason: string): void {
    this.#close(reason);
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(READ_LENGTH);
    for (;;) {
      const length = await this.#socket.read(buffer);
      if (length === null || this.#isClosed) return;
      this.#heardAt = this.#context.world.clock.now();
      this.#splitter.push(buffer.subarray(0, length));
      await this.#takeFrames();
    }
  }

  async #takeFrames(): Promise<void> {
    for (let frame = this.#splitter.next(); frame !== null && !this.#isClosed; frame = this.#splitter.next()) {
      await this.#takeFrame(frame);
    }
  }

  async #takeFrame(frame: Uint8Array): Promise<void> {
    if (this.#client === null) return await this.#step({ on: "frame", frame });
    const plaintext = this.#stream!.open(frame);
    if (plaintext === null) return this.#close("protected message does not hold");
    await handlePlaintext(this.#context.world, this.#client, this.#context.handlers, plaintext);
  }

  async #step(event: ServerLoginEvent): Promise<void> {
    const { world, login: server } = this.#context;
    if (event.on === "frame" && this.#login.at === "awaitingHelo") this.#suites = suitesOf(event.frame);
    const { state, effects } = stepServerLogin(this.#login, event, {
      server,
      now: world.clock.now(),
      random: world.random,
    });
    this.#login = state;
    for (const effect of effects) await this.#carryOut(effect);
  }

  async #carryOut(effect: ServerLoginEffect): Promise<void> {
    const { world, source } = this.#context;
    switch (effect.do) {
      case "send":
        return this.#push(effect.frame);
      case "arm":
        this.#deadline = world.clock.now() + effect.ms;
        return;
      case "disarm":
        this.#deadline = null;
        return;
      case "lookUp":
        return await this.#step({ on: "account", account: await lookUpAccount(world, effect.suite, effect.address) });
      case "register":
        return await this.#step(await registerAccount(world, source, effect.nick, effect.keys));
      case "established":
        return await this.#establish(effect.login);
      case "close":
        world.log.debug("login refused", { reason: effect.reason, source });
        return await this.#closeWhenWritten(effect.reason);
    }
  }

  async #establish(login: ServerLogin): Promise<void> {
    const { world, onAuthenticated } = this.#context;
    this.#stream = login.stream;
    this.#splitter.maxSize = MAX_FRAME_SIZE.afterAuthentication;
    onAuthenticated();
    this.#queue.beginSnapshot();
    this.#client = await enterSession(world, login.address, (account) => this.#makeClient(account, login));
    this.#queue.endSnapshot();
    if (this.#client === null) return this.#close("the account is gone");
    const { clientId } = this.#client;
    world.log.info("client logged in", { client: clientId, suite: login.suite, isNew: login.isRegistration });
  }

  #makeClient(account: Account, { suite, binding }: ServerLogin): ControlClient {
    const { random } = this.#context.world;
    return {
      clientId: account.clientId,
      virtualAddress: account.virtualAddress,
      sessionId: random.bytes(SESSION_ID_LENGTH),
      discoveryKey: random.bytes(DISCOVERY_KEY_LENGTH),
      binding,
      suites: suite === SUITE.modern ? this.#suites : [SUITE.classic],
      observed: this.#socket.remote,
      serverEndpoint: this.#socket.local,
      source: this.#context.source,
      plan: account.plan,
      keys: [],
      candidates: [],
      observedUdp: null,
      discoveryCounters: new Map(),
      send: (message) => this.#send(message),
      sendEncoded: (message) => this.#sendEncoded(message),
      dismiss: (reason, retryAfterMs) => this.dismiss(reason, retryAfterMs),
      hangUp: (reason) => this.hangUp(reason),
    };
  }

  #send(message: ControlMessage): void {
    this.#sendEncoded(encodeControl(message));
  }

  #sendEncoded(message: Uint8Array): void {
    if (this.#isClosed) return;
    const frame = this.#stream!.seal(message);
    if (frame === null) return this.#close("the numbers of the connection are used up");
    this.#push(frame);
  }

  #push(frame: Uint8Array): void {
    this.#sentAt = this.#context.world.clock.now();
    this.#queue.push(frame);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#writingSince = this.#context.world.clock.now();
    await this.#socket.write(bytes);
    this.#writingSince = null;
  }

  async #closeWhenWritten(reason: string): Promise<void> {
    await this.#queue.drained();
    this.#close(reason);
  }

  #close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#log("connection closed", reason);
    this.#stream?.close();
    this.#socket.close();
  }

  #log(event: string, reason: unknown): void {
    this.#context.world.log.debug(event, { source: this.#context.source, client: this.#client?.clientId, reason });
  }
}

/** What a HELO of suite 2 says its sender speaks; nothing where it is none, which ends the login anyway. */
function suitesOf(frame: Uint8Array): number[] {
  try {
    return modernLogin.helo.decode(decodePlainFrame(frame).body).suites;
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}
