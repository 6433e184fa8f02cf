/**
 * Opens an authenticated connection to a server: the login machine of src/session over a stream, then control messages in
 * its protected frames.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  FrameSplitter,
  MAX_FRAME_SIZE,
  type UnknownControlMessage,
} from "../protocol/mod.ts";
import {
  type ClientLogin,
  type ClientLoginEffect,
  type ClientLoginEvent,
  type ClientLoginOptions,
  startClientLogin,
  stepClientLogin,
} from "../session/mod.ts";
import type { StreamConnection } from "../transport/stream.ts";
import { LoginError, loginErrorOf } from "./login_error.ts";
import type { ControlSession } from "./server_link.ts";

/** Messages that may wait for the system to take them; a server that reads nothing for so long is gone. */
const MAX_QUEUED_BYTES = 256 * 1024;

/** What a login takes from outside. */
export interface LoginMeans {
  /** Times it out. */
  clock: Clock;
  /** Nonces and ephemeral keys. */
  random: Random;
}

/** A login, and the connection it opened. */
export interface OpenedSession {
  /** Who we are to this server. */
  login: ClientLogin;
  /** For what follows; closing it closes the stream. */
  session: ControlSession;
}

/**
 * Logs in over `stream`, or registers where the identity has no address yet.
 *
 * @throws {LoginError} why it came to nothing; then the stream is closed
 */
export async function logIn(
  stream: StreamConnection,
  options: ClientLoginOptions,
  { clock, random }: LoginMeans,
): Promise<OpenedSession> {
  const frames = new FrameReader(stream);
  let cancelTimer = () => {};
  let { state, effects } = startClientLogin(options, random);
  try {
    for (;;) {
      const login = await carryOut(effects, stream, (ms) => {
        cancelTimer();
        cancelTimer = clock.after(ms, () => frames.timeOut());
      });
      if (login !== null) return { login, session: new StreamSession(stream, frames, login) };
      ({ state, effects } = stepClientLogin(state, await frames.nextEvent(), random));
    }
  } catch (error) {
    stream.close();
    throw error instanceof ProtocolError ? new LoginError(error.message) : error;
  } finally {
    cancelTimer();
  }
}

/** Null while the login goes on. @throws {LoginError} when it has failed */
async function carryOut(
  effects: ClientLoginEffect[],
  stream: StreamConnection,
  arm: (ms: number) => void,
): Promise<ClientLogin | null> {
  for (const effect of effects) {
    if (effect.do === "send") await stream.write(effect.frame);
    else if (effect.do === "arm") arm(effect.ms);
    else if (effect.do === "established") return effect.login;
    else if (effect.do === "fail") throw loginErrorOf(effect.failure);
  }
  return null;
}

/** Cuts the stream into frames. One reader at a time. */
class FrameReader {
  readonly #stream: StreamConnection;
  readonly #splitter = new FrameSplitter({ maxSize: MAX_FRAME_SIZE.beforeAuthentication });
  #hasTimedOut = false;

  constructor(stream: StreamConnection) {
    this.#stream = stream;
  }

  /** Null at the end of the stream. @throws {ProtocolError} for a frame beyond the limit */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      const frame = this.#splitter.next();
      if (frame !== null) return frame;
      const chunk = await this.#stream.read();
      if (chunk === null) return null;
      this.#splitter.push(chunk);
    }
  }

  async nextEvent(): Promise<ClientLoginEvent> {
    const frame = await this.next();
    if (frame !== null) return { on: "frame", frame };
    return { on: this.#hasTimedOut ? "timer" : "closed" };
  }

  /** Ends the reading. */
  timeOut(): void {
    this.#hasTimedOut = true;
    this.#stream.close();
  }

  allowLargeFrames(): void {
    this.#splitter.maxSize = MAX_FRAME_SIZE.afterAuthentication;
  }
}

class StreamSession implements ControlSession {
  readonly #stream: StreamConnection;
  readonly #frames: FrameReader;
  readonly #login: ClientLogin;
  #queuedBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(stream: StreamConnection, frames: FrameReader, login: ClientLogin) {
    this.#stream = stream;
    this.#frames = frames;
    this.#login = login;
    frames.allowLargeFrames();
  }

  get local(): ControlSession["local"] {
    return this.#stream.local;
  }

  get remote(): ControlSession["remote"] {
    return this.#stream.remote;
  }

  get binding(): Uint8Array {
    return this.#login.binding;
  }

  send(message: ControlMessage): Promise<void> {
    const frame = this.#login.stream.seal(encodeControl(message));
    if (frame === null) return Promise.reject(new Error("the numbers of this connection are used up"));
    if (this.#queuedBytes + frame.length > MAX_QUEUED_BYTES) {
      return Promise.reject(new Error("the server does not read what is sent"));
    }
    this.#queuedBytes += frame.length;
    // A failed write breaks the connection: whatever was to follow fails with it.
    this.#writing = this.#writing.then(() => this.#stream.write(frame)).then(() =>
      void (this.#queuedBytes -= frame.length)
    );
    return this.#writing;
  }

  async receive(): Promise<ControlMessage | UnknownControlMessage | null> {
    const frame = await this.#frames.next();
    if (frame === null) return null;
    const plaintext = this.#login.stream.open(frame);
    if (plaintext === null) throw new ProtocolError("a message of the server does not hold");
    return decodeControl(plaintext, "server");
  }

  close(): void {
    this.#login.stream.close();
    this.#stream.close();
  }
}
