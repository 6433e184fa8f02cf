import assert from "node:assert/strict";
import { type Random, systemRandom } from "../../src/base/random.ts";
import { type Ed25519KeyPair, generateEd25519, type RsaKeyPair } from "../../src/crypto/mod.ts";
import {
  type AnsweredRequest,
  type ControlMessage,
  type ControlMessageOf,
  type ControlName,
  decodeControl,
  decodeResultPayload,
  encodeControl,
  FrameSplitter,
  MAX_FRAME_SIZE,
  type ResultPayload,
  resultWords,
  type ServerPin,
  type SuiteId,
} from "../../src/protocol/mod.ts";
import {
  type ClientLogin,
  type ClientLoginState,
  type LoginFailure,
  startClientLogin,
  stepClientLogin,
} from "../../src/session/mod.ts";

/** What a fake client is and where it goes. */
export interface FakeClientOptions {
  hostname?: string;
  port: number;
  pin: ServerPin;
  /** Default 2. */
  suite?: SuiteId;
  /** Suites it says it speaks; default: the one it uses. */
  suites?: readonly number[];
  /** 0 = registers. */
  address?: number;
  nick?: string;
  ed25519?: Ed25519KeyPair | null;
  rsa?: RsaKeyPair | null;
  random?: Random;
}

/** A login that came to nothing. */
export class LoginFailedError extends Error {
  constructor(readonly failure: LoginFailure) {
    super(`login failed: ${JSON.stringify(failure)}`);
  }
}

const WAIT_MS = 30_000;

/** What a RESULT said. */
export interface FakeResult {
  code: number;
  /** The words of `code`. */
  words: string;
  payload: Uint8Array;
}

/** Fields of a request besides those that every request has. */
type RequestFields<N extends ControlName> = Omit<ControlMessageOf<N>, "type" | "requestId" | "operation"> & {
  operation?: bigint;
};

/** The least that speaks to a server: logs in, sends requests, and keeps all that it is told until somebody asks for it. */
export class FakeClient implements AsyncDisposable {
  readonly login: ClientLogin;
  readonly ed25519: Ed25519KeyPair;
  /** Everything pushed that no `next` has taken. */
  readonly inbox: ControlMessage[] = [];
  /** How many frames came in all. */
  frameCount = 0;
  readonly #connection: Deno.TcpConn;
  readonly #splitter: FrameSplitter;
  readonly #results = new Map<number, (result: FakeResult) => void>();
  readonly #waiting = new Set<() => void>();
  readonly #ended: Promise<void>;
  #writing: Promise<unknown> = Promise.resolve();
  #requestId = 0;
  #isOpen = true;

  private constructor(connection: Deno.TcpConn, splitter: FrameSplitter, login: ClientLogin, ed25519: Ed25519KeyPair) {
    this.#connection = connection;
    this.#splitter = splitter;
    this.login = login;
    this.ed25519 = ed25519;
    splitter.maxSize = MAX_FRAME_SIZE.afterAuthentication;
    this.#ended = this.#readAll();
  }

