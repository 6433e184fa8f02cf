import type { Logger } from "../base/log.ts";
import { encodeFailure, encodeItem, encodeResult, type RequestFrame } from "./frames.ts";
import type { LineWriter } from "./lines.ts";
import { isMethodName, methodKind, parseParams } from "./methods.ts";
import { ControlError, type EngineControl, type MethodName } from "./schema.ts";

/** One more is refused, not queued. */
const MAX_OPEN_REQUESTS = 32;

type Call = Extract<RequestFrame, { method: string }>;

/** A write failed, which happens only when the other end is gone: nobody is left to tell, and nothing went wrong. */
class ReaderGone extends Error {}

/** The open requests of one connection, each answered as soon as the engine has the answer, in any order. */
export class Requests {
  readonly #writer: LineWriter;
  readonly #control: EngineControl;
  readonly #log: Logger;
  readonly #open = new Map<number, { abort: AbortController; answered: Promise<void> }>();

  /** Replies go to `writer`, which nobody else writes to. */
  constructor(writer: LineWriter, control: EngineControl, log: Logger) {
    this.#writer = writer;
    this.#control = control;
    this.#log = log;
  }

  /** Starts a request or cancels an open one. */
  accept(frame: RequestFrame): void {
    if ("cancel" in frame) return this.#open.get(frame.id)?.abort.abort();
    const abort = new AbortController();
    const isRefused = this.#open.has(frame.id) || this.#open.size >= MAX_OPEN_REQUESTS;
    const answered = this.#answer(frame, isRefused, abort.signal);
    if (isRefused) return;
    this.#open.set(frame.id, { abort, answered: answered.finally(() => this.#open.delete(frame.id)) });
  }

  /** Ends all streams and resolves when every open request is answered. */
  async finish(): Promise<void> {
    this.abandon();
    await Promise.all([...this.#open.values()].map((request) => request.answered));
  }

  /** Ends all streams; answers still in the making are written to nobody. */
  abandon(): void {
    for (const { abort } of this.#open.values()) abort.abort();
  }

  async #answer(call: Call, isRefused: boolean, signal: AbortSignal): Promise<void> {
    try {
      if (isRefused) throw new ControlError("busy", "too many requests are open on this connection");
      for (const line of await this.#perform(call, signal)) await this.#write(line);
    } catch (error) {
      if (error instanceof ReaderGone) return;
      await this.#write(encodeFailure(call.id, this.#asFailure(call, error))).catch(() => {});
    }
  }

  async #write(line: string): Promise<void> {
    try {
      await this.#writer.write(line);
    } catch (cause) {
      throw new ReaderGone("Cannot answer: the reader is gone", { cause });
    }
  }

  async #perform(call: Call, signal: AbortSignal): Promise<string[]> {
    if (!isMethodName(call.method)) {
      throw new ControlError("invalidRequest", `the engine does not know ${JSON.stringify(call.method.slice(0, 40))}`);
    }
    const answer = invoke(this.#control, call.method, parseParams(call.method, call.params), signal);
    if (methodKind(call.method) === "call") return encodeResult(call.id, await answer);
    for await (const item of answer as AsyncIterable<unknown>) await this.#write(encodeItem(call.id, item));
    return encodeResult(call.id, null);
  }

  #asFailure(call: Call, error: unknown): ControlError {
    if (error instanceof ControlError) return error;
    this.#log.error("a control request failed", { method: call.method, error });
    return new ControlError("internal", error instanceof Error ? error.message : undefined);
  }
}

/** The parameters were checked against the method's schema, which the type of the method's table ties to its signature. */
function invoke(control: EngineControl, method: MethodName, params: unknown, signal: AbortSignal): unknown {
  const perform = control[method] as (params: unknown, signal: AbortSignal) => unknown;
  return perform.call(control, params, signal);
}
