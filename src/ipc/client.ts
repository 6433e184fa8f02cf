import { ProtocolError } from "../base/errors.ts";
import { decodeReply, encodeRequest, type ReplyFrame } from "./frames.ts";
import { type ByteStream, LineWriter, readLines } from "./lines.ts";
import { METHOD_NAMES, methodKind, parseFailure, parseResult } from "./methods.ts";
import { ControlError, type EngineControl, type MethodName } from "./schema.ts";
import { dialControl } from "./socket.ts";

/** Most UTF-16 units of a result that came in parts: 4096 full networks stay far below. */
const MAX_JOINED_LENGTH = 64 * 1024 * 1024;

/** A connection to the running engine. */
export interface ControlConnection {
  /** The engine, as if it were in this process. Its methods reject with `engineGone` once the connection has ended. */
  readonly control: EngineControl;
  /** Resolves when the connection has ended, by either end. */
  readonly ended: Promise<void>;
  /** Ends it. May be called again. */
  close(): void;
}

/** There is no engine to talk to. */
export class EngineUnreachableError extends Error {
  /** `notRunning`: nobody listens. `notPermitted`: somebody may, but this user may not talk to it. */
  readonly reason: "notRunning" | "notPermitted";

  /** `cause` is the system's error. */
  constructor(reason: "notRunning" | "notPermitted", cause: unknown) {
    super(reason === "notRunning" ? "the engine is not running" : "no permission to control the engine", { cause });
    this.name = "EngineUnreachableError";
    this.reason = reason;
  }
}

/** Connects to the engine that runs on `stateDir`. Throws `EngineUnreachableError`, or the system's error for the rest. */
export async function connectControl(stateDir: string): Promise<ControlConnection> {
  try {
    return openControl(await dialControl(stateDir));
  } catch (error) {
    const { ConnectionRefused, NotFound, PermissionDenied } = Deno.errors;
    if (error instanceof PermissionDenied) throw new EngineUnreachableError("notPermitted", error);
    if (error instanceof NotFound || error instanceof ConnectionRefused) {
      throw new EngineUnreachableError("notRunning", error);
    }
    throw error;
  }
}

/** Speaks the control protocol over `stream`, which belongs to the connection from now on. */
export function openControl(stream: ByteStream): ControlConnection {
  const session = new Session(stream);
  // The loop gives each method its shape by its kind, which the method table's type ties to `EngineControl`.
  const control = Object.fromEntries(METHOD_NAMES.map((method) => [
    method,
    methodKind(method) === "call"
      ? (params: unknown = {}) => session.call(method, params)
      : (params: unknown, signal: AbortSignal) => session.stream(method, params, signal),
  ])) as unknown as EngineControl;
  return { control, ended: session.ended, close: () => session.close() };
}

class Session {
  readonly #stream: ByteStream;
  readonly #writer: LineWriter;
  readonly #inboxes = new Map<number, Inbox>();
  readonly ended: Promise<void>;
  #nextId = 1;
  #isClosed = false;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#writer = new LineWriter(stream);
    this.ended = this.#receive();
  }

  async call(method: MethodName, params: unknown): Promise<unknown> {
    const { id, inbox } = this.#request(method, params);
    try {
      const json: string[] = [];
      let length = 0;
      for (;;) {
        const frame = await inbox.next();
        if ("failure" in frame) throw parseFailure(frame.failure);
        if ("result" in frame) return parseResult(method, frame.result);
        if ("joined" in frame) return parseResult(method, JSON.parse(json.join("")));
        if (!("part" in frame)) throw new ControlError("internal", "the engine answered a call with a stream");
        length += frame.part.length;
        if (length > MAX_JOINED_LENGTH) throw new ControlError("internal", "the engine's answer is too long");
        json.push(frame.part);
      }
    } finally {
      this.#inboxes.delete(id);
    }
  }

  async *stream(method: MethodName, params: unknown, signal: AbortSignal): AsyncGenerator<unknown> {
    const { id, inbox } = this.#request(method, params);
    const cancel = () => void this.#writer.write(encodeRequest({ id, cancel: true })).catch(() => {});
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
    let isOpen = true;
    try {
      for (;;) {
        const frame = await inbox.next();
        isOpen = "item" in frame;
        if ("failure" in frame) throw parseFailure(frame.failure);
        if (!("item" in frame)) return;
        yield parseResult(method, frame.item);
      }
    } finally {
      signal.removeEventListener("abort", cancel);
      if (isOpen) cancel();
      this.#inboxes.delete(id);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.close();
  }

  #request(method: MethodName, params: unknown): { id: number; inbox: Inbox } {
    const id = this.#nextId++;
    const inbox = new Inbox();
    this.#inboxes.set(id, inbox);
    this.#writer.write(encodeRequest({ id, method, params })).catch((error) => {
      inbox.fail(new ControlError(error instanceof ProtocolError ? "invalidRequest" : "engineGone"));
    });
    return { id, inbox };
  }

  async #receive(): Promise<void> {
    let failure = new ControlError("engineGone");
    try {
      for await (const line of readLines(this.#stream)) {
        const frame = decodeReply(line);
        this.#inboxes.get(frame.id)?.put(frame);
      }
    } catch (error) {
      if (!this.#isClosed) failure = new ControlError("engineGone", error instanceof Error ? error.message : undefined);
    }
    this.close();
    for (const inbox of this.#inboxes.values()) inbox.fail(failure);
  }
}

/** Replies to one request, in order of arrival. */
class Inbox {
  readonly #frames: ReplyFrame[] = [];
  #failure: ControlError | undefined;
  #wake: () => void = () => {};

  put(frame: ReplyFrame): void {
    this.#frames.push(frame);
    this.#wake();
  }

  /** What has arrived before is still given out. */
  fail(failure: ControlError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  async next(): Promise<ReplyFrame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