  /** Connects and logs in. @throws {LoginFailedError} */
  static async connect(options: FakeClientOptions): Promise<FakeClient> {
    const random = options.random ?? systemRandom();
    const ed25519 = options.ed25519 ?? generateEd25519(random);
    const connection = await Deno.connect({ hostname: options.hostname ?? "127.0.0.1", port: options.port });
    const splitter = new FrameSplitter({ maxSize: MAX_FRAME_SIZE.beforeAuthentication });
    try {
      const login = await logIn(connection, splitter, { ...options, ed25519 }, random);
      return new FakeClient(connection, splitter, login, ed25519);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Whether the server has not closed the connection. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Own virtual address. */
  get address(): number {
    return this.login.address;
  }

  /** Sends a message as it is. */
  send(message: ControlMessage): void {
    this.sendPlaintext(encodeControl(message));
  }

  /** Seals and sends any bytes. */
  sendPlaintext(plaintext: Uint8Array): void {
    this.sendFrame(this.login.stream.seal(plaintext)!);
  }

  /** Sends any bytes. */
  sendFrame(frame: Uint8Array): void {
    this.#writing = this.#writing.then(() => writeAll(this.#connection, frame)).catch(() => {});
  }

  /** Sends a request and waits for its RESULT. */
  async request<N extends ControlName>(type: N, fields: RequestFields<N>): Promise<FakeResult> {
    const requestId = ++this.#requestId;
    const answered = Promise.withResolvers<FakeResult>();
    this.#results.set(requestId, answered.resolve);
    const operation = systemRandom().bytes(8);
    const message = { operation: new DataView(operation.buffer).getBigUint64(0), ...fields, type, requestId };
    this.send(message as unknown as ControlMessage);
    return await within(answered.promise, `RESULT of ${type}`);
  }

  /** Sends a request that must succeed. */
  async must<N extends ControlName>(type: N, fields: RequestFields<N>): Promise<Uint8Array> {
    const { code, words, payload } = await this.request(type, fields);
    assert.equal(code, 0, `${type} .. failed, ${words}`);
    return payload;
  }

  /** Sends a request whose answer carries something. */
  async ask<N extends AnsweredRequest>(type: N, fields: RequestFields<N>): Promise<ResultPayload<N>> {
    return decodeResultPayload(type, await this.must(type, fields));
  }

  /** The next message of a kind, also one that has come before; it is taken out of the inbox. */
  async next<N extends ControlName>(
    type: N,
    matches: (message: ControlMessageOf<N>) => boolean = () => true,
  ): Promise<ControlMessageOf<N>> {
    const find = () => this.inbox.findIndex((message) => message.type === type && matches(message as never));
    const arrived = Promise.withResolvers<void>();
    const check = () => void (find() >= 0 && arrived.resolve());
    this.#waiting.add(check);
    check();
    try {
      await within(arrived.promise, `${type} (inbox: ${this.inbox.map((message) => message.type).join(" ")})`);
    } finally {
      this.#waiting.delete(check);
    }
    return this.inbox.splice(find(), 1)[0] as ControlMessageOf<N>;
  }

  /** Takes everything out of the inbox, up to and with SYNCHRONISED. */
  async synchronised(): Promise<ControlMessage[]> {
    await this.next("synchronised");
    return this.inbox.splice(0);
  }

  /** Resolves when everything sent before has been answered. */
  async settled(): Promise<void> {
    const requestId = ++this.#requestId;
    this.send({ type: "ping", requestId });
    await this.next("pong", (pong) => pong.requestId === requestId);
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    await within(this.#ended, "the end of the connection");
  }

  /** Ends the connection without a word. */
  async close(): Promise<void> {
    if (this.#isOpen) this.#connection.close();
    this.#isOpen = false;
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      this.#takeFrames();
      for (let length = await this.#connection.read(buffer); length !== null;) {
        this.#splitter.push(buffer.subarray(0, length));
        this.#takeFrames();
        length = await this.#connection.read(buffer);
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
    if (this.#isOpen) this.#connection.close();
    this.#isOpen = false;
  }

  #takeFrames(): void {
    for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
      this.frameCount++;
      const plaintext = this.login.stream.open(frame);
      assert.ok(plaintext !== null, "a frame of the server does not open");
      this.#take(decodeControl(plaintext, "server") as ControlMessage);
    }
  }

  #take(message: ControlMessage): void {
    if (message.type === "result") {
      const { code, payload } = message;
      this.#results.get(message.requestId)?.({ code, words: resultWords(code), payload });
      this.#results.delete(message.requestId);
    } else if (message.type === "ping") {
      this.send({ type: "pong", requestId: message.requestId, time: 0n });
    } else {
      this.inbox.push(message);
      for (const check of [...this.#waiting]) check();
    }
  }
}

async function logIn(
  connection: Deno.TcpConn,
  splitter: FrameSplitter,
  options: FakeClientOptions & { ed25519: Ed25519KeyPair },
  random: Random,
): Promise<ClientLogin> {
  const suite = options.suite ?? 2;
  const identity = {
    address: options.address ?? 0,
    nick: options.nick ?? "",
    ed25519: options.ed25519,
    rsa: options.rsa ?? null,
  };
  const offers = [{ aead: 1, costNs: 1000 }];
  const suites = options.suites ?? [suite];
  let { state, effects } = startClientLogin({ suite, server: options.pin, identity, suites, offers }, random);
  const buffer = new Uint8Array(4096);
  for (;;) {
    for (const effect of effects) {
      if (effect.do === "send") await writeAll(connection, effect.frame);
      if (effect.do === "established") return effect.login;
      if (effect.do === "fail") throw new LoginFailedError(effect.failure);
    }
    ({ state, effects } = await nextStep(connection, splitter, state, random, buffer));
  }
}

async function nextStep(
  connection: Deno.TcpConn,
  splitter: FrameSplitter,
  state: ClientLoginState,
  random: Random,
  buffer: Uint8Array,
) {
  for (;;) {
    const frame = splitter.next();
    if (frame !== null) return stepClientLogin(state, { on: "frame", frame }, random);
    const length = await within(connection.read(buffer).catch(() => null), "an answer to the login");
    if (length === null) return stepClientLogin(state, { on: "closed" }, random);
    splitter.push(buffer.subarray(0, length));
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await connection.write(bytes.subarray(offset));
}

/** Fails a test that would wait for ever. */
async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came in time: ${what}`)), WAIT_MS);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
