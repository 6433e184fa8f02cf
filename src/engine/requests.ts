import type { Clock } from "../base/clock.ts";
import { ControlError } from "../ipc/schema.ts";
import { CONTROL, type ControlMessage, type ControlMessageOf, RESULT_CODE } from "../protocol/mod.ts";
import { refusalOf } from "./refusals.ts";

/** How long an answer is waited for, reconnections included. */
const ANSWER_TIMEOUT_MS = 15_000;

/** A message before it has a request id. */
export type Request = ControlMessage extends infer M ? M extends ControlMessage ? Omit<M, "requestId"> : never : never;

interface Pending {
  message: ControlMessage;
  resolve: (payload: Uint8Array) => void;
  reject: (error: ControlError) => void;
  cancelTimeout: () => void;
}

/**
 * Requests that wait for their RESULT. One that changes something carries an operation number, under which the server
 * remembers its answer; so it can be repeated after the connection was lost, and is. Others fail with the connection.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  /** `clock` times the answers out. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Gives the request its id and hands it to `send`. Resolves with the payload of its RESULT.
   * Rejects with {@linkcode ControlError}: what the server refused, `timedOut`, or `notLoggedIn`.
   */
  start(request: Request, send: (message: ControlMessage) => void): Promise<Uint8Array> {
    const requestId = this.#newId();
    const message = { ...request, requestId } as ControlMessage;
    return new Promise((resolve, reject) => {
      const timeOut = () => this.#take(requestId)?.reject(new ControlError("timedOut"));
      const cancelTimeout = this.#clock.after(ANSWER_TIMEOUT_MS, timeOut);
      this.#pending.set(requestId, { message, resolve, reject, cancelTimeout });
      send(message);
    });
  }

  /** Takes an answer; one that nobody waits for is ignored. */
  settle({ requestId, code, message, payload }: ControlMessageOf<"result">): void {
    const pending = this.#take(requestId);
    if (code === RESULT_CODE.ok) pending?.resolve(payload);
    else pending?.reject(refusalOf(code, message));
  }

  /** Fails the requests that cannot be repeated. */
  connectionLost(): void {
    for (const [id, { message }] of this.#pending) {
      if (!isRepeatable(message)) this.#take(id)?.reject(new ControlError("notLoggedIn"));
    }
  }

  /** What to send again over a new connection. */
  toRepeat(): ControlMessage[] {
    return [...this.#pending.values()].map(({ message }) => message).filter(isRepeatable);
  }

  /** Fails everything that waits. */
  stop(): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(new ControlError("notLoggedIn"));
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimeout();
    return pending;
  }

  /** 0 stands for "no answer wanted". */
  #newId(): number {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    return this.#pending.has(id) ? this.#newId() : id;
  }
}

function isRepeatable(message: ControlMessage): boolean {
  return "operation" in CONTROL[message.type].fields;
}
